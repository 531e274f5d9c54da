"""The tape: reports under an account's next number, and the stretches of numbers already handed out.

A report is appended and never updated; what was handed out is kept beside it as stretches, 1-5000, 5002, ...,
whose neighbours merge. So a take costs O(limit), whatever was taken before and in whatever order. All functions
run inside the caller's transaction.
"""

from collections.abc import Iterator

import apsw
import msgspec

from ..model.message import AccountId
from ..model.report import DeliveryReport, tts3_json
from .store import Filter

_SLICE = 200  # numbers passed over before others get the loop


class Row(msgspec.Struct, frozen=True):
    """A report that is being handed out: its number, and the form of it that was asked for."""

    number: int
    body: bytes


def append(db: apsw.Connection, account: AccountId, report: DeliveryReport) -> int:
    """Puts a report on the account's tape and gives its number. Numbers appear in order, without a gap."""
    number: int = db.execute(
        "INSERT INTO tape VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last", (account,)
    ).get
    row = (account, number, report.bulk_id, report.message_id, tts3_json(report), msgspec.json.encode(report))
    db.execute("INSERT INTO report VALUES (?, ?, ?, ?, ?, ?)", row)
    return number


def oldest(db: apsw.Connection, account: AccountId, limit: int, form: str) -> list[Row]:
    """The oldest reports not handed out, in order. Not yet marked as taken."""
    rows: list[Row] = []
    for first, last in _gaps(db, account):
        cursor = db.execute(
            f"SELECT number, {form} FROM report WHERE account = ? AND number BETWEEN ? AND ? ORDER BY number LIMIT ?",
            (account, first, last, limit - len(rows)),
        )
        found = [Row(number, body) for number, body in cursor]
        rows += found
        if len(rows) >= limit or not found:
            break
    return rows


def of_message(db: apsw.Connection, account: AccountId, wanted: Filter, form: str) -> list[Row]:
    """The report of one message, unless it was handed out."""
    found = db.execute(
        f"SELECT number, bulk_id, {form} FROM report WHERE account = ? AND message_id = ?",
        (account, wanted.message_id),
    ).fetchone()
    if found is None or wanted.bulk_id not in (None, found[1]) or stretch_of(db, account, found[0]):
        return []
    return [Row(found[0], found[2])]


def of_bulk(db: apsw.Connection, account: AccountId, bulk_id: str, limit: int, form: str) -> Iterator[list[Row] | None]:
    """The oldest reports of one bulk not handed out: yields None between slices, and then the rows.

    What it passes over because it was taken it never passes over again: `bulk.collected_to` remembers.
    """
    number = db.execute("SELECT collected_to FROM bulk WHERE account = ? AND bulk_id = ?", (account, bulk_id)).get or 0
    rows: list[Row] = []
    passed = 0
    while len(rows) < limit and (found := _next_of_bulk(db, account, bulk_id, number, form)):
        stretch = stretch_of(db, account, found.number)
        number = stretch[1] if stretch else found.number
        if stretch is None:
            rows.append(found)
        elif (passed := passed + 1) % _SLICE == 0:
            yield None
    # all of the bulk up to here was handed out before, or is now
    db.execute("UPDATE bulk SET collected_to = ? WHERE account = ? AND bulk_id = ?", (number, account, bulk_id))
    yield rows


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


def stretch_of(db: apsw.Connection, account: AccountId, number: int) -> tuple[int, int] | None:
    """The stretch of handed-out numbers that holds `number`, None when it waits."""
    found = db.execute(
        "SELECT first, last FROM taken WHERE account = ? AND first <= ? ORDER BY first DESC LIMIT 1", (account, number)
    ).fetchone()
    return found if found and found[1] >= number else None


def stretches(numbers: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as runs without a gap: [1, 2, 3, 7] -> [(1, 3), (7, 7)]."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _gaps(db: apsw.Connection, account: AccountId) -> Iterator[tuple[int, int]]:
    """The runs of numbers not handed out, in order; the last one reaches to the end of the tape."""
    first = 1
    while True:
        stretch = db.execute(
            "SELECT first, last FROM taken WHERE account = ? AND first >= ? ORDER BY first LIMIT 1", (account, first)
        ).fetchone()
        if stretch is None:
            break
        if stretch[0] > first:
            yield first, stretch[0] - 1
        first = stretch[1] + 1
    yield first, _END


def _next_of_bulk(db: apsw.Connection, account: AccountId, bulk_id: str, after: int, form: str) -> Row | None:
    found = db.execute(
        f"SELECT number, {form} FROM report WHERE account = ? AND bulk_id = ? AND number > ? ORDER BY number LIMIT 1",
        (account, bulk_id, after),
    ).fetchone()
    return found and Row(*found)


_END = 2**62  # no tape is as long
