"""Taking: how requests for reports become steps of a transaction."""

import asyncio

import apsw
import msgspec

from ..model.message import AccountId
from ..model.times import Instant
from . import answers, tape
from .group import GroupCommit
from .store import Filter, Keep, Taken

ANY = Filter()


class _Taker:
    """Somebody who takes an account's oldest reports, in the order of coming."""

    __slots__ = ("done", "limit", "now", "pairs", "reports")

    def __init__(self, limit: int, now: Instant, pairs: bool, done: "asyncio.Future[bytes]") -> None:
        self.limit = limit
        self.now = now
        self.pairs = pairs
        self.done = done
        self.reports = b""


class SharedTakes:
    """Takes without a filter and without a key, which is what almost all are: an account's share one step."""

    def __init__(self, group: GroupCommit) -> None:
        self._group = group
        self._gathering: dict[AccountId, list[_Taker]] = {}
        self._steps: set[asyncio.Task[None]] = set()

    async def take(self, account: AccountId, limit: int, now: Instant, pairs: bool) -> bytes:
        """The oldest reports. Raises `StoreUnavailable`."""
        taker = _Taker(limit, now, pairs, asyncio.get_running_loop().create_future())
        takers = self._gathering.get(account)
        if takers is None:
            takers = self._gathering[account] = []
            step = asyncio.ensure_future(self._serve(account, takers))
            self._steps.add(step)
            step.add_done_callback(self._steps.discard)
        takers.append(taker)
        return await taker.done

    async def _serve(self, account: AccountId, takers: list[_Taker]) -> None:
        def step(db: apsw.Connection) -> None:
            self._close(account, takers)
            _take_together(db, account, [taker for taker in takers if not taker.done.done()])

        try:
            await self._group.run(step)
        except Exception as fault:
            self._close(account, takers)  # the step may not even have begun
            for taker in takers:
                if not taker.done.done():
                    taker.done.set_exception(fault)
        else:
            for taker in takers:
                if not taker.done.done():
                    taker.done.set_result(taker.reports)

    def _close(self, account: AccountId, takers: list[_Taker]) -> None:
        """Whoever comes now shares the next step."""
        if self._gathering.get(account) is takers:
            del self._gathering[account]


def _take_together(db: apsw.Connection, account: AccountId, takers: list[_Taker]) -> None:
    hands = tape.deal(db, account, [taker.limit for taker in takers])
    for taker, runs in zip(takers, hands, strict=True):
        taker.reports = tape.read(db, account, runs, taker.pairs) if runs else b""
    written = [
        (account, taker.now, _json(runs), _NO_QUESTION) for taker, runs in zip(takers, hands, strict=True) if runs
    ]
    db.executemany(_TAKE, written)


_TAKE = "INSERT INTO take (account, taken_at, stretches, question) VALUES (?, ?, ?, ?)"


def take_alone(
    db: apsw.Connection,
    account: AccountId,
    limit: int,
    wanted: Filter,
    now: Instant,
    keep: Keep[bytes] | None,
    pairs: bool,
) -> Taken:
    """One take of its own: with a filter, or with an Idempotency-Key whose answer is kept with it."""
    if keep and (known := answers.recall(db, account, keep)):
        return Taken(b"", known.answer, known.replayed, known.conflict)
    runs = _hand_out(db, account, limit, wanted)
    if not runs:
        return Taken()
    db.execute(_TAKE, (account, now, _json(runs), _json(wanted)))
    reports = tape.read(db, account, runs, pairs)
    return Taken(reports, answers.write(db, account, keep, reports, now) if keep else None)


def _hand_out(db: apsw.Connection, account: AccountId, limit: int, wanted: Filter) -> list[tape.Run]:
    if wanted.message_id is not None:
        return tape.of_message(db, account, wanted)
    if wanted.bulk_id is not None:
        return tape.of_bulk(db, account, wanted.bulk_id, limit)
    return tape.deal(db, account, [limit])[0]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


_NO_QUESTION = _json(ANY)
