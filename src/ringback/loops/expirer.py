"""The expirer: what is cancelled, or no longer valid, gets its report without being called."""

from collections.abc import Callable

from ..model.call import Call, CallResult
from ..model.report import DeliveryReport
from ..model.settle import Terms, report_of
from ..model.times import Instant
from ..store.store import Store
from .loop import Loop

_PAUSE = 0.5  # seconds


class Expirer(Loop):
    """Ends a slice at a time, so that nobody waits for it."""

    def __init__(self, store: Store, terms: Callable[[], Terms], now: Callable[[], Instant]) -> None:
        super().__init__("expirer", _PAUSE)
        self._store = store
        self._terms = terms
        self._now = now

    async def run_once(self) -> bool:
        """Ends one slice."""
        terms = self._terms()

        def conclude(call: Call, result: CallResult) -> DeliveryReport:
            return report_of(call, result, terms)

        return await self._store.expire(self._now(), conclude) > 0
