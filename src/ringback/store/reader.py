"""Reading beside the writer."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from ..model.exceptions import StoreUnavailable
from .database import connect

T = TypeVar("T")


class Reader:
    """A connection that only reads, with a thread of its own: it neither waits for a commit nor holds the loop."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)
        self._db: apsw.Connection | None = None

    def open(self, path: Path, vfs: str | None) -> None:
        """Raises `apsw.Error`."""
        self._db = connect(path, vfs=vfs, read_only=True)
        self._db.set_busy_timeout(5_000)

    def close(self) -> None:
        """Answers what was asked, and closes the file."""
        self._thread.shutdown()
        if self._db is not None:
            self._db.close()

    async def ask(self, question: Callable[[apsw.Connection], T]) -> T:
        """What is said to the question, all of it at one moment. Raises `StoreUnavailable`."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)
        except (apsw.Error, OSError) as fault:
            raise StoreUnavailable(str(fault)) from fault

    def _answer(self, question: Callable[[apsw.Connection], T]) -> T:
        assert self._db is not None  # noqa: S101  (it was opened)
        self._db.execute("BEGIN")
        try:
            return question(self._db)
        finally:
            if self._db.in_transaction:  # a fault of the disk may have ended it
                self._db.execute("ROLLBACK")
