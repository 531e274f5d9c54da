"""Answers kept under an Idempotency-Key, to be given again byte for byte. In the caller's transaction."""

from typing import TypeVar

import apsw

from ..model.message import AccountId
from ..model.times import Instant
from .store import Answer, Keep, Kept

T = TypeVar("T")


def recall(db: apsw.Connection, account: AccountId, keep: Keep[T]) -> Kept | None:
    """What is kept under the key, None when it is new."""
    found = db.execute(
        "SELECT fingerprint, content_type, body FROM answer WHERE account = ? AND key = ?", (account, keep.key)
    ).fetchone()
    if found is None:
        return None
    if found[0] != keep.fingerprint:
        return Kept(conflict=True)
    return Kept(Answer(found[1], found[2]), replayed=True)


def write(db: apsw.Connection, account: AccountId, keep: Keep[T], outcome: T, now: Instant) -> Answer:
    """Renders the answer and keeps it."""
    answer = keep.render(outcome)
    db.execute(
        "INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?)",
        (account, keep.key, keep.fingerprint, answer.content_type, answer.body, now),
    )
    return answer
