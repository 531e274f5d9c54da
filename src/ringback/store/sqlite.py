"""The store on SQLite: one file, one owner, every commit on the disk."""

import asyncio
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TypeVar

import apsw

from ..model.account import NO_LIMITS, Account, Limits, Windows
from ..model.call import Call, CallResult, Cause
from ..model.exceptions import StoreUnavailable
from ..model.logs import Logged
from ..model.message import AccountId, Bulk
from ..model.report import DeliveryReport
from ..model.settle import Terms, report_of
from ..model.tariff import RateDeck
from ..model.times import HOUR, Instant
from . import accounts, bulks, claiming, journey, ledger, logs, retention, sessions
from .database import FILE, Ownership, connect, let_go, migrate
from .group import GroupCommit, Step
from .push_steps import PushSteps
from .reader import Reader
from .store import (
    AccountRow,
    BulkState,
    BulkStatus,
    Conclude,
    Filter,
    Keep,
    Kept,
    Ledger,
    LogQuery,
    Pruned,
    SessionRow,
    Taken,
)
from .taking import ANY, SharedTakes, take_alone

T = TypeVar("T")
_LOOKED_AT = 300  # due messages of an account, when many of them are put off
_CANCELLED_AT_ONCE = 500  # messages of a removed account ended in one transaction


