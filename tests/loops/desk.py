"""What the loops' tests work with: an engine whose calls end when the test says so, and a store that refuses."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from ringback.loops.dispatcher import Dispatcher
from ringback.model.call import Call, CallResult, Cause
from ringback.model.exceptions import StoreUnavailable
from ringback.model.message import Network
from ringback.model.report import DeliveryReport
from ringback.model.times import Instant
from ringback.store.store import Store
from tests.eventually import eventually_async
from tests.store.builders import NOW, TERMS

Outcome = Cause | Exception


class Phone:
    """Implements `CallEngine`: a call lasts until `end` is said to it, or ends at once with `outcome`."""

    def __init__(self, channels: int = 2, outcome: Outcome | None = None) -> None:
        self.network = Network.SANDBOX
        self.channels = channels
        self.outcome = outcome
        self.placed: list[Call] = []
        self.most = 0
        self.look: Callable[[Call], Any] = lambda call: None
        self._live: dict[str, asyncio.Future[Outcome]] = {}

    async def start(self) -> None:
        """Nothing to make ready."""

    def free_channels(self) -> int:
        return self.channels - len(self._live)

    @property
    def live(self) -> list[str]:
        return list(self._live)

    async def place(self, call: Call) -> CallResult:
        self.placed.append(call)
        over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._live[call.message_id] = over
        self.most = max(self.most, len(self._live))
        self.look(call)
        try:
            outcome = self.outcome or await over
        finally:
            del self._live[call.message_id]
        if isinstance(outcome, Exception):
            raise outcome
        return CallResult(outcome, ended_at=NOW + 5_000, invited_at=NOW + 1_000)

    def end(self, message_id: str, outcome: Outcome = Cause.NO_ANSWER) -> None:
        self._live[message_id].set_result(outcome)


class Refusing:
    """A store whose disk refuses some steps a number of times; else the store behind it."""

    def __init__(self, store: Store, **refusals: int) -> None:
        self._store = store
        self.left = Counter(refusals)
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._store, name)

        async def asked(*values: Any) -> Any:
            self.asked[name] += 1
            if self.left[name] > 0:
                self.left[name] -= 1
                raise StoreUnavailable("the disk is full")
            return await step(*values)

        return asked


class Reported:
    """A dispatcher, and the reports it announced."""

    def __init__(self, store: Any, engine: Phone, now: Callable[[], Instant] = lambda: NOW) -> None:
        self.dispatcher = Dispatcher(store, engine, lambda: TERMS, now)
        self.reports: list[DeliveryReport] = []
        self.dispatcher.on_report = self.reports.append

    @property
    def ids(self) -> list[str]:
        return [report.message_id for report in self.reports]

    async def until(self, count: int) -> None:
        await eventually_async(lambda: len(self.reports) >= count, 10, f"{count} reports")
