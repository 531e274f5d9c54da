"""The store's Protocol: one method per step of a message's journey, each method one transaction.

SQLite and PostgreSQL keep it, and one behaviour suite holds for both. Every method that writes returns only
when what it wrote would survive a power cut, and raises `StoreUnavailable` when it was not written at all.
"""

from collections.abc import Callable, Mapping
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from ..model.account import NO_LIMITS, Account, Limits, Windows
from ..model.call import Call, CallResult
from ..model.logs import Logged
from ..model.message import AccountId, Bulk
from ..model.push import Push
from ..model.report import DeliveryReport
from ..model.times import Instant


class Filter(msgspec.Struct, frozen=True):
    """Which reports to take: those of one bulk, of one message, of both (AND), or any."""

    bulk_id: str | None = None
    message_id: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer kept under an Idempotency-Key, to be given again byte for byte."""

    content_type: str
    body: bytes


T = TypeVar("T")

Conclude: TypeAlias = Callable[[Call, CallResult], DeliveryReport]
"""Settles what is not called any more: `model.settle.report_of` on the terms of now."""


class Keep(msgspec.Struct, Generic[T], frozen=True):
    """An Idempotency-Key, and what it is bound to: a fingerprint of method, path, query, body and type."""

    key: str
    fingerprint: bytes
    render: Callable[[T], Answer]


class Kept(msgspec.Struct, frozen=True):
    """The answer under an Idempotency-Key. `replayed`: of an earlier request; `conflict`: that was another question."""

    answer: Answer | None = None
    replayed: bool = False
    conflict: bool = False


class Taken(msgspec.Struct, frozen=True):
    """What a take gave: the reports as `/tts/3/reports` objects, oldest first, separated by commas; empty for none.

    Where `pairs` were asked for, each is a JSON array of that object and its `model.report.Beside`.
    `answer` is what is kept under the Idempotency-Key. `replayed` says that it is an earlier take's, `conflict`
    that the key was used for another question. In neither case was anything taken.
    """

    reports: bytes = b""
    answer: Answer | None = None
    replayed: bool = False
    conflict: bool = False


class Pruned(msgspec.Struct, frozen=True):
    """What was forgotten: how many reports, and the recordings' files that nothing names any more."""

    reports: int = 0
    recordings: list[str] = []

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(self.reports + other.reports, self.recordings + other.recordings)


BulkStatus: TypeAlias = Literal["PENDING", "PAUSED", "PROCESSING", "CANCELED", "FINISHED", "FAILED"]
"""How a bulk stands (contract section 2). Ringback never says FAILED: each message's own report does."""


class BulkState(msgspec.Struct, frozen=True):
    """A bulk: when it is, or was, to be sent, and how it stands."""

    bulk_id: str
    send_at: Instant
    status: BulkStatus


class LogQuery(msgspec.Struct, frozen=True):
    """Which messages a log is to show: all that is given must hold, None or nothing is not asked for.

    `group` is a status group; `since` and `until` bound `sentAt` and are within.
    """

    caller: str | None = None  # the contract's `from`
    to: str | None = None
    bulk_ids: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    group: int | None = None
    mcc: str | None = None
    mnc: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    limit: int = 50


class Ledger(msgspec.Struct, frozen=True):
    """How many messages there are, and of each kind: each is counted for itself, all at one moment.

    `accepted` is the sum of the others. `pending` ones have no report yet, be they called or not. `waiting` is every
    report that nobody has: it waits to be collected, or to be pushed. What retention forgot is in no count.
    """

    accepted: int
    pending: int
    waiting: int
    collected: int
    pushed: int


class AccountRow(msgspec.Struct, frozen=True):
    """An account with what its owner proves himself by: hashes only. `signs`: whether its pushes are signed."""

    account: Account
    password_hash: str
    key_hash: bytes
    signs: bool = False


class SessionRow(msgspec.Struct, frozen=True):
    """A session's account, and its last use that was written down."""

    account: Account
    used_at: Instant


