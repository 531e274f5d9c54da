"""A loop: one step, taken again and again, until it is stopped. Tests call the step."""

import asyncio
import contextlib

import structlog

from ..model.exceptions import StoreUnavailable

_log = structlog.get_logger()
_AFTER_A_FAULT = 1.0  # seconds


class Loop:
    """Something that runs by itself. `pause` is the longest rest between two steps, in seconds."""

    def __init__(self, name: str, pause: float) -> None:
        self._name = name
        self._pause = pause
        self._bell = asyncio.Event()
        self._over = False
        self._task: asyncio.Task[None] | None = None

    async def run_once(self) -> bool:
        """One step. True when there is more to do at once."""
        raise NotImplementedError

    def start(self) -> None:
        """Begins to run."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    def wake(self) -> None:
        """There is something to do: the pause is over."""
        self._bell.set()

    async def stop(self) -> None:
        """Takes no further step. One that is under way is finished: what it claimed is not let fall."""
        self._over = True
        self.wake()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._over:
            self._bell.clear()
            try:
                more, rest = await self.run_once(), self._pause
            except StoreUnavailable:  # the store has said why
                more, rest = False, _AFTER_A_FAULT
            except Exception:
                _log.exception("a step failed", loop=self._name)
                more, rest = False, _AFTER_A_FAULT
            if not more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._bell.wait(), rest)
