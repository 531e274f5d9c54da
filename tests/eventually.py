"""The one place where a test may wait for something it cannot be told about.

Prefer being told: `run_once()`, an event, a readable socket. This is for what happens in another process.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_BETWEEN_LOOKS_S = 0.01


def eventually(predicate: Callable[[], T], timeout_s: float, what: str) -> T:
    """Look until `predicate` gives something true, and give that; or fail, naming `what` never came."""
    never_set = threading.Event()
    deadline = time.monotonic() + timeout_s
    while True:
        if seen := predicate():
            return seen
        if time.monotonic() >= deadline:
            raise AssertionError(_never(what, timeout_s, seen))
        never_set.wait(_BETWEEN_LOOKS_S)


async def eventually_async(predicate: Callable[[], T | Awaitable[T]], timeout_s: float, what: str) -> T:
    """As `eventually`; the loop runs on, and a `predicate` that is async is cut off at the deadline."""
    never_set = asyncio.Event()
    seen: T | None = None
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            while True:
                looked = predicate()
                seen = await looked if isinstance(looked, Awaitable) else looked
                if seen:
                    return seen
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(never_set.wait(), _BETWEEN_LOOKS_S)
    except TimeoutError:
        if not limit.expired():
            raise  # the predicate's own
        raise AssertionError(_never(what, timeout_s, seen)) from None


def _never(what: str, timeout_s: float, seen: object) -> str:
    return f"not within {timeout_s:g} s: {what} (the last look gave {seen!r})"