class Store(Protocol):
    """Everything Ringback remembers."""

    async def open(self) -> None:
        """Ready, migrated and owned. Raises `StoreInUse` naming the owner, `StoreUnavailable`."""

    async def close(self) -> None: ...

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

    async def accounts(self) -> list[AccountRow]:
        """All of them, by name; removed ones are gone."""

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
        """Sets what is not None. With another password, its sessions end. Raises `NoSuchAccount`.

        Of `limits`, those are set that are named (as `Limits` names them); None takes one away. An empty
        `signing_secret` takes it away.
        """

    async def remove_account(self, name: str, now: Instant) -> int:
        """Nobody signs in as it again; what was not yet called is cancelled: how many. Raises `NoSuchAccount`."""

    # -- sessions ----------------------------------------------------------
    async def add_session(self, account: AccountId, password_hash: str, token_hash: bytes, now: Instant) -> list[bytes]:
        """Begins a session of the account. Gives the hashes of the tokens that had to give way to it.

        Raises `NoSuchAccount` when it was removed, or got another password than this one, meanwhile.
        """

    async def session(self, account: AccountId, token_hash: bytes) -> SessionRow | None:
        """The account's session of that token, None when there is none (any more)."""

    async def use_session(self, account: AccountId, token_hash: bytes, at: Instant) -> None:
        """Writes down that it was used."""

    async def end_session(self, account: AccountId, token_hash: bytes) -> bool:
        """Nobody signs in with that token again. Whether there was such a session."""

    # -- the journey -------------------------------------------------------
    async def accept(self, account: AccountId, bulk: Bulk, now: Instant) -> set[str]:
        """Keeps a request, whole. Gives the message ids that were refused because they were used before.

        Raises `BulkInUse`, `TooManyWaiting`, and `NoSuchAccount` when it was removed meanwhile; then nothing of it
        is kept.
        """

    async def accept_once(self, account: AccountId, bulk: Bulk, now: Instant, keep: Keep[set[str]]) -> Kept:
        """Accepts under an Idempotency-Key, the answer in the same transaction: a repeat accepts nothing again."""

    async def claim(self, limit: int, now: Instant) -> list[Call]:
        """The next calls to place, written down as attempts before this returns. Accounts take turns.

        What is due while its delivery window is closed, or above its bulk's sending speed, is put off instead.
        """

    async def finish(self, call: Call, result: CallResult, report: DeliveryReport) -> None:
        """The message is done and its one report is on the tape, or to be pushed where its message has a `notify`.

        In one transaction. Raises `AlreadyFinished`.
        """

    async def postpone(self, call: Call, result: CallResult, due_at: Instant) -> None:
        """The attempt is closed, and the message waits for its next one. Raises `AlreadyFinished`."""

    async def expire(self, now: Instant, conclude: Conclude) -> int:
        """Ends a slice of what was cancelled and of what is no longer valid, each with its report: how many."""

    async def unfinished(self) -> list[Call]:
        """Calls that were placed by a Ringback that is no more: their end is unknown."""

    # -- bulks -------------------------------------------------------------
    async def bulk(self, account: AccountId, bulk_id: str) -> BulkState | None:
        """The account's bulk, None when it has none of that id."""

    async def move_bulk(self, account: AccountId, bulk_id: str, send_at: Instant, now: Instant) -> BulkState:
        """What was not called yet is sent at another time. A time that is past is now.

        Raises `NoSuchBulk`, `NothingToCall`, `WindowNeverOpens`; then nothing is changed.
        """

    async def change_bulk(self, account: AccountId, bulk_id: str, to: BulkStatus, now: Instant) -> BulkState:
        """Pauses (PAUSED), resumes (PENDING) or cancels (CANCELED) what is still to be called.

        Raises `NoSuchBulk`, and `NothingToCall` for a change that the contract does not allow.
        """

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
        """The oldest reports not handed out yet, handed out by this. Nobody gets them again.

        With `pairs`, each comes with what is kept beside it, which the later form shows. With `keep`, the rendered
        answer is written down in the same transaction, and given again to the same key.
        """

    async def pushes_due(self, each: int, now: Instant) -> list[Push]:
        """What is to be pushed now, up to about `each` of every account; accounts and their receivers take turns.

        It changes nothing: what is under way is given again.
        """

    async def pushes_over(self, before: Instant, limit: int) -> list[Push]:
        """What still waits to be pushed though it was finished at `before` or earlier, the oldest first."""

    async def pushed(self, push: Push, now: Instant) -> None:
        """Its receiver has it, and nobody pulls it any more."""

    async def push_again(self, push: Push, due_at: Instant) -> None:
        """A try failed, and the next one is at `due_at`."""

    async def fall_back(self, push: Push) -> None:
        """It is on the tape, to be pulled, and is not pushed any more; nothing when it waits no longer."""

    async def logs(self, account: AccountId, asked: LogQuery, now: Instant) -> list[Logged]:
        """The newest messages that are asked for, pending ones too. Changes nothing.

        What is over and was sent more than 48 hours, or the retention if that is longer, before `now` is left out.
        """

    async def ledger(self, account: AccountId, bulk_id: str | None = None) -> Ledger | None:
        """The account's messages counted, or one bulk's. None when it has no bulk of that id."""

    async def prune(self, now: Instant) -> Pruned:
        """Forgets a slice of what was collected, or pushed, before `now` less the retention."""

    async def recording(self, account: AccountId, message_id: str, to: str) -> str | None:
        """The file that a message's call was recorded in."""

    on_arrival: Callable[[AccountId], None]
    """Called after a report of the account was put on the tape, durably."""

    on_push: Callable[[], None]
    """Called after a report was put among those to be pushed, durably."""

    on_accounts_changed: Callable[[], None]
    """Called after accounts were changed, by this process or another one."""
