"""The tape: reports under an account's next number, and the stretches of numbers already handed out.

A report is appended and never updated; what was handed out is kept beside it as stretches, 1-5000, 5002, ...,
whose neighbours merge. So a take costs O(limit), whatever was taken before and in whatever order. All functions
run inside the caller's transaction.
"""

from collections.abc import Iterator
from typing import TypeAlias

import apsw

from ..model.message import AccountId
from ..model.report import DeliveryReport, beside, tts3_json
from .database import rows
from .store import Filter

Run: TypeAlias = tuple[int, int]
"""Numbers without a gap between them: the first and the last."""

_NOTHING: Run = (1, 0)


def append(db: apsw.Connection, account: AccountId, report: DeliveryReport) -> int:
    """Puts a report on the account's tape and gives its number. Numbers appear in order, without a gap."""
    return put(db, account, report.bulk_id, report.message_id, tts3_json(report), beside(report))


def put(db: apsw.Connection, account: AccountId, bulk_id: str, message_id: str, json: str, extra: str) -> int:
    """The same of a report that was rendered before: its JSON, and what is kept beside it."""
    number: int = db.execute(
        "INSERT INTO tape VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last", (account,)
    ).get
    db.execute("INSERT INTO report VALUES (?, ?, ?, ?, ?, ?)", (account, number, bulk_id, message_id, json, extra))
    db.execute("INSERT INTO bulk_report VALUES (?, ?, ?)", (account, bulk_id, number))
    return number


def read(db: apsw.Connection, account: AccountId, runs: list[Run], pairs: bool = False) -> bytes:
    """The JSON objects of some runs of numbers, separated by commas, joined where they lie.

    With `pairs`, each is an array of the object and what is kept beside it.
    """
    one, joined = _PAIRS if pairs else _OBJECTS
    return b",".join(
        [
            db.execute(one, (account, first)).get if first == last else db.execute(joined, (account, first, last)).get
            for first, last in runs
        ]
    )


def _reading(columns: str) -> tuple[str, str]:
    """How one report is read, and how a run of them: in the order of the primary key, which the search walks; to ask
    for that order costs a sort or a copy.
    """
    return (
        f"SELECT CAST({columns} AS BLOB) FROM report WHERE account = ? AND number = ?",
        f"SELECT CAST(group_concat({columns}, ',') AS BLOB) FROM report WHERE account = ? AND number BETWEEN ? AND ?",
    )


_OBJECTS = _reading("json")
_PAIRS = _reading("'[' || json || ',' || beside || ']'")


def deal(db: apsw.Connection, account: AccountId, limits: list[int]) -> list[list[Run]]:
    """Hands out the oldest numbers that wait, in order: to each taker its runs, up to its limit. Marks them taken."""
    gaps = _gaps(db, account)
    first, last = next(gaps, _NOTHING)
    begun = first
    hands: list[list[Run]] = []
    for limit in limits:
        hand: list[Run] = []
        while limit and first <= last:
            share = min(limit, last - first + 1)
            hand.append((first, first + share - 1))
            limit -= share
            first += share
            if first > last:
                mark_taken(db, account, begun, last)
                begun, last = first, last = next(gaps, _NOTHING)
        hands.append(hand)
    if first > begun:
        mark_taken(db, account, begun, first - 1)
    return hands


def of_message(db: apsw.Connection, account: AccountId, wanted: Filter) -> list[Run]:
    """Hands out one message's report, unless it was handed out before."""
    found = db.execute(
        "SELECT number, bulk_id FROM report WHERE account = ? AND message_id = ?", (account, wanted.message_id)
    ).fetchone()
    if found is None or wanted.bulk_id not in (None, found[1]) or _is_taken(db, account, found[0]):
        return []
    number, bulk_id = found
    return _hand_out(db, account, bulk_id, [number])


def of_bulk(db: apsw.Connection, account: AccountId, bulk_id: str, limit: int) -> list[Run]:
    """Hands out the oldest reports of one bulk that wait."""
    begin = db.execute("SELECT last FROM taken WHERE account = ? AND first = 1", (account,)).get or 0
    found = rows(
        db,
        "SELECT number FROM bulk_report WHERE account = ? AND bulk_id = ? AND number > ? ORDER BY number LIMIT ?",
        (account, bulk_id, begin, limit),
    )
    return _hand_out(db, account, bulk_id, [number for (number,) in found])


def _hand_out(db: apsw.Connection, account: AccountId, bulk_id: str, numbers: list[int]) -> list[Run]:
    """Numbers of one bulk, ascending, and all that wait of it from the first to the last."""
    if numbers:
        db.execute(
            "DELETE FROM bulk_report WHERE account = ? AND bulk_id = ? AND number BETWEEN ? AND ?",
            (account, bulk_id, numbers[0], numbers[-1]),
        )
    runs = runs_of(numbers)
    for first, last in runs:
        mark_taken(db, account, first, last)
    return runs


def mark_taken(db: apsw.Connection, account: AccountId, first: int, last: int) -> None:
    """Writes down that the numbers first..last are handed out, merging neighbours."""
    before = db.execute(
        "SELECT first, last FROM taken WHERE account = ? AND first <= ? ORDER BY first DESC LIMIT 1", (account, first)
    ).fetchone()
    after = db.execute("SELECT last FROM taken WHERE account = ? AND first = ?", (account, last + 1)).fetchone()
    if after:
        db.execute("DELETE FROM taken WHERE account = ? AND first = ?", (account, last + 1))
        last = after[0]
    if before and before[1] == first - 1:
        db.execute("UPDATE taken SET last = ? WHERE account = ? AND first = ?", (last, account, before[0]))
    else:
        db.execute("INSERT INTO taken VALUES (?, ?, ?)", (account, first, last))


def _is_taken(db: apsw.Connection, account: AccountId, number: int) -> bool:
    last = db.execute(
        "SELECT last FROM taken WHERE account = ? AND first <= ? ORDER BY first DESC LIMIT 1", (account, number)
    ).get
    return last is not None and last >= number


def runs_of(numbers: list[int]) -> list[Run]:
    """Ascending numbers as runs without a gap: [1, 2, 3, 7] -> [(1, 3), (7, 7)]."""
    runs: list[Run] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _gaps(db: apsw.Connection, account: AccountId) -> Iterator[Run]:
    """The runs of numbers that wait, in order."""
    end = db.execute("SELECT last FROM tape WHERE account = ?", (account,)).get or 0
    first = 1
    while first <= end:
        stretch = db.execute(
            "SELECT first, last FROM taken WHERE account = ? AND first >= ? ORDER BY first LIMIT 1", (account, first)
        ).fetchone() or (end + 1, end)
        if stretch[0] > first:
            yield first, stretch[0] - 1
        first = stretch[1] + 1
