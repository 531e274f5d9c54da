"""`ringback account`: who may send and collect. It works while the server runs and while it doesn't."""

import asyncio
import getpass
import json
import sys
import zoneinfo
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

import cyclopts
from rich.console import Console
from rich.table import Table

from .config import flag, load
from .model.account import Account, Limits, Windows
from .model.exceptions import NoSuchAccount, RingbackError
from .model.times import instant
from .settings import read_between
from .store.store import AccountRow, Store

R = TypeVar("R")
SigningSecret: TypeAlias = Literal["generate", "none"]

_MOST = 100_000_000
"""The largest limit that can be set: more than can be waiting."""

accounts = cyclopts.App(name="account", help="Add, list, change and remove accounts.")


class Refused(RingbackError):
    """What was typed can't be used."""


@accounts.command
def add(
    name: str,
    *,
    zone: str = "UTC",
    windows: Windows = "utc",
    requests_per_second: str | None = None,
    waiting: str | None = None,
    channels: str | None = None,
    signing_secret: SigningSecret | None = None,
    data: str | None = None,
    config: Path | None = None,
) -> None:
    """Add an account, and print its API key: the only time that it can be seen.

    Parameters
    ----------
    name
        The user name.
    zone
        The time zone that its reports are written in, such as Europe/Zagreb.
    windows
        In whose time its delivery windows are: utc, or every time zone that the destination may be in.
    requests_per_second
        How many requests a second it may make, or none for no limit. [default: none]
    waiting
        How many of its destinations may wait to be called, or none for no limit. [default: none]
    channels
        How many of its calls may run at once, or none for no limit of its own. [default: none]
    signing_secret
        generate makes a secret that its pushes are signed with, and prints it on a second line. [default: none]
    data
        The server's data folder. [default: ./ringback-data]
    config
        The server's configuration file.
    """
    _check_name(name)
    _check_zone(zone)
    limits = Limits(**_limits(requests_per_second, waiting, channels))
    from .api.auth import hash_password, new_api_key

    secret = _secret(signing_secret) or None
    password = hash_password(_password(name))
    key, key_hash = new_api_key()

    def act(store: Store) -> Awaitable[Account]:
        return store.add_account(name, password, key_hash, zone, windows=windows, limits=limits, signing_secret=secret)

    _in_store(data, config, act, new=True)
    _say(f"account {name} is added" + ("; its API key and its signing secret, a line each:" if secret else ""))
    print(key)
    if secret:
        print(secret)


@accounts.command(name="set")
def set_(
    name: str,
    *,
    windows: Windows | None = None,
    requests_per_second: str | None = None,
    waiting: str | None = None,
    channels: str | None = None,
    signing_secret: SigningSecret | None = None,
    data: str | None = None,
    config: Path | None = None,
) -> None:
    """Change an account's limits, windows and signing secret; what is not named stays as it is.

    Parameters
    ----------
    name
        The user name.
    windows
        In whose time its delivery windows are: utc, or every time zone that the destination may be in.
    requests_per_second
        How many requests a second it may make, or none for no limit.
    waiting
        How many of its destinations may wait to be called, or none for no limit.
    channels
        How many of its calls may run at once, or none for no limit of its own.
    signing_secret
        generate makes a new secret that its pushes are signed with, and prints it; none: they are signed no more.
    data
        The server's data folder. [default: ./ringback-data]
    config
        The server's configuration file.
    """
    limits = _limits(requests_per_second, waiting, channels)
    secret = _secret(signing_secret)
    if windows is None and secret is None and not limits:
        raise Refused("nothing to set was named; see ringback account set --help")
    _in_store(
        data,
        config,
        lambda store: store.change_account(name, windows=windows, limits=limits, signing_secret=secret),
    )
    _say(f"account {name} is changed")
    if secret:
        print(secret)


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
            print(json.dumps(_shown(row)))
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


def _limits(requests_per_second: str | None, waiting: str | None, channels: str | None) -> dict[str, int | None]:
    """Those that were named, by their names in `Limits`; None for one that is to be no limit any more."""
    named = {"requests_per_second": requests_per_second, "waiting": waiting, "channels": channels}
    return {key: _limit(key, text) for key, text in named.items() if text is not None}


def _limit(key: str, text: str) -> int | None:
    if text == "none":
        return None
    try:
        return read_between(1, _MOST)(text)
    except ValueError as fault:
        raise Refused(f"{flag(key)}: {fault}, or none") from None


def _secret(wanted: SigningSecret | None) -> str | None:
    """A new signing secret; empty for none any more, None for what there is."""
    if wanted != "generate":
        return "" if wanted else None
    from .api.auth import new_signing_secret

    return new_signing_secret()


def _shown(row: AccountRow) -> dict[str, object]:
    limits = row.account.limits
    return {
        "name": row.account.name,
        "zone": row.account.zone,
        "windows": row.account.windows,
        "requestsPerSecond": limits.requests_per_second,
        "waiting": limits.waiting,
        "channels": limits.channels,
        "signed": row.signs,
    }


def _print_table(rows: list[AccountRow]) -> None:
    table = Table("account", "reports in", "windows", "req/s", "waiting", "channels", "pushes")
    for row in rows:
        *texts, _ = ["-" if value is None else str(value) for value in _shown(row).values()]
        table.add_row(*texts, "signed" if row.signs else "-")
    Console().print(table)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