class SqliteStore(PushSteps):
    """Implements `Store`. As `owner` it holds the data folder; as a visitor it only administers, beside the owner.

    `retention` is in milliseconds; `vfs` names a registered SQLite VFS, None for the system's.
    """

    def __init__(self, folder: Path, *, owner: bool = True, retention: Instant = 48 * HOUR, vfs: str | None = None):
        super().__init__()
        self._folder = folder
        self._owner = owner
        self._retention = retention
        self._vfs = vfs
        self._turn: AccountId = 0
        self._seen_version = 0
        self._era = 0
        self._nothing_due_before: Instant = 0
        self._nothing_expires_before: Instant = 0
        self.commit_beside: Callable[[], bool] = lambda: True  # whether the disk must not hold the loop now
        self.on_arrival: Callable[[AccountId], None] = lambda account: None
        self.on_accounts_changed: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Ready, migrated and owned. Raises `StoreInUse` naming the owner, `StoreUnavailable`."""
        self._reader, self._log_reader, self._counter = Reader("read"), Reader("logs"), Reader("count")
        self._read_by = (self._reader, self._log_reader, self._counter)
        self._ownership = Ownership(self._folder)
        try:
            await asyncio.to_thread(self._open)
        except BaseException as fault:
            for reader in self._read_by:
                reader.close()
            self._ownership.release()
            if isinstance(fault, (apsw.Error, OSError)):
                raise StoreUnavailable(f"{self._folder}: {fault}") from fault
            raise
        self._group = GroupCommit(self._db, lambda: self.commit_beside())
        self._shared = SharedTakes(self._group)
        self._seen_version = self._data_version(self._db)
        if self._owner:
            for account, removed_at in await self._read(accounts.removed_with_pending):
                await self._cancel(account, removed_at)

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._owner:
            self._ownership.acquire()
        self._db = connect(self._folder / FILE, vfs=self._vfs)
        try:
            self._db.set_busy_timeout(5_000)
            migrate(self._db)
            self._db.set_busy_timeout(0)  # the group waits on the loop, without holding it
            for reader in self._read_by:
                reader.open(self._folder / FILE, self._vfs)
        except BaseException:
            let_go(self._db)
            raise

    async def close(self) -> None:
        """Finishes what was asked, and lets another Ringback own the folder."""
        try:
            await self._group.close()
            for reader in self._read_by:
                reader.close()
            await asyncio.to_thread(self._db.close)
        finally:
            self._ownership.release()

    # -- accounts ----------------------------------------------------------

    async def add_account(
        self,
        name: str,
        password_hash: str,
        key_hash: bytes,
        zone: str,
        *,
        windows: Windows = "utc",
        limits: Limits = NO_LIMITS,
        signing_secret: str | None = None,
    ) -> Account:
        """Raises `AccountExists`."""
        row = AccountRow(Account(0, name, zone, windows, limits), password_hash, key_hash)
        account = await self._group.run(lambda db: accounts.add(db, row, signing_secret))
        self.on_accounts_changed()
        return account

    async def accounts(self) -> list[AccountRow]:
        """All of them, by name; removed ones are gone."""
        return await self._read(accounts.listed)

    async def change_account(
        self,
        name: str,
        *,
        password_hash: str | None = None,
        key_hash: bytes | None = None,
        windows: Windows | None = None,
        limits: Mapping[str, int | None] | None = None,
        signing_secret: str | None = None,
    ) -> None:
        """Sets what is not None. With another password, its sessions end. Raises `NoSuchAccount`."""
        change = accounts.Change(password_hash, key_hash, windows, limits or {}, signing_secret)
        await self._group.run(lambda db: accounts.change(db, name, change))
        self.on_accounts_changed()

    async def remove_account(self, name: str, now: Instant) -> int:
        """Nobody signs in as it again; what was not yet called is cancelled: how many. Raises `NoSuchAccount`."""
        account = await self._group.run(lambda db: accounts.remove(db, name, now))
        self.on_accounts_changed()
        return await self._cancel(account.id, now)

    async def _cancel(self, account: AccountId, now: Instant) -> int:
        """Ends what was not yet called, a slice at a time: how many. Cut short, the next owner goes on with it."""

        def conclude(call: Call, result: CallResult) -> DeliveryReport:
            return report_of(call, result, Terms(RateDeck({}), ""))

        def step(db: apsw.Connection) -> int:
            return journey.cancel(db, account, _CANCELLED_AT_ONCE, CallResult(Cause.CANCELLED, now), conclude)

        cancelled = 0
        while slice_ := await self._group.run(step):
            cancelled += slice_
            self.on_arrival(account)
            self._push_arrived()
        return cancelled

    async def look(self) -> None:
        """Notices what another process wrote: accounts may have changed."""

        def version(db: apsw.Connection) -> int:
            return self._data_version(db)

        seen, self._seen_version = self._seen_version, await self._group.run(version)
        if seen != self._seen_version:
            self.on_accounts_changed()
            self._push_arrived()  # a removal may have ended what was to be pushed

    # -- sessions ----------------------------------------------------------

    async def add_session(self, account: AccountId, password_hash: str, token_hash: bytes, now: Instant) -> list[bytes]:
        """Begins a session. Gives the hashes of those that had to give way. Raises `NoSuchAccount`."""
        return await self._group.run(lambda db: sessions.add(db, account, password_hash, token_hash, now))

    async def session(self, account: AccountId, token_hash: bytes) -> SessionRow | None:
        """The account's session of that token, None when there is none (any more)."""
        return await self._read(lambda db: sessions.find(db, account, token_hash))

    async def use_session(self, account: AccountId, token_hash: bytes, at: Instant) -> None:
        """Writes down that it was used."""
        await self._group.run(lambda db: sessions.use(db, account, token_hash, at))

    async def end_session(self, account: AccountId, token_hash: bytes) -> bool:
        """Nobody signs in with that token again. Whether there was such a session."""
        return await self._group.run(lambda db: sessions.end(db, account, token_hash))

    # -- the journey -------------------------------------------------------

    async def accept(self, account: AccountId, bulk: Bulk, now: Instant) -> set[str]:
        """Keeps a request, whole. Gives the message ids that were used before. Raises `BulkInUse`."""

        def step(db: apsw.Connection) -> Generator[None, None, set[str]]:
            return journey.accept(db, account, bulk, now)

        return await self._run_and_look_again(step)

    async def accept_once(self, account: AccountId, bulk: Bulk, now: Instant, keep: Keep[set[str]]) -> Kept:
        """Accepts under an Idempotency-Key, the answer in the same transaction: a repeat accepts nothing again."""

        def step(db: apsw.Connection) -> Generator[None, None, Kept]:
            return journey.accept_once(db, account, bulk, now, keep)

        return await self._run_and_look_again(step)

    async def claim(self, limit: int, now: Instant) -> list[Call]:
        """The next calls to place, written down as attempts before this returns. Accounts take turns."""
        look_at = limit
        while now >= self._nothing_due_before:
            claimed = await self._claim(limit, now, look_at)
            if claimed.calls or not claimed.put_off:
                return claimed.calls
            look_at = max(limit, _LOOKED_AT)  # many are put off
        return []

    async def _claim(self, limit: int, now: Instant, look_at: int) -> claiming.Claimed:
        era = self._era
        claimed = await self._group.run(lambda db: claiming.claim(db, limit, now, self._turn, look_at))
        if claimed.calls:
            self._turn = claimed.calls[-1].account.id
        if era == self._era:
            self._nothing_due_before = claimed.next_at
        return claimed

    async def _run_and_look_again(self, step: Step[T]) -> T:
        """Runs a step after which something may be due, or expire, sooner than was known.

        Also when whoever asked has gone meanwhile: the step is written all the same.
        """
        try:
            return await self._group.run(step)
        finally:
            self._look_again()

    def _look_again(self) -> None:
        self._era += 1
        self._nothing_due_before = self._nothing_expires_before = 0

    async def finish(self, call: Call, result: CallResult, report: DeliveryReport) -> None:
        """The message is done and its one report is handed over, in one transaction. Raises `AlreadyFinished`."""
        await self._group.run(lambda db: journey.finish(db, call, result, report))
        self._arrived(call.account.id, call.message.notify is not None)

    def _arrived(self, account: AccountId, to_be_pushed: bool) -> None:
        if to_be_pushed:
            self._push_arrived()
        else:
            self.on_arrival(account)

    async def postpone(self, call: Call, result: CallResult, due_at: Instant) -> None:
        """The attempt is closed, and the message waits for its next one. Raises `AlreadyFinished`."""
        await self._run_and_look_again(lambda db: journey.postpone(db, call, result, due_at))

    async def expire(self, now: Instant, conclude: Conclude) -> int:
        """Ends a slice of what was cancelled and of what is no longer valid, each with its report: how many."""
        if now < self._nothing_expires_before:
            return 0
        era = self._era
        whose, next_at = await self._group.run(lambda db: bulks.expire(db, now, conclude))
        if era == self._era:
            self._nothing_expires_before = next_at
        for account in set(whose):
            self.on_arrival(account)
        if whose:
            self._push_arrived()
        return len(whose)

    async def unfinished(self) -> list[Call]:
        """Calls that were placed by a Ringback that is no more: their end is unknown."""
        return await self._read(journey.unfinished)

    # -- bulks -------------------------------------------------------------

    async def bulk(self, account: AccountId, bulk_id: str) -> BulkState | None:
        """The account's bulk, None when it has none of that id."""
        return await self._read(lambda db: bulks.find(db, account, bulk_id))

    async def move_bulk(self, account: AccountId, bulk_id: str, send_at: Instant, now: Instant) -> BulkState:
        """What was not called yet is sent at another time. Raises `NoSuchBulk`, `NothingToCall`, `WindowNeverOpens`."""

        def step(db: apsw.Connection) -> Generator[None, None, BulkState]:
            return bulks.move(db, account, bulk_id, send_at, now)

        return await self._run_and_look_again(step)

    async def change_bulk(self, account: AccountId, bulk_id: str, to: BulkStatus, now: Instant) -> BulkState:
        """Pauses, resumes or cancels what is still to be called. Raises `NoSuchBulk`, `NothingToCall`."""

        def step(db: apsw.Connection) -> Generator[None, None, BulkState]:
            return bulks.change(db, account, bulk_id, to, now)

        return await self._run_and_look_again(step)

    # -- reports -----------------------------------------------------------

    async def take(
        self,
        account: AccountId,
        limit: int,
        wanted: Filter,
        now: Instant,
        keep: Keep[bytes] | None = None,
        pairs: bool = False,
    ) -> Taken:
        """The oldest reports not handed out yet, handed out by this. Nobody gets them again."""
        if keep is None and wanted == ANY:
            return Taken(await self._shared.take(account, limit, now, pairs))
        return await self._group.run(lambda db: take_alone(db, account, limit, wanted, now, keep, pairs))

    async def logs(self, account: AccountId, asked: LogQuery, now: Instant) -> list[Logged]:
        """The newest messages that are asked for, pending ones too. Changes nothing."""
        oldest = now - max(logs.WINDOW, self._retention)
        return await self._log_reader.ask(lambda db: logs.find(db, account, asked, oldest))

    async def ledger(self, account: AccountId, bulk_id: str | None = None) -> Ledger | None:
        """The account's messages counted, or one bulk's. None when it has no bulk of that id."""
        return await self._counter.ask(lambda db: ledger.count(db, account, bulk_id))

    async def prune(self, now: Instant) -> Pruned:
        """Forgets a slice of what was collected before `now` less the retention."""
        return await self._group.run(lambda db: retention.prune(db, now, self._retention))

    async def recording(self, account: AccountId, message_id: str, to: str) -> str | None:
        """The file that a message's call was recorded in."""
        return await self._read(lambda db: journey.recording(db, account, message_id, to))

    async def _read(self, question: Callable[[apsw.Connection], T]) -> T:
        return await self._reader.ask(question)

    @staticmethod
    def _data_version(db: apsw.Connection) -> int:
        return int(db.execute("PRAGMA data_version").get)
