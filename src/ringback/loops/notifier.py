"""The notifier: pushes reports to where their messages want them, and hands over to pulling what can't be pushed.

A push is at least once: what was delivered and not yet written down when Ringback ended is pushed again, under the same
Idempotency-Key. Source: contract section 5.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import Enum, auto

import structlog

from ..model.exceptions import StoreUnavailable
from ..model.message import AccountId
from ..model.push import PATIENCE, Push, PushKey, headers, next_try
from ..model.times import Instant
from ..outgoing import AddressRefused, Outgoing, OutgoingError, UrlUnusable
from ..store.store import Store
from .loop import Loop

_log = structlog.get_logger()
_POLL = 0.5  # seconds
_ANSWER = 20.0  # seconds a receiver has
_TRY_AGAIN = 0.5  # seconds until what the disk refused is written again
_OVER_AT_ONCE = 50  # reports that fall back in one step
_GONE = 410

AT_ONCE = 64
"""Pushes under way."""

OF_ACCOUNT = 16
"""Of one account: no customer's receivers take all the places."""

OF_PLACE = 4
"""To one receiver; one whose last push failed is asked with one at a time."""

_REMEMBERED = 10_000  # receivers that failed last


class Verdict(Enum):
    """What became of one try."""

    DELIVERED = auto()
    AGAIN = auto()
    NEVER = auto()


class Notifier(Loop):
    """Several pushes at once. `body` renders one; `now` is the wall clock."""

    def __init__(self, store: Store, outgoing: Outgoing, body: Callable[[Push], bytes], now: Callable[[], Instant]):
        super().__init__("notifier", _POLL)
        self._store = store
        self._outgoing = outgoing
        self._body = body
        self._now = now
        self._room = Room()
        self._carried: dict[PushKey, asyncio.Task[None]] = {}
        self._asking: set[asyncio.Task[None] | None] = set()

    async def run_once(self) -> bool:
        """Begins the pushes that are due, as many as there is room for; what is too old falls back."""
        more = await self._sweep()
        begun, now = 0, self._now()
        for push in await self._store.pushes_due(2 * OF_ACCOUNT, now):
            is_over = now >= push.since + PATIENCE  # the sweep has not come to it yet
            if not is_over and push.key not in self._carried and self._room.enter(push):
                self._begin(push)
                begun += 1
        return more or begun > 0

    async def stop(self) -> None:
        """Begins no further push. One under way is broken off, and made again after the next start."""
        await super().stop()
        for task in self._asking:
            if task is not None:
                task.cancel()
        if self._carried:
            await asyncio.wait(self._carried.values())

    async def idle(self) -> None:
        """Returns when no push is under way."""
        while self._carried:
            await asyncio.wait(self._carried.values())

    async def _sweep(self) -> bool:
        """What is waited for too long falls back, however busy its receiver is. True when there may be more of it."""
        over = await self._store.pushes_over(self._now() - PATIENCE, _OVER_AT_ONCE + AT_ONCE)
        idle = [push for push in over if push.key not in self._carried][:_OVER_AT_ONCE]
        await asyncio.gather(*(self._fall_back(push, "48 hours are over") for push in idle))
        return bool(idle)

    def _begin(self, push: Push) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(push))
        self._carried[push.key] = task
        task.add_done_callback(lambda task: self._end(push, task))

    def _end(self, push: Push, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (fault := task.exception()):
            _log.error("what became of a push is not written", message_id=push.message_id, fault=repr(fault))
        del self._carried[push.key]
        self._room.leave(push)
        self.wake()

    async def _carry(self, push: Push) -> None:
        if push.removed:
            await self._written(lambda: self._fall_back(push, "the account was removed"))
            return
        asking = asyncio.current_task()
        self._asking.add(asking)
        try:
            verdict, why = await self._try(push)
        finally:
            self._asking.discard(asking)
        self._room.note(push, verdict is Verdict.DELIVERED)
        await self._written(lambda: self._settle(push, verdict, why))

    async def _try(self, push: Push) -> tuple[Verdict, str]:
        try:
            body = self._body(push)
            shown = headers(push, body, self._now())
            reply = await self._outgoing.request("POST", push.notify.url, headers=shown, body=body, within=_ANSWER)
        except (AddressRefused, UrlUnusable) as fault:
            return Verdict.NEVER, str(fault)
        except OutgoingError as fault:
            return Verdict.AGAIN, str(fault)
        except Exception:
            _log.exception("a push failed", message_id=push.message_id)
            return Verdict.AGAIN, "a fault of ours"
        if 200 <= reply.status < 300:
            return Verdict.DELIVERED, str(reply.status)
        return (Verdict.NEVER if reply.status == _GONE else Verdict.AGAIN), str(reply.status)

    async def _settle(self, push: Push, verdict: Verdict, why: str) -> None:
        """Writes down what became of it. No log says more of a URL than its host."""
        now = self._now()
        due_at = next_try(push, now) if verdict is Verdict.AGAIN else None
        if verdict is Verdict.DELIVERED:
            await self._store.pushed(push, now)
            _log.info("pushed", message_id=push.message_id, to=push.place, tries=push.tries + 1)
        elif due_at is None:
            await self._fall_back(push, why)
        else:
            await self._store.push_again(push, due_at)
            _log.warning(
                "not pushed", message_id=push.message_id, to=push.place, why=why, tries=push.tries + 1, due_at=due_at
            )

    async def _fall_back(self, push: Push, why: str) -> None:
        await self._store.fall_back(push)
        _log.warning("falls back to be pulled", message_id=push.message_id, to=push.place, why=why)

    async def _written(self, step: Callable[[], Awaitable[None]]) -> None:
        """However long the disk takes: a push that is not written down would be made again and again."""
        while True:
            try:
                await step()
                return
            except StoreUnavailable:
                if self._over:  # pushed again after the next start
                    return
                await asyncio.sleep(_TRY_AGAIN)


class Room:
    """How many pushes may be under way: in all, of an account, to a receiver."""

    def __init__(self) -> None:
        self._all = 0
        self._accounts: Counter[AccountId] = Counter()
        self._places: Counter[tuple[AccountId, str]] = Counter()
        self._failing: set[tuple[AccountId, str]] = set()

    def enter(self, push: Push) -> bool:
        """Takes a place, if there is one."""
        place = (push.account, push.place)
        most = 1 if place in self._failing else OF_PLACE
        if self._all >= AT_ONCE or self._accounts[push.account] >= OF_ACCOUNT or self._places[place] >= most:
            return False
        self._count(push, 1)
        return True

    def leave(self, push: Push) -> None:
        """Gives its place back."""
        self._count(push, -1)

    def note(self, push: Push, delivered: bool) -> None:
        """What the receiver's last push was like."""
        if delivered:
            self._failing.discard((push.account, push.place))
            return
        if len(self._failing) >= _REMEMBERED:
            self._failing.clear()
        self._failing.add((push.account, push.place))

    def _count(self, push: Push, by: int) -> None:
        self._all += by
        self._accounts[push.account] += by
        self._places[push.account, push.place] += by
        if not self._accounts[push.account]:
            del self._accounts[push.account]
        if not self._places[push.account, push.place]:
            del self._places[push.account, push.place]
