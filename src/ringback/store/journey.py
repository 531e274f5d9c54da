"""The steps of a message's journey as SQL: accept, finish, postpone. All run inside the caller's transaction."""

from collections.abc import Generator, Iterable
from functools import lru_cache

import apsw
import msgspec

from ..model.account import Account
from ..model.call import Call, CallResult, Cause
from ..model.exceptions import AlreadyFinished, BulkInUse, NoSuchAccount, TooManyWaiting
from ..model.logs import facet
from ..model.message import AccountId, Bulk, Destination, Network, VoiceMessage
from ..model.report import DeliveryReport
from ..model.schedule import NEVER
from ..model.times import Instant
from . import accounts, answers, pushes, tape
from .shelves import shelf_for
from .store import Conclude, Keep, Kept

_SLICE = 400  # destinations inserted before others get the loop: some 5 ms


def accept(db: apsw.Connection, account: AccountId, bulk: Bulk, now: Instant) -> Generator[None, None, set[str]]:
    """Writes a request down, a slice at a time. Gives the message ids that were used before.

    Raises `BulkInUse`, `TooManyWaiting`, and `NoSuchAccount` when the account was removed meanwhile.
    """
    sender = accounts.find(db, account)
    if sender is None:
        raise NoSuchAccount(f"the account {account} was removed")
    count = sum(len(destinations) for _, destinations in bulk.messages)
    _room_for(db, sender, count)
    _begin_bulk(db, account, bulk, now)
    shelf = shelf_for(db, account, count)
    refused: set[str] = set()
    before = db.total_changes()
    for part, (message, destinations) in enumerate(bulk.messages):
        body = msgspec.json.encode(message)
        db.execute("INSERT INTO voice_message VALUES (?, ?, ?, ?)", (account, bulk.bulk_id, part, body))
        expires_at = message.expires(max(message.send_at or now, now))
        for start in range(0, len(destinations), _SLICE):
            for destination in destinations[start : start + _SLICE]:
                if not _insert(db, account, bulk, part, destination, now, (expires_at, message.caller, shelf)):
                    refused.add(destination.message_id)
            yield
    if db.total_changes() - before == len(bulk.messages):  # not one message was kept
        _forget_bulk(db, account, bulk.bulk_id)
    return refused


def _room_for(db: apsw.Connection, sender: Account, more: int) -> None:
    most = sender.limits.waiting
    if most is None:
        return
    waiting = db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM message INDEXED BY message_due"
        " WHERE state = 'pending' AND account = ? LIMIT ?)",
        (sender.id, most + 1),
    ).get
    if waiting + more > most:
        raise TooManyWaiting(f"{waiting} destinations wait to be called, and at most {most} may")


def _begin_bulk(db: apsw.Connection, account: AccountId, bulk: Bulk, now: Instant) -> None:
    speed = next((message.sending_speed for message, _ in bulk.messages if message.sending_speed), None)
    last = max((to.due_at or now for _, destinations in bulk.messages for to in destinations), default=now)
    free_us = last * 1_000 + speed.interval_us if speed else 0
    new = db.execute(
        "INSERT INTO bulk (account, bulk_id, accepted_at, send_at, interval_us, slot_us) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        (account, bulk.bulk_id, now, bulk.send_at, speed and speed.interval_us, free_us),
    ).get
    if not new:
        raise BulkInUse(f"the bulk id {bulk.bulk_id!r} was used before")


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
    db: apsw.Connection,
    account: AccountId,
    bulk: Bulk,
    part: int,
    destination: Destination,
    now: Instant,
    more: tuple[Instant, str | None, int],
) -> bool:
    key = (account, destination.message_id, bulk.bulk_id, part)
    db.execute(
        "INSERT INTO message"
        " (account, message_id, bulk_id, part, recipient, network, due_at, log_at, expires_at, caller, shelf)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10"
        " WHERE NOT EXISTS (SELECT 1 FROM used_message_id WHERE account = ?1 AND message_id = ?2)"
        " ON CONFLICT DO NOTHING",
        (*key, destination.to, bulk.network, destination.due_at or now, *more),
    )
    return db.changes() == 1


def _forget_bulk(db: apsw.Connection, account: AccountId, bulk_id: str) -> None:
    db.execute("DELETE FROM voice_message WHERE account = ? AND bulk_id = ?", (account, bulk_id))
    db.execute("DELETE FROM bulk WHERE account = ? AND bulk_id = ?", (account, bulk_id))


_CALL = (
    f"SELECT {accounts.COLUMNS}, m.bulk_id, m.message_id, m.attempts, m.recipient, m.network, v.body, t.placed_at,"
    " m.tries, m.sent_at, m.expires_at"
    " FROM message m JOIN account a ON a.id = m.account"
    " JOIN voice_message v ON v.account = m.account AND v.bulk_id = m.bulk_id AND v.part = m.part"
    " LEFT JOIN attempt t ON t.account = m.account AND t.message_id = m.message_id AND t.attempt = m.attempts WHERE "
)


