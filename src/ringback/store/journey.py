"""The steps of a message's journey as SQL: accept, claim, finish. All run inside the caller's transaction."""

from collections.abc import Callable, Generator, Iterable
from functools import lru_cache
from itertools import zip_longest
from typing import TypeAlias

import apsw
import msgspec

from ..model.account import Account
from ..model.call import Call, CallResult
from ..model.exceptions import AlreadyFinished, BulkInUse, NoSuchAccount
from ..model.message import AccountId, Bulk, Destination, Network, VoiceMessage
from ..model.report import DeliveryReport
from ..model.times import Instant
from . import answers, tape
from .accounts import is_there
from .database import rows
from .store import Keep, Kept

Conclude: TypeAlias = Callable[[Call], DeliveryReport]

_SLICE = 400  # destinations inserted before others get the loop: some 5 ms


def accept(db: apsw.Connection, account: AccountId, bulk: Bulk, now: Instant) -> Generator[None, None, set[str]]:
    """Writes a request down, a slice at a time. Gives the message ids that were used before.

    Raises `BulkInUse`, and `NoSuchAccount` when the account was removed meanwhile.
    """
    if not is_there(db, account):
        raise NoSuchAccount(f"the account {account} was removed")
    new = db.execute(
        "INSERT INTO bulk (account, bulk_id, accepted_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
        (account, bulk.bulk_id, now),
    ).get
    if not new:
        raise BulkInUse(f"the bulk id {bulk.bulk_id!r} was used before")
    refused: set[str] = set()
    before = db.total_changes()
    for part, (message, destinations) in enumerate(bulk.messages):
        body = msgspec.json.encode(message)
        db.execute("INSERT INTO voice_message VALUES (?, ?, ?, ?)", (account, bulk.bulk_id, part, body))
        for start in range(0, len(destinations), _SLICE):
            for destination in destinations[start : start + _SLICE]:
                if not _insert(db, account, bulk, part, destination, now):
                    refused.add(destination.message_id)
            yield
    if db.total_changes() - before == len(bulk.messages):  # not one message was kept
        _forget_bulk(db, account, bulk.bulk_id)
    return refused


def accept_once(
    db: apsw.Connection, account: AccountId, bulk: Bulk, now: Instant, keep: Keep[set[str]]
) -> Generator[None, None, Kept]:
    """Accepts, unless the key was used before. Raises what `accept` does."""
    known = answers.recall(db, account, keep)
    if known is not None:
        return known
    used = yield from accept(db, account, bulk, now)
    return Kept(answers.write(db, account, keep, used, now))


def _insert(
    db: apsw.Connection, account: AccountId, bulk: Bulk, part: int, destination: Destination, now: Instant
) -> bool:
    message_id = destination.message_id
    db.execute(
        "INSERT INTO message (account, message_id, bulk_id, part, recipient, network, due_at)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
        " WHERE NOT EXISTS (SELECT 1 FROM used_message_id WHERE account = ?1 AND message_id = ?2)"
        " ON CONFLICT DO NOTHING",
        (account, message_id, bulk.bulk_id, part, destination.to, bulk.network, now),
    )
    return db.changes() == 1


def _forget_bulk(db: apsw.Connection, account: AccountId, bulk_id: str) -> None:
    db.execute("DELETE FROM voice_message WHERE account = ? AND bulk_id = ?", (account, bulk_id))
    db.execute("DELETE FROM bulk WHERE account = ? AND bulk_id = ?", (account, bulk_id))


def claim(db: apsw.Connection, limit: int, now: Instant, turn: AccountId) -> list[Call]:
    """The next `limit` messages that are due, each with its attempt written down. The account after `turn` is first."""
    due = [_due(db, account, limit, now) for account in _in_turn(db, turn)]
    in_turn = [row for lap in zip_longest(*due) for row in lap if row is not None]
    return [_begin_attempt(db, row, now) for row in in_turn[:limit]]


def _in_turn(db: apsw.Connection, turn: AccountId) -> list[AccountId]:
    """Accounts with something pending, by number, those after `turn` first; nobody is called for a removed one."""
    accounts: list[AccountId] = []
    last = 0
    while found := db.execute(
        "SELECT account FROM message INDEXED BY message_due WHERE state = 'pending' AND account > ?"
        " ORDER BY account LIMIT 1",
        (last,),
    ).get:
        accounts.append(last := found)
    there = [account for account in accounts if is_there(db, account)]
    return sorted(there, key=lambda account: (account <= turn, account))


