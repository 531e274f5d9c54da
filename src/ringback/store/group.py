"""Group commit: while one transaction is being made durable, the requests that arrive form the next.

Statements run on the event loop, where they take microseconds. COMMIT, which waits for the disk, runs in a thread
while calls are live, so that a disk that stalls for seconds is not heard in the calls that the same loop feeds.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeAlias, TypeVar

import apsw

from ..model.exceptions import RingbackError, StoreUnavailable

T = TypeVar("T")
Step: TypeAlias = Callable[[apsw.Connection], T | Generator[None, None, T]]
"""Part of a transaction. It raises `RingbackError` only before it has written anything. A long one is a
generator that yields between slices, and others get the loop there."""

_MOST = 512  # steps that share a commit
_BREATH = 0.01  # seconds that the steps of a group run before others get the loop
_PATIENCE = 5.0  # seconds to wait for another process's transaction

_DISK_FAULTS = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.NoMemError,
    apsw.ProtocolError,
    OSError,
)

log = logging.getLogger(__name__)


class _Waiting(Generic[T]):
    __slots__ = ("answer", "done", "refusal", "step")

    def __init__(self, step: Step[T], done: "asyncio.Future[T]") -> None:
        self.step = step
        self.done = done
        self.answer: T | None = None
        self.refusal: RingbackError | None = None


class GroupCommit:
    """The one writer of a database."""

    def __init__(self, db: apsw.Connection, beside: Callable[[], bool] = lambda: True) -> None:
        self._db = db
        self._beside = beside  # asked before each COMMIT: whether it must not hold the loop
        self._queue: deque[_Waiting[Any]] = deque()
        self._driver: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "commit")
        self._wounded = False
        self._before = 0

    async def run(self, step: Step[T]) -> T:
        """Runs a step in a transaction and returns what it gave when that is durable.

        Raises what the step raised; `StoreUnavailable` when the disk refused: then nothing was written.
        """
        loop = asyncio.get_running_loop()
        waiting: _Waiting[T] = _Waiting(step, loop.create_future())
        self._queue.append(waiting)
        if self._driver is None:
            self._driver = loop.create_task(self._drive())
        return await waiting.done

    async def close(self) -> None:
        """Finishes what was asked."""
        while self._driver is not None:
            await self._driver
        self._thread.shutdown()

    async def _drive(self) -> None:
        try:
            while self._queue:
                group = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST))]
                await self._commit(group)
        finally:
            self._driver = None

    async def _commit(self, group: list[_Waiting[Any]]) -> None:
        try:
            await self._begin()
            kept = await self._write(group)
            await self._end()
        except Exception as fault:
            await self._failed(group, fault)
            return
        for waiting in kept:
            if waiting.done.done():
                continue
            if waiting.refusal:
                waiting.done.set_exception(waiting.refusal)
            else:
                waiting.done.set_result(waiting.answer)

    async def _begin(self) -> None:
        if self._wounded:
            await self._in_thread(self._heal)
        until = asyncio.get_running_loop().time() + _PATIENCE
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._before = self._db.total_changes()
                return
            except apsw.BusyError:  # administration writes from another process, for milliseconds
                if asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(0.005)

    async def _end(self) -> None:
        unchanged = self._db.total_changes() == self._before  # then there is no disk to wait for
        if unchanged or not self._beside():
            self._db.execute("COMMIT")
        else:
            await self._in_thread(self._db.execute, "COMMIT")

    async def _write(self, group: list[_Waiting[Any]]) -> list[_Waiting[Any]]:
        kept = []
        loop = asyncio.get_running_loop()
        since = loop.time()
        for waiting in group:
            if waiting.done.done():  # given up by its caller before it began
                continue
            waiting.refusal = None
            try:
                waiting.answer = await self._run(waiting.step)
            except RingbackError as refusal:  # true only when what it saw of the others is durable
                waiting.refusal = refusal
            kept.append(waiting)
            if loop.time() - since > _BREATH:  # a take of a thousand reports that is kept as XML takes 40 ms alone
                await asyncio.sleep(0)
                since = loop.time()
        return kept

    async def _run(self, step: Step[T]) -> T:
        answer = step(self._db)
        if not isinstance(answer, Generator):
            return answer
        while True:
            try:
                next(answer)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            await asyncio.sleep(0)

    async def _failed(self, group: list[_Waiting[Any]], fault: Exception) -> None:
        await self._in_thread(self._roll_back)
        left = [waiting for waiting in group if not waiting.done.done()]
        if isinstance(fault, _DISK_FAULTS):
            log.error("the store refused a transaction of %d steps: %s", len(left), fault)
            self._wounded = True
            for waiting in left:
                waiting.done.set_exception(StoreUnavailable(str(fault)))
        elif len(left) == 1:
            left[0].done.set_exception(fault)
        else:  # one of them is at fault, and the others shall not pay for it
            for waiting in left:
                await self._commit([waiting])

    def _roll_back(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except apsw.Error as fault:
            log.error("the store could not roll back: %s", fault)

    def _heal(self) -> None:
        """Writes over what a refused COMMIT left in the log.

        A WAL frame may have reached the disk although its sync failed. Left there, a crash could bring back a
        transaction that was answered with an error; the next durable write takes its place.
        """
        self._roll_back()
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(f"PRAGMA user_version = {self._db.execute('PRAGMA user_version').get}")
        self._db.execute("COMMIT")
        self._wounded = False

    async def _in_thread(self, work: Callable[..., object], *args: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)
