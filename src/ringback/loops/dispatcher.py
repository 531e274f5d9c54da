"""The dispatcher: claims what is due, has it called, settles the outcome and writes it down."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec

import structlog

from ..calls.engine import CallEngine
from ..model.call import Call, CallResult, Cause
from ..model.exceptions import AlreadyFinished, StoreUnavailable
from ..model.report import DeliveryReport
from ..model.settle import Terms, TryAgain, settle
from ..model.times import Instant
from ..store.store import Store
from .loop import Loop

P = ParamSpec("P")

_log = structlog.get_logger()
_TRY_AGAIN = 0.5  # seconds until a report that the disk refused is written again
_POLL = 0.5  # seconds: what is scheduled becomes due without anybody ringing a bell


class Dispatcher(Loop):
    """Carries each claimed message to its report, as many at once as the engine has free channels."""

    def __init__(self, store: Store, engine: CallEngine, terms: Callable[[], Terms], now: Callable[[], Instant]):
        super().__init__("dispatcher", _POLL)
        self._store = store
        self._engine = engine
        self._terms = terms
        self._now = now
        self._carried: set[asyncio.Task[None]] = set()
        self.on_report: Callable[[DeliveryReport], None] = lambda report: None

    async def run_once(self) -> bool:
        """Claims for every free channel. The attempts are on the disk before anything rings."""
        free = self._engine.free_channels()
        calls = await self._store.claim(free, self._now()) if free > 0 else []
        for call in calls:
            task = asyncio.get_running_loop().create_task(self._carry(call))
            self._carried.add(task)
            task.add_done_callback(self._carried.discard)
        await asyncio.sleep(0)  # each takes its channel before the next look at what is free
        return bool(calls)

    @property
    def busy(self) -> bool:
        """Somebody is being phoned."""
        return bool(self._carried)

    async def idle(self) -> None:
        """Returns when every claimed message has its report."""
        while self._carried:
            await asyncio.wait(self._carried)

    async def _carry(self, call: Call) -> None:
        result = await self._place(call)
        if result.cause is Cause.NOT_PLACED:
            await self._written(self._store.postpone, call, result, self._now())
            return
        outcome = settle(call, result, self._terms())
        if isinstance(outcome, TryAgain):
            if await self._written(self._store.postpone, call, result, outcome.due_at):
                _log.info("postponed", message_id=call.message_id, cause=result.cause, due_at=outcome.due_at)
        elif await self._written(self._store.finish, call, result, outcome):
            _log.info("finished", message_id=call.message_id, status=outcome.status.name, error=outcome.error.name)
            self.on_report(outcome)
        self.wake()

    async def _place(self, call: Call) -> CallResult:
        if call.network is not self._engine.network:  # promise 8: it would ring a stranger
            return CallResult(Cause.WRONG_NETWORK, ended_at=self._now())
        try:
            return await self._engine.place(call)
        except Exception:
            _log.exception("the engine failed", message_id=call.message_id)
            return CallResult(Cause.UNKNOWN, ended_at=self._now())

    async def _written(self, step: Callable[P, Awaitable[None]], *what: P.args, **more: P.kwargs) -> bool:
        """Writes the end down, however long the disk takes: what is known now would be unknown after a restart.

        False when there is an end already.
        """
        while True:
            try:
                await step(*what, **more)
                return True
            except StoreUnavailable:
                await asyncio.sleep(_TRY_AGAIN)
            except AlreadyFinished as why:
                _log.error("a second end was not written", why=str(why))
                return False
