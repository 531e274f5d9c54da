"""Taking: how requests for reports become steps of a transaction."""

import asyncio
from collections.abc import Generator, Iterator

import apsw
import msgspec

from ..model.message import AccountId
from ..model.times import Instant
from . import tape
from .group import GroupCommit, Step
from .store import Answer, Filter, Form, Keep, Taken


class _Together:
    """Takers of one account's oldest reports that share a step: one look at the tape serves them all, in turn."""

    def __init__(self, takers: list[tuple[int, Instant]], answer: "asyncio.Future[list[list[bytes]]]") -> None:
        self.takers = takers  # limit, when
        self.answer = answer  # a share each


class SharedTakes:
    """Takes without a filter and without a key: what almost all of them are."""

    def __init__(self, group: GroupCommit) -> None:
        self._group = group
        self._open: dict[tuple[AccountId, Form], _Together] = {}

    async def take(self, account: AccountId, limit: int, form: Form, now: Instant) -> list[bytes]:
        """The oldest reports, in the order in which the takers came. Raises `StoreUnavailable`."""
        together = self._open.get((account, form)) or self._begin(account, form)
        turn = len(together.takers)
        together.takers.append((limit, now))
        return (await asyncio.shield(together.answer))[turn]

    def _begin(self, account: AccountId, form: Form) -> "_Together":
        takers: list[tuple[int, Instant]] = []
        answer = asyncio.ensure_future(self._group.run(self._step(account, form, takers)))
        together = self._open[account, form] = _Together(takers, answer)
        return together

    def _step(self, account: AccountId, form: Form, takers: list[tuple[int, Instant]]) -> Step[list[list[bytes]]]:
        def step(db: apsw.Connection) -> list[list[bytes]]:
            self._open.pop((account, form), None)  # whoever comes now shares the next one
            rows = tape.oldest(db, account, sum(limit for limit, _ in takers), form)
            _mark(db, account, rows)
            return list(_deal(db, account, rows, takers))

        return step


def _mark(db: apsw.Connection, account: AccountId, rows: list[tape.Row]) -> None:
    for first, last in tape.stretches([row.number for row in rows]):
        tape.mark_taken(db, account, first, last)


def _deal(
    db: apsw.Connection, account: AccountId, rows: list[tape.Row], takers: list[tuple[int, Instant]]
) -> Iterator[list[bytes]]:
    start = 0
    for limit, now in takers:
        share = rows[start : start + limit]
        start += limit
        _write_down(db, account, share, now, "")
        yield [row.body for row in share]


def _write_down(db: apsw.Connection, account: AccountId, rows: list[tape.Row], now: Instant, question: str) -> None:
    if rows:
        runs = msgspec.json.encode(tape.stretches([row.number for row in rows])).decode()
        db.execute(
            "INSERT INTO take (account, taken_at, stretches, question) VALUES (?, ?, ?, ?)",
            (account, now, runs, question),
        )


def take_kept(
    db: apsw.Connection, account: AccountId, limit: int, wanted: Filter, form: Form, now: Instant, keep: Keep | None
) -> Generator[None, None, Taken]:
    """One take of its own: with a filter, or with an Idempotency-Key whose answer is kept with it."""
    if keep:
        known = _recall(db, account, keep)
        if known:
            return known
    rows: list[tape.Row] = []
    for found in _found(db, account, limit, wanted, form):
        if found is None:
            yield
        else:
            rows = found
    _mark(db, account, rows)
    _write_down(db, account, rows, now, msgspec.json.encode(wanted).decode())
    bodies = [row.body for row in rows]
    if keep and rows:
        return Taken(bodies, _keep(db, account, keep, bodies, now))
    return Taken(bodies)


def _found(
    db: apsw.Connection, account: AccountId, limit: int, wanted: Filter, form: Form
) -> Iterator[list[tape.Row] | None]:
    if wanted.message_id is not None:
        yield tape.of_message(db, account, wanted, form)
    elif wanted.bulk_id is not None:
        yield from tape.of_bulk(db, account, wanted.bulk_id, limit, form)
    else:
        yield tape.oldest(db, account, limit, form)


def _recall(db: apsw.Connection, account: AccountId, keep: Keep) -> Taken | None:
    found = db.execute(
        "SELECT fingerprint, content_type, body FROM answer WHERE account = ? AND key = ?", (account, keep.key)
    ).fetchone()
    if found is None:
        return None
    if found[0] != keep.fingerprint:
        return Taken([], conflict=True)
    return Taken([], Answer(found[1], found[2]), replayed=True)


def _keep(db: apsw.Connection, account: AccountId, keep: Keep, bodies: list[bytes], now: Instant) -> Answer:
    answer = keep.render(bodies)
    db.execute(
        "INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?)",
        (account, keep.key, keep.fingerprint, answer.content_type, answer.body, now),
    )
    return answer
