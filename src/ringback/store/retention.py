"""Forgetting what was collected or pushed, its recordings, and answers kept for repeats. In a transaction."""

import apsw
import msgspec

from ..model.message import AccountId
from ..model.times import DAY, HOUR, Instant
from . import sessions
from .database import rows
from .store import Pruned

REPEATABLE = 48 * HOUR
"""How long an answer is kept under its Idempotency-Key, whatever the retention (contract section 4)."""

ID_MEMORY = 30 * DAY
"""How long after collection a message id may not be used again (contract section 1)."""

_ROWS = 300  # reports forgotten in one transaction: some milliseconds


def prune(db: apsw.Connection, now: Instant, retention: Instant) -> Pruned:
    """Forgets a slice of what was taken or pushed before `now` less `retention`. What waits is never forgotten."""
    db.execute(_FORGET_ANSWERS, (now - REPEATABLE, _ROWS))
    db.execute(_FORGET_IDS, (now, 10 * _ROWS))
    sessions.forget_idle(db, now, _ROWS)
    pruned = Pruned()
    old = rows(
        db,
        # the oldest by id, and of them what is old: to look further would cost as much as there are young ones
        "SELECT id, account, taken_at, stretches FROM (SELECT * FROM take ORDER BY id LIMIT ?) WHERE taken_at < ?",
        (_ROWS, now - retention),
    )
    for take, account, taken_at, runs in old:
        for first, last in msgspec.json.decode(runs):
            pruned += _forget(db, account, first, last, taken_at + ID_MEMORY)
        db.execute("DELETE FROM take WHERE id = ?", (take,))
        if pruned.reports >= _ROWS:
            break
    left = _ROWS - pruned.reports
    return pruned + _forget_pushed(db, now - retention, left) if left > 0 else pruned


# As many as a slice has takes, or more, so that they keep pace with it.
_FORGET_ANSWERS = (
    "DELETE FROM answer WHERE (account, key) IN (SELECT account, key FROM answer WHERE kept_at < ? LIMIT ?)"
)
_FORGET_IDS = (
    "DELETE FROM used_message_id WHERE (account, message_id) IN"
    " (SELECT account, message_id FROM used_message_id WHERE forget_at < ? LIMIT ?)"
)
_OLD = "(SELECT message_id FROM report WHERE account = ?1 AND number BETWEEN ?2 AND ?3)"


def _forget(db: apsw.Connection, account: AccountId, first: int, last: int, forget_id_at: Instant) -> Pruned:
    span = (account, first, last)
    files = rows(
        db, f"SELECT recording FROM attempt WHERE account = ?1 AND message_id IN {_OLD} AND recording IS NOT NULL", span
    )
    bulks = rows(db, "SELECT DISTINCT bulk_id FROM report WHERE account = ? AND number BETWEEN ? AND ?", span)
    db.execute(
        "INSERT OR IGNORE INTO used_message_id SELECT account, message_id, ?4 FROM report"
        " WHERE account = ?1 AND number BETWEEN ?2 AND ?3",
        (*span, forget_id_at),
    )
    db.execute(f"DELETE FROM attempt WHERE account = ?1 AND message_id IN {_OLD}", span)
    db.execute(f"DELETE FROM message WHERE account = ?1 AND message_id IN {_OLD}", span)
    db.execute("DELETE FROM report WHERE account = ? AND number BETWEEN ? AND ?", span)
    reports = db.changes()
    for (bulk_id,) in bulks:
        db.execute(
            "DELETE FROM bulk_report WHERE account = ? AND bulk_id = ? AND number BETWEEN ? AND ?",
            (account, bulk_id, first, last),
        )
        _forget_empty_bulk(db, account, bulk_id)
    return Pruned(reports, [file for (file,) in files])


def _forget_pushed(db: apsw.Connection, before: Instant, limit: int) -> Pruned:
    old = rows(
        db,
        "SELECT account, message_id, bulk_id, pushed_at FROM push INDEXED BY push_age"
        " WHERE state = 'pushed' AND pushed_at < ? ORDER BY pushed_at LIMIT ?",
        (before, limit),
    )
    files = []
    for account, message_id, _, pushed_at in old:
        key = (account, message_id)
        files += rows(
            db, "SELECT recording FROM attempt WHERE account = ? AND message_id = ? AND recording IS NOT NULL", key
        )
        db.execute("INSERT OR IGNORE INTO used_message_id VALUES (?, ?, ?)", (*key, pushed_at + ID_MEMORY))
        for table in ("attempt", "message", "push"):
            db.execute(f"DELETE FROM {table} WHERE account = ? AND message_id = ?", key)
    for account, bulk_id in dict.fromkeys((account, bulk_id) for account, _, bulk_id, _ in old):
        _forget_empty_bulk(db, account, bulk_id)
    return Pruned(len(old), [file for (file,) in files])


def _forget_empty_bulk(db: apsw.Connection, account: AccountId, bulk_id: str) -> None:
    if db.execute("SELECT 1 FROM message WHERE account = ? AND bulk_id = ? LIMIT 1", (account, bulk_id)).get is None:
        db.execute("DELETE FROM voice_message WHERE account = ? AND bulk_id = ?", (account, bulk_id))
        db.execute("DELETE FROM bulk WHERE account = ? AND bulk_id = ?", (account, bulk_id))
