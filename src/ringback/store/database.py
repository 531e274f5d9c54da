"""Opening the SQLite file: its owner, its settings, its migrations."""

import contextlib
import fcntl
import os
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import apsw

from ..model.exceptions import StoreInUse

FILE = "ringback.db"
_PAGE_SIZE = 8_192  # bytes: a report's row fits its leaf, with no overflow page to follow
_CACHE = 32 * 1024  # KiB a connection


class Ownership:
    """The lock on a data folder: one Ringback owns it. Let go by the kernel when the process ends, however."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "owner.lock"
        self._fd: int | None = None

    def acquire(self, patience: float = 5.0) -> None:
        """Waits up to `patience` seconds for an owner that is dying. Raises `StoreInUse` naming the other."""
        fd = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + patience
        while not _locked(fd):
            if time.monotonic() > until:
                owner = os.pread(fd, 32, 0).decode(errors="replace").strip()
                os.close(fd)
                raise StoreInUse(f"{self._file.parent} is in use by the Ringback with process id {owner}")
            time.sleep(0.05)
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Lets another Ringback own the folder."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def connect(path: Path, *, vfs: str | None = None, read_only: bool = False) -> apsw.Connection:
    """A connection that commits to the disk, not to its cache: WAL, synchronous=FULL."""
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    db = apsw.Connection(str(path), flags=flags, vfs=vfs, statementcachesize=200)
    try:
        if not read_only:
            db.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
            _into_wal(db)
            db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA cache_size = -{_CACHE}")
        db.execute("PRAGMA temp_store = MEMORY")
    except apsw.Error:
        let_go(db)
        raise
    return db


def _into_wal(db: apsw.Connection, patience: float = 5.0) -> None:
    """Another process may be doing the same to a fresh file, and SQLite's busy timeout does not hold for it."""
    until = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def let_go(db: apsw.Connection) -> None:
    """Closes a connection that failed; what its closing says too is no news."""
    with contextlib.suppress(apsw.Error):
        db.close()


def migrate(db: apsw.Connection) -> None:
    """Brings the schema up to date, each step in a transaction of its own.

    Raises `StoreInUse` when the file was written by a later Ringback than this one.
    """
    folder = resources.files(__package__).joinpath("migrations")
    steps = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    for number, step in enumerate(steps, 1):
        db.execute("BEGIN IMMEDIATE")
        if _version(db) < number:
            db.execute(step.read_text(encoding="utf-8"))
            db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    if _version(db) > len(steps):
        raise StoreInUse(f"the data was written by a later version (schema {_version(db)}, known {len(steps)})")


def rows(db: apsw.Connection, query: str, values: Sequence[object] = ()) -> list[Any]:
    """All rows of an answer. STRICT tables hold what their columns say, which the type of a query can't."""
    return db.execute(query, tuple(values)).fetchall()


def _version(db: apsw.Connection) -> int:
    return int(db.execute("PRAGMA user_version").get)
