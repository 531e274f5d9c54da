"""A task that ticks: evidence of how long the event loop was held."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from types import TracebackType

HELD = 0.050  # seconds: what nothing may take from the calls that the same loop feeds
SLACK = 3  # this machine is shared, and a tick may come late for reasons that are not ours


class Pulse:
    """Ticks at each turn of the loop while it is entered, and keeps the gaps between the ticks.

    `now_and_then` is called between ticks, not counted, at most 20 times.
    """

    def __init__(self, now_and_then: Callable[[], object] | None = None) -> None:
        self._look = now_and_then
        self._gaps: list[float] = []

    @property
    def beats(self) -> int:
        return len(self._gaps)

    @property
    def worst(self) -> float:
        """The longest that the loop was held, in seconds."""
        return max(self._gaps)

    def check(self) -> None:
        """The worst tick may be the machine's; the second worst, with slack, is ours."""
        worst = sorted(self._gaps)[-2:]
        assert worst[0] < HELD * SLACK, f"the loop was held for {worst} s"

    async def __aenter__(self) -> "Pulse":
        self._task = asyncio.create_task(self._tick())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _tick(self) -> None:
        looks = 0
        while True:
            if self._look and looks < 20:
                self._look()
                looks += 1
            before = time.perf_counter()
            await asyncio.sleep(0)
            self._gaps.append(time.perf_counter() - before)
