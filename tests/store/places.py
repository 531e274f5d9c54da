"""Where the suite's stores live: one class per implementation, all of the same shape.

The suite speaks to a store by its Protocol only. What must be seen behind its back (how much of each kind there
is, whether a constraint holds) goes through here; a second implementation brings a second such class.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import apsw
import msgspec

from ringback.model.times import HOUR, Instant
from ringback.store.database import FILE
from ringback.store.sqlite import SqliteStore
from ringback.store.store import Store


class Ledger(msgspec.Struct, frozen=True):
    """How many messages there are of each kind, each counted for itself, all in one statement."""

    accepted: int
    pending: int
    calling: int
    waiting: int
    collected: int
    pushing: int = 0
    pushed: int = 0

    @property
    def whole(self) -> bool:
        uncalled, on_tape, to_push = (
            self.pending + self.calling,
            self.waiting + self.collected,
            self.pushing + self.pushed,
        )
        return self.accepted == uncalled + on_tape + to_push


_TAKEN = "EXISTS (SELECT 1 FROM taken t WHERE t.account = r.account AND r.number BETWEEN t.first AND t.last)"
LEDGER = f"""
SELECT (SELECT count(*) FROM message),
       (SELECT count(*) FROM message WHERE state = 'pending'),
       (SELECT count(*) FROM message WHERE state = 'calling'),
       (SELECT count(*) FROM report r WHERE NOT {_TAKEN}),
       (SELECT count(*) FROM report r WHERE {_TAKEN}),
       (SELECT count(*) FROM push WHERE state = 'waiting'),
       (SELECT count(*) FROM push WHERE state = 'pushed')
"""


class Place(Protocol):
    """Where a store's data is."""

    def store(self, *, retention: Instant = 48 * HOUR) -> Store:
        """A store on this data, not opened yet."""

    def administration(self) -> str:
        """Python source that gives another process its `store`, for administration."""

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Asks behind the store's back, on a connection of its own."""

    def ledger(self) -> Ledger: ...


class SqlitePlace:
    """A folder."""

    refusal: type[Exception] = apsw.ConstraintError

    def __init__(self, folder: Path, vfs: str | None = None) -> None:
        self.folder = folder
        self._vfs = vfs

    def store(self, *, retention: Instant = 48 * HOUR) -> SqliteStore:
        return SqliteStore(self.folder, retention=retention, vfs=self._vfs)

    def administration(self) -> str:
        return (
            "import pathlib, ringback.store.sqlite\n"
            f"store = ringback.store.sqlite.SqliteStore(pathlib.Path({str(self.folder)!r}), owner=False)\n"
        )

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connection() as db:
            return db.execute(statement, values).fetchall()

    def ledger(self) -> Ledger:
        (row,) = self.sql(LEDGER)
        return Ledger(*row)

    @contextlib.contextmanager
    def connection(self) -> Iterator[apsw.Connection]:
        db = apsw.Connection(str(self.folder / FILE), vfs=self._vfs)
        db.set_busy_timeout(10_000)
        try:
            yield db
        finally:
            db.close()
