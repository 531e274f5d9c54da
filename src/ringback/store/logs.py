"""The logs as SQL: an account's messages, newest first, by any combination of filters.

A message carries its facet: its status group and network, of which an account has some dozens. Each index of
migration 0004 leads by one thing that is asked for (nothing, `from`, `to`, a bulk) to its facets, and within a facet
to its messages by time. So a question finds the facets that match, one seek each, and merges the newest of them: it
costs O(limit + facets), and one that matches nothing costs its seeks. The index by `to` is in shelves of some 20,000
messages, so that what is accepted or finished touches few of its pages. All run inside the caller's transaction.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import TypeAlias

import apsw
import msgspec

from ..model.logs import PENDING, Logged, matches
from ..model.message import AccountId
from ..model.times import HOUR, Instant
from .database import rows
from .journey import message_of
from .shelves import shelves_with
from .store import LogQuery

WINDOW = 48 * HOUR
"""How far back the logs go (contract section 1), unless what was collected is kept longer."""

_FOREVER: Instant = 1 << 62
_FEW = 2_000  # messages to one number, to look through for those of some bulks

_Place: TypeAlias = tuple[Instant, str]
"""Where a message stands in the log: its time and its id."""


class _Door(msgspec.Struct, frozen=True):
    """An index, and what it is entered by. `left` are filters to be tried on each message behind it."""

    index: str
    by: tuple[tuple[str, str | int], ...] = ()
    left: tuple[tuple[str, str], ...] = ()

    def search(self) -> str:
        """The rows behind the door, as FROM and the begin of WHERE: it wants the account, and `values`."""
        by = "".join([f" AND {column} = ?" for column, _ in self.by])
        return f"FROM message INDEXED BY {self.index} WHERE account = ?{by}"

    def values(self) -> tuple[str | int, ...]:
        return tuple([value for _, value in self.by])


def find(db: apsw.Connection, account: AccountId, asked: LogQuery, oldest: Instant) -> list[Logged]:
    """What is asked for, newest first. Of what is over, nothing that was sent before `oldest`."""
    places = (_by_id if asked.message_ids else _newest)(db, account, asked, oldest)
    return _read(db, account, [message_id for _, message_id in places])


def _newest(db: apsw.Connection, account: AccountId, asked: LogQuery, oldest: Instant) -> list[_Place]:
    streams = [stream for door in _doors(db, account, asked) for stream in _streams(db, account, door, asked, oldest)]
    try:
        return list(islice(merge(*streams, reverse=True), asked.limit))
    finally:
        for stream in streams:
            stream.close()


def _doors(db: apsw.Connection, account: AccountId, asked: LogQuery) -> list[_Door]:
    """A bulk has at most 20,000 messages; to one number there are fewer still, as a rule."""
    caller = (("caller", asked.caller),) if asked.caller is not None else ()
    shelves = [] if asked.to is None else shelves_with(db, account, asked.to)
    if asked.to is not None and not (asked.bulk_ids and _many_to(db, account, asked.to, shelves)):
        bulks = (("bulk_id", _json(asked.bulk_ids)),) if asked.bulk_ids else ()
        return [_Door("message_to", (("shelf", n), ("recipient", asked.to)), (*caller, *bulks)) for n in shelves]
    if asked.bulk_ids:
        to = (("recipient", asked.to),) if asked.to is not None else ()
        return [_Door("message_bulk", (("bulk_id", one),), (*caller, *to)) for one in dict.fromkeys(asked.bulk_ids)]
    return [_Door("message_from", caller) if caller else _Door("message_log")]


def _many_to(db: apsw.Connection, account: AccountId, to: str, shelves: list[int]) -> bool:
    found: int = db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM json_each(?3) s CROSS JOIN message m INDEXED BY message_to"
        " ON m.account = ?1 AND m.shelf = s.value AND m.recipient = ?2 LIMIT ?4)",
        (account, to, _json(shelves), _FEW),
    ).get
    return found == _FEW


def _streams(
    db: apsw.Connection, account: AccountId, door: _Door, asked: LogQuery, oldest: Instant
) -> Iterator[apsw.Cursor]:
    """The places of each facet behind a door that matches, newest first, read as far as they are wanted."""
    left = "".join([_condition(column) for column, _ in door.left])
    query = (
        f"SELECT log_at, message_id {door.search()} AND facet = ? AND log_at BETWEEN ? AND ?{left}"
        " ORDER BY log_at DESC, message_id DESC"
    )
    until = _FOREVER if asked.until is None else asked.until
    for facet in _facets(db, account, door):
        if matches(facet, asked.group, asked.mcc, asked.mnc):
            bounds = (facet, _since(facet, asked, oldest), until)
            yield db.execute(query, (account, *door.values(), *bounds, *(value for _, value in door.left)))


def _condition(column: str) -> str:
    return " AND bulk_id IN (SELECT value FROM json_each(?))" if column == "bulk_id" else f" AND {column} = ?"


def _facets(db: apsw.Connection, account: AccountId, door: _Door) -> list[str]:
    """Which there are behind a door: one seek each."""
    search = door.search()
    found = rows(
        db,
        f"WITH RECURSIVE f (facet) AS (SELECT (SELECT facet {search} ORDER BY facet LIMIT 1)"
        f" UNION ALL SELECT (SELECT facet {search} AND facet > f.facet ORDER BY facet LIMIT 1) FROM f"
        " WHERE f.facet IS NOT NULL) SELECT facet FROM f WHERE facet IS NOT NULL",
        2 * (account, *door.values()),
    )
    return [facet for (facet,) in found]


def _since(facet: str, asked: LogQuery, oldest: Instant) -> Instant:
    """What is pending is in the log however long it has waited."""
    return max(asked.since or 0, 0 if facet.startswith(PENDING) else oldest)


def _by_id(db: apsw.Connection, account: AccountId, asked: LogQuery, oldest: Instant) -> list[_Place]:
    found = rows(
        db,
        "SELECT log_at, message_id, facet FROM message WHERE account = ?1"
        " AND message_id IN (SELECT value FROM json_each(?2))"
        " AND (?3 IS NULL OR bulk_id IN (SELECT value FROM json_each(?3)))"
        " AND (?4 IS NULL OR caller = ?4) AND (?5 IS NULL OR recipient = ?5)",
        (account, _json(asked.message_ids), _json(asked.bulk_ids) if asked.bulk_ids else None, asked.caller, asked.to),
    )
    until = _FOREVER if asked.until is None else asked.until
    places = [
        (log_at, message_id)
        for log_at, message_id, facet in found
        if _since(facet, asked, oldest) <= log_at <= until and matches(facet, asked.group, asked.mcc, asked.mnc)
    ]
    return sorted(places, reverse=True)[: asked.limit]


# Each message with its report, which is on the tape or among those to be pushed.
_READ = (
    "SELECT m.bulk_id, m.message_id, m.recipient, m.log_at, m.attempts > 0, v.body, coalesce(r.json, p.json)"
    " FROM json_each(?2) wanted CROSS JOIN message m ON m.account = ?1 AND m.message_id = wanted.value"
    " JOIN voice_message v ON v.account = ?1 AND v.bulk_id = m.bulk_id AND v.part = m.part"
    " LEFT JOIN report r ON r.account = ?1 AND r.message_id = m.message_id"
    " LEFT JOIN push p ON p.account = ?1 AND p.message_id = m.message_id"
)


def _read(db: apsw.Connection, account: AccountId, ids: list[str]) -> list[Logged]:
    """The messages of some ids, in the order of these."""
    found = []
    for bulk_id, message_id, to, sent_at, claimed, body, report in rows(db, _READ, (account, _json(ids))):
        message = message_of(body)
        found.append(Logged(bulk_id, message_id, to, message.caller, message.text, sent_at, bool(claimed), report))
    return found


def _json(values: Sequence[str | int]) -> str:
    return msgspec.json.encode(values).decode()
