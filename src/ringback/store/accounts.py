"""Accounts as SQL. All run inside the caller's transaction."""

from typing import Any

import apsw
import msgspec

from ..model.account import Account, Limits
from ..model.exceptions import AccountExists, NoSuchAccount
from ..model.message import AccountId
from ..model.times import Instant
from .store import AccountRow


def add(db: apsw.Connection, name: str, password_hash: str, key_hash: bytes, zone: str) -> Account:
    """Raises `AccountExists`."""
    number = db.execute(
        "INSERT INTO account (name, zone, password_hash, key_hash) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        " RETURNING id",
        (name, zone, password_hash, key_hash),
    ).get
    if not number:
        raise AccountExists(f"there is an account {name!r}")
    return Account(number, name, zone)


def listed(db: apsw.Connection) -> list[AccountRow]:
    """All that were not removed, by name."""
    rows = db.execute(
        f"SELECT {COLUMNS}, password_hash, key_hash FROM account a WHERE removed_at IS NULL ORDER BY name"
    )
    return [AccountRow(account_of(row[:5]), *row[5:]) for row in rows]


def find(db: apsw.Connection, account: AccountId) -> Account | None:
    """The account, None for one that was removed."""
    row = db.execute(f"SELECT {COLUMNS} FROM account a WHERE id = ? AND removed_at IS NULL", (account,)).fetchone()
    return account_of(row) if row else None


COLUMNS = "a.id, a.name, a.zone, a.windows, a.limits"
"""What `account_of` wants, from `account a`."""


def account_of(row: tuple[Any, ...]) -> Account:
    """The account that `COLUMNS` say."""
    number, name, zone, windows, limits = row
    return Account(
        number, name, zone, windows, Limits() if limits == "{}" else msgspec.json.decode(limits, type=Limits)
    )


def change(db: apsw.Connection, name: str, password_hash: str | None, key_hash: bytes | None) -> None:
    """Sets what is not None. Raises `NoSuchAccount`."""
    db.execute(
        "UPDATE account SET password_hash = coalesce(?, password_hash), key_hash = coalesce(?, key_hash)"
        " WHERE name = ? AND removed_at IS NULL",
        (password_hash, key_hash, name),
    )
    if not db.changes():
        raise NoSuchAccount(f"there is no account {name!r}")


def remove(db: apsw.Connection, name: str, now: Instant) -> Account:
    """Nobody signs in as it again. Raises `NoSuchAccount`."""
    found = db.execute(
        "UPDATE account AS a SET removed_at = ? WHERE name = ? AND removed_at IS NULL"
        " RETURNING id, name, zone, windows, limits",
        (now, name),
    ).fetchone()
    if found is None:
        raise NoSuchAccount(f"there is no account {name!r}")
    return account_of(found)


def removed_with_pending(db: apsw.Connection) -> list[tuple[AccountId, Instant]]:
    """Accounts whose removal was cut short before all was cancelled, and when they were removed."""
    rows = db.execute(
        "SELECT id, removed_at FROM account WHERE removed_at IS NOT NULL AND EXISTS"
        " (SELECT 1 FROM message INDEXED BY message_due WHERE state = 'pending' AND message.account = account.id)"
    )
    return [(number, removed_at) for number, removed_at in rows]
