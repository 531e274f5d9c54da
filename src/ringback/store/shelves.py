"""Shelves: the messages of an account, some 20,000 after another, by the number that they go to.

Numbers come in no order. In one index by number, each message accepted or finished among a million would touch a page
of its own, and a bulk of 20,000 would write 80 MB; on a shelf they lie together. All run inside the caller's
transaction.
"""

import apsw

from ..model.message import AccountId
from .database import rows

_FULL = 20_000  # messages: as many as one request may hold


def shelf_for(db: apsw.Connection, account: AccountId, more: int) -> int:
    """Where a request's messages are put: on the last shelf, or on a new one when that is full."""
    found: int = db.execute(
        "INSERT INTO shelf VALUES (?1, 1, ?2) ON CONFLICT DO UPDATE SET shelf = shelf + (filled >= ?3),"
        " filled = iif(filled >= ?3, ?2, filled + ?2) RETURNING shelf",
        (account, more, _FULL),
    ).get
    return found


def shelves_with(db: apsw.Connection, account: AccountId, to: str) -> list[int]:
    """On which an account has messages to a number: two seeks for each shelf of its."""
    found = rows(
        db,
        "WITH RECURSIVE s (shelf) AS"
        " (SELECT (SELECT shelf FROM message INDEXED BY message_to WHERE account = ?1 ORDER BY shelf LIMIT 1)"
        " UNION ALL SELECT (SELECT shelf FROM message INDEXED BY message_to WHERE account = ?1 AND shelf > s.shelf"
        " ORDER BY shelf LIMIT 1) FROM s WHERE s.shelf IS NOT NULL)"
        " SELECT shelf FROM s WHERE EXISTS (SELECT 1 FROM message INDEXED BY message_to"
        " WHERE account = ?1 AND shelf = s.shelf AND recipient = ?2)",
        (account, to),
    )
    return [shelf for (shelf,) in found]
