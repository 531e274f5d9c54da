"""`ringback account`: who may send and collect. It works while the server runs and while it doesn't."""

import asyncio
import getpass
import json
import sys
import zoneinfo
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import cyclopts
from rich.console import Console
from rich.table import Table

from .config import load
from .model.exceptions import NoSuchAccount, RingbackError
from .model.times import instant
from .store.store import AccountRow, Store

R = TypeVar("R")

accounts = cyclopts.App(name="account", help="Add, list, change and remove accounts.")


class Refused(RingbackError):
    """What was typed can't be used."""


@accounts.command
def add(name: str, *, zone: str = "UTC", data: str | None = None, config: Path | None = None) -> None:
    """Add an account, and print its API key: the only time that it can be seen.

    Parameters
    ----------
    name
        The user name.
    zone
        The time zone that its reports are written in, such as Europe/Zagreb.
    data
        The server's data folder. [default: ./ringback-data]
    config
        The server's configuration file.
    """
    _check_name(name)
    _check_zone(zone)
    from .api.auth import hash_password, new_api_key

    password = hash_password(_password(name))
    key, key_hash = new_api_key()
    _in_store(data, config, lambda store: store.add_account(name, password, key_hash, zone), new=True)
    _say(f"account {name} is added")
    print(key)


@accounts.command(name="list")
def list_(*, data: str | None = None, config: Path | None = None) -> None:
    """List the accounts: a table on a terminal, otherwise JSON, one a line.

    Parameters
    ----------
    data
        The server's data folder. [default: ./ringback-data]
    config
        The server's configuration file.
    """
    rows = _in_store(data, config, lambda store: store.accounts())
    if not sys.stdout.isatty():
        for row in rows:
            print(json.dumps({"name": row.account.name, "zone": row.account.zone}))
        return
    _print_table(rows)


@accounts.command
def passwd(name: str, *, data: str | None = None, config: Path | None = None) -> None:
    """Give an account another password.

    Parameters
    ----------
    name
        The user name.
    data
        The server's data folder. [default: ./ringback-data]
    config
        The server's configuration file.
    """
    from .api.auth import hash_password

    changed = hash_password(_password(name))
    _in_store(data, config, lambda store: store.change_account(name, password_hash=changed, key_hash=None))
    _say(f"account {name} has a new password")


@accounts.command
def rotate_key(name: str, *, data: str | None = None, config: Path | None = None) -> None:
    """Give an account another API key, and print it. The old one is of no use any more.

    Parameters
    ----------
    name
        The user name.
    data
        The server's data folder. [default: ./ringback-data]
    config
        The server's configuration file.
    """
    from .api.auth import new_api_key

    key, key_hash = new_api_key()
    _in_store(data, config, lambda store: store.change_account(name, password_hash=None, key_hash=key_hash))
    _say(f"account {name} has a new API key")
    print(key)


@accounts.command
def remove(name: str, *, data: str | None = None, config: Path | None = None) -> None:
    """Remove an account, and cancel its messages that were not yet called.

    Parameters
    ----------
    name
        The user name.
    data
        The server's data folder. [default: ./ringback-data]
    config
        The server's configuration file.
    """
    now = instant(datetime.now(UTC))
    cancelled = _in_store(data, config, lambda store: store.remove_account(name, now))
    _say(f"account {name} is removed; messages cancelled: {cancelled}")


def _in_store(data: str | None, file: Path | None, act: Callable[[Store], Awaitable[R]], *, new: bool = False) -> R:
    folder = load({"data": data}, file=file).data
    if not new and not folder.is_dir():
        raise NoSuchAccount(f"there is no data folder {folder}; name the server's with --data")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def visit() -> R:
        from .store.sqlite import SqliteStore  # here, so that `send` and `reports` start without a database

        store: Store = SqliteStore(folder, owner=False)
        await store.open()
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(visit())


def _password(name: str) -> str:
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password for {name}: ")
        if password != getpass.getpass("Once more: "):
            raise Refused("the two passwords differ; nothing was changed")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Refused("a password can't be empty; nothing was changed")
    return password


def _check_name(name: str) -> None:
    if ":" in name or not name.isprintable() or not 1 <= len(name) <= 100:
        raise Refused("a user name has 1 to 100 printable characters and no colon (Basic authentication ends it there)")


def _check_zone(zone: str) -> None:
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(f"{zone!r} is not the name of a time zone, such as Europe/Zagreb") from None


def _print_table(rows: list[AccountRow]) -> None:
    table = Table("account", "reports in the time of")
    for row in rows:
        table.add_row(row.account.name, row.account.zone)
    Console().print(table)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
