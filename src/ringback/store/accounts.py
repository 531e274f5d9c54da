"""Accounts as SQL. All run inside the caller's transaction."""

from collections.abc import Mapping
from typing import Any

import apsw
import msgspec

from ..model.account import Account, Limits, Windows
from ..model.exceptions import AccountExists, NoSuchAccount
from ..model.message import AccountId
from ..model.times import Instant
from .store import AccountRow


class Change(msgspec.Struct, frozen=True):
    """What is to be another about an account; None leaves it as it is. As `Store.change_account` says."""

    password_hash: str | None
    key_hash: bytes | None
    windows: Windows | None
    limits: Mapping[str, int | None]
    signing_secret: str | None


def add(db: apsw.Connection, row: AccountRow, signing_secret: str | None) -> Account:
    """Under the next number, whatever the row's is. Raises `AccountExists`."""
    account = row.account
    number = db.execute(
        "INSERT INTO account (name, zone, windows, limits, password_hash, key_hash, signing_secret)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
        (
            account.name,
            account.zone,
            account.windows,
            msgspec.json.encode(account.limits).decode(),
            row.password_hash,
            row.key_hash,
            signing_secret,
        ),
    ).get
    if not number:
        raise AccountExists(f"there is an account {account.name!r}")
    return msgspec.structs.replace(account, id=number)


def listed(db: apsw.Connection) -> list[AccountRow]:
    """All that were not removed, by name."""
    rows = db.execute(
        f"SELECT {COLUMNS}, password_hash, key_hash, signing_secret IS NOT NULL FROM account a"
        " WHERE removed_at IS NULL ORDER BY name"
    )
    return [AccountRow(account_of(row[:5]), row[5], row[6], bool(row[7])) for row in rows]


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


def change(db: apsw.Connection, name: str, change: Change) -> None:
    """Raises `NoSuchAccount`."""
    number = db.execute(
        "UPDATE account SET password_hash = coalesce(?1, password_hash), key_hash = coalesce(?2, key_hash),"
        " windows = coalesce(?3, windows), limits = json_patch(limits, ?4),"
        " signing_secret = nullif(coalesce(?5, signing_secret), '') WHERE name = ?6 AND removed_at IS NULL"
        " RETURNING id",
        (
            change.password_hash,
            change.key_hash,
            change.windows,
            msgspec.json.encode(change.limits).decode(),
            change.signing_secret,
            name,
        ),
    ).get
    if not number:
        raise NoSuchAccount(f"there is no account {name!r}")
    if change.password_hash is not None:
        _end_sessions(db, number)


def remove(db: apsw.Connection, name: str, now: Instant) -> Account:
    """Nobody signs in as it again. Raises `NoSuchAccount`."""
    found = db.execute(
        "UPDATE account AS a SET removed_at = ? WHERE name = ? AND removed_at IS NULL"
        " RETURNING id, name, zone, windows, limits",
        (now, name),
    ).fetchone()
    if found is None:
        raise NoSuchAccount(f"there is no account {name!r}")
    account = account_of(found)
    _end_sessions(db, account.id)
    return account


def _end_sessions(db: apsw.Connection, account: AccountId) -> None:
    db.execute("DELETE FROM session WHERE account = ?", (account,))


def removed_with_pending(db: apsw.Connection) -> list[tuple[AccountId, Instant]]:
    """Accounts whose removal was cut short before all was cancelled, and when they were removed."""
    rows = db.execute(
        "SELECT id, removed_at FROM account WHERE removed_at IS NOT NULL AND EXISTS"
        " (SELECT 1 FROM message INDEXED BY message_due WHERE state = 'pending' AND message.account = account.id)"
    )
    return [(number, removed_at) for number, removed_at in rows]
