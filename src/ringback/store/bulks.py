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
from ..model.logs import PENDING
from ..model.message import AccountId, VoiceMessage
from ..model.schedule import NEVER, Timetable
from ..model.times import Instant
from . import accounts
from .database import rows
from .journey import calls, end, message_of
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
    if _has(db, account, bulk_id, "pending"):
        return "PAUSED" if state == "paused" else "PENDING"
    return "PROCESSING" if _has(db, account, bulk_id, "calling") else "FINISHED"


def _has(db: apsw.Connection, account: AccountId, bulk_id: str, state: str) -> bool:
    return bool(
        db.execute(
            "SELECT EXISTS (SELECT 1 FROM message INDEXED BY message_bulk"
            " WHERE account = ? AND bulk_id = ? AND facet = ? AND state = ?)",  # what is over has another facet
            (account, bulk_id, PENDING, state),
        ).get
    )


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
    if to == "PENDING":
        yield from _reschedule(db, account, bulk_id, now, False, fresh=False)
    else:
        ended = ", expires_at = 0" if to == "CANCELED" else ""
        for keys in _slices(db, account, bulk_id):
            db.executemany(f"UPDATE message SET due_at = {NEVER}{ended} WHERE account = ? AND message_id = ?", keys)
            yield
    db.execute("UPDATE bulk SET state = ? WHERE account = ? AND bulk_id = ?", (state, account, bulk_id))
    return BulkState(bulk_id, bulk.send_at, to)


def _changeable(db: apsw.Connection, account: AccountId, bulk_id: str, allowed: tuple[str, ...]) -> BulkState:
    bulk = find(db, account, bulk_id)
    if bulk is None:
        raise NoSuchBulk(f"there is no bulk {bulk_id!r}")
    if bulk.status not in allowed:
        raise NothingToCall(bulk.status)
    return bulk


class _Row(msgspec.Struct, frozen=True, gc=False):
    """A message that may be given another time."""

    message_id: str
    to: str
    tries: int
    part: int
    expires_at: Instant
    log_at: Instant
    called_until: Instant | None

    def not_before(self, message: VoiceMessage) -> Instant:
        """When it was to be called, before it was paused: messages of one bulk may have different times."""
        if not self.tries:
            return self.log_at
        return (self.called_until or 0) + (message.retry.after(self.tries) if message.retry else 0)


def _reschedule(
    db: apsw.Connection, account: AccountId, bulk_id: str, start: Instant, paused: bool, *, fresh: bool
) -> Generator[None, None, None]:
    """A new timetable from `start`. A `fresh` one leaves what was called before alone and begins the validity anew;
    any other keeps what was to be called later, or called again later, for then.
    """
    sender = accounts.find(db, account)
    if sender is None:
        raise NoSuchAccount(f"the account {account} was removed")
    key = (account, bulk_id)
    interval_us = db.execute("SELECT interval_us FROM bulk WHERE account = ? AND bulk_id = ?", key).get or 0
    table = Timetable(interval_us)
    slices = []
    for waiting in _in_order(db, account, bulk_id, fresh):
        yield
        slices.append([_timed(sender, row, _message(db, key, row.part), table, start, fresh) for row in waiting])
        if fresh and any(due_at >= expires_at for due_at, expires_at, _, _ in slices[-1]):
            raise WindowNeverOpens("its delivery window never opens before its validity ends")
    if fresh and not slices:
        raise NothingToCall("waiting for another attempt")
    for timed in slices:
        yield
        db.executemany(_TIMES_PAUSED if paused else _TIMES, timed)
    db.execute("UPDATE bulk SET slot_us = ? WHERE account = ? AND bulk_id = ?", (table.end_us, *key))


_LOG_AT = f"log_at = coalesce(sent_at, iif(?1 < {NEVER}, ?1, log_at))"
_TIMES = f"UPDATE message SET due_at = ?1, expires_at = ?2, {_LOG_AT} WHERE account = ?3 AND message_id = ?4"
_TIMES_PAUSED = _TIMES.replace("due_at = ?1", f"due_at = max(?1, {NEVER})")


def _message(db: apsw.Connection, bulk: tuple[AccountId, str], part: int) -> VoiceMessage:
    body = db.execute(
        "SELECT body FROM voice_message WHERE account = ? AND bulk_id = ? AND part = ?", (*bulk, part)
    ).get
    return message_of(body)


def _in_order(
    db: apsw.Connection, account: AccountId, bulk_id: str, only_fresh: bool
) -> Generator[list[_Row], None, None]:
    """What may be given another time, in the order in which it was due, in slices. Sorted before the first is given.

    The index is named: by `message_due`, all that the account has waiting would be looked at.
    """
    found = db.execute(
        "SELECT message_id, recipient, tries, part, expires_at, log_at, iif(tries > 0, (SELECT"
        " json_extract(CAST(t.result AS TEXT), '$.ended_at') FROM attempt t WHERE t.account = m.account"
        " AND t.message_id = m.message_id AND t.attempt = m.attempts), NULL)"
        " FROM message m INDEXED BY message_bulk WHERE account = ? AND bulk_id = ? AND facet = ?"
        " AND state = 'pending' AND (tries = 0 OR ?) ORDER BY due_at, log_at, message_id",
        (account, bulk_id, PENDING, not only_fresh),
    )
    while part := [_Row(*row) for row in islice(found, _SLICE)]:
        yield part


def _timed(
    sender: Account, row: _Row, message: VoiceMessage, table: Timetable, start: Instant, fresh: bool
) -> tuple[Instant, Instant, AccountId, str]:
    """When it is due and when it expires, and which it is."""
    zones = sender.zones(message.window, row.to)
    begin = start if fresh else max(start, row.not_before(message))
    due_at = table.due(begin, message.sending_speed is not None and row.tries == 0, message.window, zones)
    expires_at = message.expires(start) if fresh else row.expires_at
    if due_at >= NEVER and not fresh:  # its account's windows are others since: what is accepted gets its report
        expires_at = min(expires_at, start)
    return due_at, expires_at, sender.id, row.message_id


def _slices(
    db: apsw.Connection, account: AccountId, bulk_id: str
) -> Generator[list[tuple[AccountId, str]], None, None]:
    """What is still to be called, by id."""
    last: tuple[Instant, str] = (-1, "")
    while found := rows(
        db,
        "SELECT message_id, log_at FROM message INDEXED BY message_bulk"
        " WHERE account = ? AND bulk_id = ? AND facet = ? AND (log_at, message_id) > (?, ?) AND state = 'pending'"
        " ORDER BY log_at, message_id LIMIT ?",
        (account, bulk_id, PENDING, *last, _SLICE),
    ):
        last = (found[-1][1], found[-1][0])
        yield [(account, message_id) for message_id, _ in found]


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
