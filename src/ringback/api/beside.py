"""Work that takes long, done beside the event loop."""

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_under_way = 0


async def beside(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """What `work` gives, run in a thread, without the collector of reference cycles.

    A body of 20,000 messages is some hundred thousand objects. A full collection looks at each of them, holding the
    interpreter all the while, which is 90 ms and more in which the loop feeds no call.
    """

    def uncollected() -> T:
        with _no_collector():
            return work(*args, **named)

    return await asyncio.to_thread(uncollected)


@contextmanager
def _no_collector() -> Iterator[None]:
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def _count(change: int) -> None:
    global _under_way
    with _lock:
        _under_way += change
        if _under_way:
            gc.disable()
        else:
            gc.enable()
