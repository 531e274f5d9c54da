"""Sessions as SQL: tokens by their hashes, and when they were used last. All run inside the caller's transaction."""

import apsw

from ..model.exceptions import NoSuchAccount
from ..model.message import AccountId
from ..model.times import HOUR, MINUTE, Instant
from . import accounts
from .database import rows
from .store import SessionRow

IDLE = HOUR
"""How long a session lives without use (contract section 1)."""

WRITTEN_LATE = 10 * MINUTE
"""How far the written last use may lie behind the real one; forgetting waits as much longer."""

MOST = 1_000
"""Sessions of one account; the one that was used longest ago gives way to a new one [ours]."""


def add(db: apsw.Connection, account: AccountId, password_hash: str, token_hash: bytes, now: Instant) -> list[bytes]:
    """Begins a session. Gives the hashes of those that had to give way.

    Raises `NoSuchAccount` when it was removed, or its password changed, since the password was checked.
    """
    new = db.execute(
        "INSERT INTO session (account, token_hash, made_at, used_at) SELECT id, ?3, ?4, ?4 FROM account"
        " WHERE id = ?1 AND password_hash = ?2 AND removed_at IS NULL RETURNING 1",
        (account, password_hash, token_hash, now),
    ).get
    if not new:
        raise NoSuchAccount(f"the account {account} was removed, or its password changed")
    gone = rows(
        db,
        "DELETE FROM session WHERE account = ?1 AND token_hash IN (SELECT token_hash FROM session"
        " WHERE account = ?1 AND token_hash <> ?2 ORDER BY used_at DESC, made_at DESC LIMIT -1 OFFSET ?3)"
        " RETURNING token_hash",
        (account, token_hash, MOST - 1),
    )
    return [hashed for (hashed,) in gone]


def find(db: apsw.Connection, account: AccountId, token_hash: bytes) -> SessionRow | None:
    """The session with its account, None for one that is over."""
    row = db.execute(
        f"SELECT {accounts.COLUMNS}, s.used_at FROM session s JOIN account a ON a.id = s.account"
        " WHERE s.account = ? AND s.token_hash = ? AND a.removed_at IS NULL",
        (account, token_hash),
    ).fetchone()
    return SessionRow(accounts.account_of(row[:-1]), row[-1]) if row else None


def use(db: apsw.Connection, account: AccountId, token_hash: bytes, at: Instant) -> None:
    """Writes down that it was used. A clock that steps back makes no session older."""
    db.execute(
        "UPDATE session SET used_at = ?3 WHERE account = ?1 AND token_hash = ?2 AND used_at < ?3",
        (account, token_hash, at),
    )


def end(db: apsw.Connection, account: AccountId, token_hash: bytes) -> bool:
    """Whether there was one to end."""
    db.execute("DELETE FROM session WHERE account = ? AND token_hash = ?", (account, token_hash))
    return db.changes() > 0


def forget_idle(db: apsw.Connection, now: Instant, limit: int) -> None:
    """Forgets up to `limit` that nobody used for too long."""
    db.execute(
        "DELETE FROM session WHERE (account, token_hash) IN"
        " (SELECT account, token_hash FROM session WHERE used_at < ? LIMIT ?)",
        (now - IDLE - WRITTEN_LATE, limit),
    )
