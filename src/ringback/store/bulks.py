"""Bulks: seen, moved, paused, resumed, cancelled; what is not to be called any more: ended.

All run inside the caller's transaction. Long changes go a slice at a time, as `accept` does; a bulk holds at most
what one request does, 20,000 messages.
"""

from collections.abc import Generator
from itertools import islice

import apsw
import msgspec

from ..model.account import Account
from ..model.call import CallResult, Cause
from ..model.exceptions import NoSuchAccount, NoSuchBulk, NothingToCall, WindowNeverOpens
from ..model.message import AccountId
from ..model.number import zones_of
from ..model.schedule import NEVER, UTC_ONLY, Timetable
from ..model.times import Instant
from . import accounts
from .database import rows
from .journey import calls, end, expiry, message_of
from .store import BulkState, BulkStatus, Conclude

_SLICE = 400  # messages changed before others get the loop
_ENDED_AT_ONCE = 300


def find(db: apsw.Connection, account: AccountId, bulk_id: str) -> BulkState | None:
    """The bulk, None when the account has none of that id."""
    row = db.execute(
        "SELECT coalesce(send_at, accepted_at), state FROM bulk WHERE account = ? AND bulk_id = ?", (account, bulk_id)
    ).fetchone()
    return BulkState(bulk_id, row[0], _status(db, account, bulk_id, row[1])) if row else None


def _status(db: apsw.Connection, account: AccountId, bulk_id: str, state: str) -> BulkStatus:
    """PENDING while anything of it is still to be called, PROCESSING while the last calls are live."""
    if state == "cancelled":
        return "CANCELED"
    left = {
        row[0]
        for row in rows(
            db,
            "SELECT DISTINCT state FROM message WHERE account = ? AND bulk_id = ? AND state <> 'done'",
            (account, bulk_id),
        )
    }
    if "pending" in left:
        return "PAUSED" if state == "paused" else "PENDING"
    return "PROCESSING" if left else "FINISHED"


def move(
    db: apsw.Connection, account: AccountId, bulk_id: str, send_at: Instant, now: Instant
) -> Generator[None, None, BulkState]:
    """What was not called yet is sent at `send_at` instead, and its validity counts from then.

    Raises `NoSuchBulk`, `NothingToCall`, `WindowNeverOpens`; then nothing is changed.
    """
    bulk = _changeable(db, account, bulk_id, ("PENDING", "PAUSED"))
    yield from _reschedule(db, account, bulk_id, max(send_at, now), bulk.status == "PAUSED", fresh=True)
    db.execute(
        "UPDATE bulk SET send_at = ?, next_us = 0 WHERE account = ? AND bulk_id = ?", (send_at, account, bulk_id)
    )
    return BulkState(bulk_id, send_at, bulk.status)


def change(
    db: apsw.Connection, account: AccountId, bulk_id: str, to: BulkStatus, now: Instant
) -> Generator[None, None, BulkState]:
    """Pauses, resumes or cancels. PENDING and PAUSED change into each other, both into CANCELED (contract section 2).

    Raises `NoSuchBulk`, `NothingToCall` for every other change.
    """
    allowed = {"PAUSED": ("PENDING",), "PENDING": ("PAUSED",), "CANCELED": ("PENDING", "PAUSED")}.get(to, ())
    bulk = _changeable(db, account, bulk_id, allowed)
    state = {"PAUSED": "paused", "PENDING": "active", "CANCELED": "cancelled"}[to]
    db.execute("UPDATE bulk SET state = ? WHERE account = ? AND bulk_id = ?", (state, account, bulk_id))
    if to == "PENDING":
        yield from _reschedule(db, account, bulk_id, max(bulk.send_at, now), False, fresh=False)
    else:
        column, value = ("due_at", NEVER) if to == "PAUSED" else ("expires_at", 0)
        for ids in _slices(db, account, bulk_id):
            for message_id in ids:
                key = (account, message_id)
                db.execute(f"UPDATE message SET {column} = {value} WHERE account = ? AND message_id = ?", key)
            yield
    return BulkState(bulk_id, bulk.send_at, to)


def _changeable(db: apsw.Connection, account: AccountId, bulk_id: str, allowed: tuple[str, ...]) -> BulkState:
    bulk = find(db, account, bulk_id)
    if bulk is None:
        raise NoSuchBulk(f"there is no bulk {bulk_id!r}")
    if bulk.status not in allowed:
        raise NothingToCall(bulk.status)
    return bulk


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """A message that may be given another time."""

    message_id: str
    to: str
    tries: int
    body: bytes