def _due(db: apsw.Connection, account: AccountId, limit: int, now: Instant) -> list[tuple[AccountId, str]]:
    return rows(
        db,
        "SELECT account, message_id FROM message INDEXED BY message_due"
        " WHERE state = 'pending' AND account = ? AND due_at <= ? ORDER BY due_at, message_id LIMIT ?",
        (account, now, limit),
    )


def _begin_attempt(db: apsw.Connection, row: tuple[AccountId, str], now: Instant) -> Call:
    db.execute(
        "UPDATE message SET state = 'calling', attempts = attempts + 1 WHERE account = ? AND message_id = ?", row
    )
    db.execute(
        "INSERT INTO attempt (account, message_id, attempt, placed_at)"
        " SELECT account, message_id, attempts, ?3 FROM message WHERE account = ?1 AND message_id = ?2",
        (*row, now),
    )
    (call,) = _calls(db, "m.account = ? AND m.message_id = ?", row)
    return call


_CALL = (
    "SELECT m.account, a.name, a.zone, m.bulk_id, m.message_id, m.attempts, m.recipient, m.network, v.body, t.placed_at"
    " FROM message m JOIN account a ON a.id = m.account"
    " JOIN voice_message v ON v.account = m.account AND v.bulk_id = m.bulk_id AND v.part = m.part"
    " LEFT JOIN attempt t ON t.account = m.account AND t.message_id = m.message_id AND t.attempt = m.attempts WHERE "
)


def _calls(db: apsw.Connection, where: str, values: Iterable[int | str]) -> list[Call]:
    calls = []
    for row in db.execute(_CALL + where, tuple(values)):
        account, name, zone, bulk_id, message_id, attempt, to, network, body, placed_at = row
        owner = Account(account, name, zone)
        message = _message(body)
        calls.append(Call(owner, bulk_id, message_id, attempt, to, Network(network), message, placed_at or 0))
    return calls


@lru_cache(maxsize=256)
def _message(body: bytes) -> VoiceMessage:
    return msgspec.json.decode(body, type=VoiceMessage)


def unfinished(db: apsw.Connection) -> list[Call]:
    """Messages in state `calling`: when no call runs, their ends are unknown."""
    return _calls(db, "m.state = 'calling'", ())


def finish(db: apsw.Connection, call: Call, result: CallResult, report: DeliveryReport) -> None:
    """The message is done, its attempt is closed and its report is on the tape. Raises `AlreadyFinished`."""
    key = (call.account.id, call.message_id)
    db.execute("UPDATE message SET state = 'done' WHERE account = ? AND message_id = ? AND state = 'calling'", key)
    if db.changes() != 1:
        raise AlreadyFinished(f"the message {call.message_id!r} has its report")
    _close_attempt(db, call, result)
    tape.append(db, call.account.id, report)


def _close_attempt(db: apsw.Connection, call: Call, result: CallResult) -> None:
    db.execute(
        "UPDATE attempt SET result = ?, recording = ? WHERE account = ? AND message_id = ? AND attempt = ?",
        (msgspec.json.encode(result), result.recording, call.account.id, call.message_id, call.attempt),
    )


def postpone(db: apsw.Connection, call: Call, result: CallResult, due_at: Instant) -> None:
    """The attempt is closed and the message is pending again, due at `due_at`. Raises `AlreadyFinished`."""
    key = (call.account.id, call.message_id)
    db.execute(
        "UPDATE message SET state = 'pending', due_at = ? WHERE account = ? AND message_id = ? AND state = 'calling'",
        (due_at, *key),
    )
    if db.changes() != 1:
        raise AlreadyFinished(f"the message {call.message_id!r} has its report")
    _close_attempt(db, call, result)


def cancel(db: apsw.Connection, account: AccountId, limit: int, conclude: Conclude) -> int:
    """Cancels up to `limit` messages that were not called yet, each with its report: how many."""
    calls = _calls(db, "m.account = ? AND m.state = 'pending' LIMIT ?", (account, limit))
    for call in calls:
        key = (account, call.message_id)
        db.execute("UPDATE message SET state = 'done' WHERE account = ? AND message_id = ?", key)
        tape.append(db, account, conclude(call))
    return len(calls)


def recording(db: apsw.Connection, account: AccountId, message_id: str, to: str) -> str | None:
    """The file of the last call of the message that was recorded."""
    found = db.execute(
        "SELECT t.recording FROM message m JOIN attempt t ON t.account = m.account AND t.message_id = m.message_id"
        " WHERE m.account = ? AND m.message_id = ? AND m.recipient = ? AND t.recording IS NOT NULL"
        " ORDER BY t.attempt DESC LIMIT 1",
        (account, message_id, to),
    ).get
    return str(found) if found else None
