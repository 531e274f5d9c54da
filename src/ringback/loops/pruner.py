"""The pruner: forgets what was collected, when its time is over. What waits is never forgotten."""

import asyncio
from collections.abc import Callable

import structlog

from ..audio.recordings import Recordings
from ..model.times import Instant
from ..store.store import Store
from .loop import Loop

_log = structlog.get_logger()
_PAUSE = 60.0  # seconds


class Pruner(Loop):
    """Forgets a slice at a time, so that nobody waits for it."""

    def __init__(self, store: Store, recordings: Recordings, now: Callable[[], Instant]) -> None:
        super().__init__("pruner", _PAUSE)
        self._store = store
        self._recordings = recordings
        self._now = now

    async def run_once(self) -> bool:
        """Forgets one slice; the recordings go when the rows that name them are gone."""
        pruned = await self._store.prune(self._now())
        for name in pruned.recordings:
            try:
                await asyncio.to_thread(self._recordings.remove, name)
            except OSError as fault:  # the others go all the same: nobody will name them again
                _log.error("a recording could not be removed", name=name, fault=str(fault))
        return pruned.reports > 0