def _reschedule(
    db: apsw.Connection, account: AccountId, bulk_id: str, start: Instant, paused: bool, *, fresh: bool
) -> Generator[None, None, None]:
    """A new timetable from `start`. A `fresh` one leaves what was called before alone and begins the validity anew."""
    sender = accounts.find(db, account)
    if sender is None:
        raise NoSuchAccount(f"the account {account} was removed")
    waiting = _in_order(db, account, bulk_id, fresh)
    speed = next((speed for row in waiting if (speed := message_of(row.body).sending_speed)), None)
    table = Timetable(speed)
    times = _times(sender, waiting, table, start)
    if fresh and any(due_at >= expires_at for due_at, expires_at in times):
        raise WindowNeverOpens("its delivery window never opens before its validity ends")
    for begin in range(0, len(waiting), _SLICE):
        for row, (due_at, expires_at) in zip(
            waiting[begin : begin + _SLICE], times[begin : begin + _SLICE], strict=True
        ):
            db.execute(
                "UPDATE message SET due_at = ?3, expires_at = iif(?4, ?5, expires_at)"
                " WHERE account = ?1 AND message_id = ?2",
                (account, row.message_id, NEVER if paused else due_at, fresh, expires_at),
            )
        yield
    if speed:
        db.execute("UPDATE bulk SET slot_us = ? WHERE account = ? AND bulk_id = ?", (table.end_us, account, bulk_id))


def _in_order(db: apsw.Connection, account: AccountId, bulk_id: str, only_fresh: bool) -> list[_Row]:
    found = rows(
        db,
        "SELECT m.message_id, m.recipient, m.tries, v.body FROM message m"
        " JOIN voice_message v ON v.account = m.account AND v.bulk_id = m.bulk_id AND v.part = m.part"
        " WHERE m.account = ? AND m.bulk_id = ? AND m.state = 'pending' AND (m.tries = 0 OR ?)"
        " ORDER BY m.due_at, m.message_id",
        (account, bulk_id, not only_fresh),
    )
    return [_Row(*row) for row in found]


def _times(sender: Account, waiting: list[_Row], table: Timetable, start: Instant) -> list[tuple[Instant, Instant]]:
    """When each is due, and when it expires if its validity begins at `start`."""
    times = []
    for row in waiting:
        message = message_of(row.body)
        zones = zones_of(row.to) if message.window and sender.windows == "destination" else UTC_ONLY
        paced = message.sending_speed is not None and row.tries == 0
        expires_at = expiry(msgspec.structs.replace(message, send_at=None), start)
        times.append((table.due(start, paced, message.window, zones), expires_at))
    return times


def _slices(db: apsw.Connection, account: AccountId, bulk_id: str) -> Generator[list[str], None, None]:
    found = rows(
        db,
        "SELECT message_id FROM message WHERE account = ? AND bulk_id = ? AND state = 'pending'",
        (account, bulk_id),
    )
    ids = iter([message_id for (message_id,) in found])
    while part := list(islice(ids, _SLICE)):
        yield part


def expire(db: apsw.Connection, now: Instant, conclude: Conclude) -> tuple[list[AccountId], Instant]:
    """Ends a slice of what was cancelled and of what expired: whose it was, and when the next expires."""
    whose: list[AccountId] = []
    last, next_at = 0, NEVER
    while row := db.execute(
        "SELECT account, expires_at FROM message INDEXED BY message_expires WHERE state = 'pending' AND account > ?"
        " ORDER BY account, expires_at LIMIT 1",
        (last,),
    ).fetchone():
        last = row[0]
        next_at = min(next_at, row[1])
        if row[1] <= now and len(whose) < _ENDED_AT_ONCE:
            whose += _expire(db, last, now, conclude, _ENDED_AT_ONCE - len(whose))
    return whose, next_at


def _expire(db: apsw.Connection, account: AccountId, now: Instant, conclude: Conclude, most: int) -> list[AccountId]:
    found = calls(
        db,
        "m.account = ?1 AND m.message_id IN (SELECT message_id FROM message INDEXED BY message_expires"
        " WHERE state = 'pending' AND account = ?1 AND expires_at <= ?2 ORDER BY expires_at LIMIT ?3)",
        (account, now, most),
    )
    for call in found:
        cause = Cause.CANCELLED if call.expires_at == 0 else Cause.EXPIRED
        end(db, [call], CallResult(cause, ended_at=now), conclude)
    return [account] * len(found)