def calls(db: apsw.Connection, where: str, values: Iterable[int | str]) -> list[Call]:
    """The messages `m` that a condition finds, each as its last attempt, or the one to come."""
    found = []
    for row in db.execute(_CALL + where, tuple(values)):
        bulk_id, message_id, attempt, to, network, body, placed_at, tries, sent_at, expires_at = row[5:]
        call = Call(
            accounts.account_of(row[:5]),
            bulk_id,
            message_id,
            attempt,
            to,
            Network(network),
            message_of(body),
            placed_at or 0,
            tries,
            sent_at,
            expires_at,
        )
        found.append(call)
    return found


@lru_cache(maxsize=256)
def message_of(body: bytes) -> VoiceMessage:
    """A voice message as it is kept."""
    return msgspec.json.decode(body, type=VoiceMessage)


def unfinished(db: apsw.Connection) -> list[Call]:
    """Messages in state `calling`: when no call runs, their ends are unknown."""
    return calls(db, "m.state = 'calling'", ())


def finish(db: apsw.Connection, call: Call, result: CallResult, report: DeliveryReport) -> None:
    """The message is done, its attempt is closed and its report is on the tape. Raises `AlreadyFinished`."""
    db.execute(f"{_DONE} AND state = 'calling'", _done(call, report))
    if db.changes() != 1:
        raise AlreadyFinished(f"the message {call.message_id!r} has its report")
    _close_attempt(db, call, result)
    hand_over(db, call, report)


_DONE = "UPDATE message SET state = 'done', facet = ?, log_at = ? WHERE account = ? AND message_id = ?"


def _done(call: Call, report: DeliveryReport) -> tuple[str, Instant, AccountId, str]:
    return facet(report.status.group_id, report.mcc_mnc), report.sent_at, call.account.id, call.message_id


def _close_attempt(db: apsw.Connection, call: Call, result: CallResult) -> None:
    db.execute(
        "UPDATE attempt SET result = ?, recording = ? WHERE account = ? AND message_id = ? AND attempt = ?",
        (msgspec.json.encode(result), result.recording, call.account.id, call.message_id, call.attempt),
    )


def postpone(db: apsw.Connection, call: Call, result: CallResult, due_at: Instant) -> None:
    """The attempt is closed and the message is pending again, due at `due_at`. Raises `AlreadyFinished`.

    What waits in a paused bulk is not due before the bulk is resumed. What belongs to a cancelled one, or to an account
    that was removed meanwhile, is cancelled.
    """
    key = (call.account.id, call.message_id)
    dialled = result.cause is not Cause.NOT_PLACED
    db.execute(
        "UPDATE message SET state = 'pending', tries = tries + ?3, sent_at = coalesce(sent_at, ?4),"
        " log_at = coalesce(sent_at, ?4, log_at),"
        " due_at = CASE (SELECT state FROM bulk b WHERE b.account = ?1 AND b.bulk_id = message.bulk_id)"
        " WHEN 'paused' THEN ?6 ELSE ?5 END,"
        " expires_at = CASE WHEN (SELECT removed_at FROM account WHERE id = ?1) IS NOT NULL"
        " OR 'cancelled' = (SELECT state FROM bulk b WHERE b.account = ?1 AND b.bulk_id = message.bulk_id)"
        " THEN 0 ELSE expires_at END"
        " WHERE account = ?1 AND message_id = ?2 AND state = 'calling'",
        (*key, dialled, result.invited_at, due_at, NEVER),
    )
    if db.changes() != 1:
        raise AlreadyFinished(f"the message {call.message_id!r} has its report")
    _close_attempt(db, call, result)


def end(db: apsw.Connection, found: list[Call], result: CallResult, conclude: Conclude) -> None:
    """Ends messages that nobody will be called for any more, each with its report."""
    for call in found:
        report = conclude(call, result)
        db.execute(_DONE, _done(call, report))
        hand_over(db, call, report)


def cancel(db: apsw.Connection, account: AccountId, limit: int, result: CallResult, conclude: Conclude) -> int:
    """Cancels up to `limit` messages of an account that wait to be called, each with its report: how many."""
    found = calls(
        db,
        "m.account = ?1 AND m.message_id IN (SELECT message_id FROM message INDEXED BY message_due"
        " WHERE state = 'pending' AND account = ?1 ORDER BY due_at LIMIT ?2)",
        (account, limit),
    )
    end(db, found, result, conclude)
    return len(found)


def hand_over(db: apsw.Connection, call: Call, report: DeliveryReport) -> None:
    """Puts the message's one report where its account gets it: on the tape, or among those to be pushed."""
    if call.message.notify is None:
        tape.append(db, call.account.id, report)
    else:
        pushes.add(db, call.account.id, report, call.message.notify)


def recording(db: apsw.Connection, account: AccountId, message_id: str, to: str) -> str | None:
    """The file of the last call of the message that was recorded."""
    found = db.execute(
        "SELECT t.recording FROM message m JOIN attempt t ON t.account = m.account AND t.message_id = m.message_id"
        " WHERE m.account = ? AND m.message_id = ? AND m.recipient = ? AND t.recording IS NOT NULL"
        " ORDER BY t.attempt DESC LIMIT 1",
        (account, message_id, to),
    ).get
    return str(found) if found else None
