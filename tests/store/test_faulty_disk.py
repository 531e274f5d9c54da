"""A full disk, a failing one and one that stalls: nothing half-done, and no restart when the fault is gone."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import apsw
import pytest

from ringback.model.account import Account
from ringback.model.exceptions import StoreUnavailable
from ringback.model.message import AccountId
from ringback.store.sqlite import SqliteStore
from ringback.store.store import Store
from tests.store.builders import ANY, NOW, a_bulk, a_key, an_account, an_end, ids_of, take, with_reports
from tests.store.places import SqlitePlace
from tests.store.powerloss import Disk, restore
from tests.store.pulse import Pulse

LOG = "ringback.db-wal"
T = TypeVar("T")


def error(kind: type[apsw.Error], extended: int) -> Callable[[], apsw.Error]:
    def make() -> apsw.Error:
        fault = kind("the disk says no")
        fault.extendedresult = extended
        return fault

    return make


FULL = error(apsw.FullError, apsw.SQLITE_FULL)
FAULTS = {
    "full": ("write", FULL),
    "write": ("write", error(apsw.IOError, apsw.SQLITE_IOERR_WRITE)),
    "sync": ("sync", error(apsw.IOError, apsw.SQLITE_IOERR_FSYNC)),
    "read": ("read", error(apsw.IOError, apsw.SQLITE_IOERR_READ)),
}


class Failing:
    """A hook that raises at operations of one kind, from the n-th on."""

    def __init__(self, operation: str, make: Callable[[], apsw.Error], file: str = LOG, first: int = 1) -> None:
        self.operation, self.make, self.file, self.left = operation, make, file, first
        self.raised = 0

    def __call__(self, operation: str, file: str) -> None:
        if operation == self.operation and file == self.file:
            self.left -= 1
            if self.left <= 0:
                self.raised += 1
                raise self.make()


@pytest.fixture
def place(disk: Disk, tmp_path: Path) -> SqlitePlace:
    return SqlitePlace(tmp_path / "data", disk.name)


@pytest.fixture
async def store(place: SqlitePlace) -> AsyncIterator[SqliteStore]:
    store = place.store()
    await store.open()
    yield store
    await store.close()


async def refused(*wishes: Awaitable[object]) -> None:
    """All of them are told that the store is not to be had."""
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * len(wishes), answers


@pytest.mark.parametrize(("operation", "make"), list(FAULTS.values())[:3], ids=list(FAULTS)[:3])
@pytest.mark.parametrize("first", [1, 2, 3, 5])
async def test_all_of_a_group_are_refused_and_nothing_is_half_done(
    store: SqliteStore,
    account: Account,
    place: SqlitePlace,
    disk: Disk,
    operation: str,
    make: Callable[[], apsw.Error],
    first: int,
) -> None:
    ids = await with_reports(store, account.id, "b", 20)
    await store.accept(account.id, a_bulk("c", 3), NOW)
    (call, *_) = await store.claim(1, NOW)
    before = place.ledger()
    arrived: list[AccountId] = []
    store.on_arrival = arrived.append
    disk.hook = Failing(operation, make, first=1 if operation == "sync" else first)
    for _ in range(2):  # the second time it is wounded already
        await refused(
            take(store, account.id, 5),
            take(store, account.id, 5),
            take(store, account.id, 5, bulk="b"),
            store.take(account.id, 5, ANY, NOW, a_key("k")),
            store.accept(account.id, a_bulk("d", 100), NOW),
            store.finish(*an_end(call)),
            store.claim(1, NOW),
        )
    assert arrived == []
    disk.hook = None
    assert place.ledger() == before
    await store.finish(*an_end(call))
    assert arrived == [account.id]
    assert await store.accept(account.id, a_bulk("d", 100), NOW) == set()
    first_half = await store.take(account.id, 10, ANY, NOW, a_key("k"))
    assert not first_half.replayed
    assert ids_of(first_half.reports) + await take(store, account.id) == [*ids, call.message_id]
    assert place.sql("PRAGMA integrity_check") == [("ok",)]


async def test_each_operation_may_be_the_one_that_fails(
    store: SqliteStore, account: Account, place: SqlitePlace, disk: Disk
) -> None:
    """The k-th write, sync or read of either file, for each k, once: said is done, and refused is not."""
    said: list[str] = []
    for operation, make in FAULTS.values():
        for file, first in itertools.product((LOG, "ringback.db"), range(1, 6)):
            name = f"{operation}-{file}-{first}-{make().extendedresult}"
            disk.hook = once = Failing(operation, make, file, first)
            said += await tried(store, account, name, disk)
            disk.hook = None
            assert place.ledger().whole
            if not once.raised:
                break
    while place.ledger().waiting:
        said += await take(store, account.id)
    assert len(said) == len(set(said)) == place.ledger().collected
    assert place.sql("PRAGMA integrity_check") == [("ok",)]


async def tried(store: SqliteStore, account: Account, name: str, disk: Disk) -> list[str]:
    """Two messages' whole journey; each step again, with the fault gone, when it was refused."""

    async def done(step: Callable[[], Awaitable[T]]) -> T:
        try:
            return await step()
        except StoreUnavailable:
            disk.hook = None
            return await step()

    await done(lambda: store.accept(account.id, a_bulk(name, 2), NOW))
    calls = await done(lambda: store.claim(2, NOW))
    assert len(calls) == 2
    for end in map(an_end, calls):
        await done(lambda end=end: store.finish(*end))  # type: ignore[misc]
    return await done(lambda: take(store, account.id, 1))


async def test_reading_is_refused_and_recovers(store: SqliteStore, account: Account, disk: Disk) -> None:
    await store.close()
    await store.open()  # nothing is in its cache
    disk.hook = Failing(*FAULTS["read"], file="ringback.db")
    await refused(store.accounts(), store.unfinished(), store.recording(account.id, "m", "1"))
    disk.hook = None
    assert [row.account for row in await store.accounts()] == [account]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what SQLite swallows, apsw tells
async def test_a_store_that_cannot_be_opened_says_so_and_can_be_opened_later(place: SqlitePlace, disk: Disk) -> None:
    store = place.store()
    disk.hook = Failing("write", FULL, file="ringback.db")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=str(place.folder)):
            await store.open()
    disk.hook = None
    await store.open()
    assert await store.accounts() == []
    await store.close()


async def test_takers_that_come_while_the_store_heals_are_answered(
    store: SqliteStore, account: Account, disk: Disk
) -> None:
    """Also those that meet a fault before their step could begin."""
    ids = await with_reports(store, account.id, "b", 6)
    disk.hook = Failing("sync", FAULTS["sync"][1])
    for _ in range(3):
        await refused(take(store, account.id, 1), take(store, account.id, 1))
    disk.hook = None
    assert await asyncio.wait_for(take(store, account.id, 2), 5) == ids[:2]
    given = await asyncio.gather(*(take(store, account.id, 1) for _ in range(4)))
    assert sorted(id_ for (id_,) in given) == ids[2:]


async def test_a_refusal_is_true_only_when_it_is_durable(store: SqliteStore, account: Account, disk: Disk) -> None:
    """Two ask for the same at once; who comes second is not told that it was done when it was not."""
    await store.accept(account.id, a_bulk("b", 1), NOW)
    (call,) = await store.claim(1, NOW)
    disk.hook = Failing("sync", FAULTS["sync"][1])
    await refused(
        store.finish(*an_end(call)),
        store.finish(*an_end(call)),
        store.accept(account.id, a_bulk("c", ["x"]), NOW),
        store.accept(account.id, a_bulk("c", ["y"]), NOW),
    )
    disk.hook = None
    await store.finish(*an_end(call))
    assert await store.accept(account.id, a_bulk("c", ["y"]), NOW) == set()


class Stall:
    """A hook that holds the syncs of the log until `go` is set."""

    def __init__(self) -> None:
        self.go, self.held = threading.Event(), threading.Event()

    def __call__(self, operation: str, file: str) -> None:
        if operation == "sync" and file == LOG:
            self.held.set()
            assert self.go.wait(30)


async def test_a_stalling_disk_does_not_hold_the_loop(store: SqliteStore, account: Account, disk: Disk) -> None:
    ids = await with_reports(store, account.id, "b", 40)
    disk.hook = stall = Stall()
    async with Pulse() as pulse:
        takers = [asyncio.create_task(take(store, account.id, 1)) for _ in range(5)]
        assert await asyncio.to_thread(stall.held.wait, 20)
        takers += [asyncio.create_task(take(store, account.id, 1)) for _ in range(20)]
        others = [asyncio.create_task(store.accept(account.id, a_bulk(f"c{n}", 10), NOW)) for n in range(5)]
        for _ in range(2_000):
            await asyncio.sleep(0)
        assert not any(task.done() for task in takers + others)
        assert await store.recording(account.id, "m", "1") is None  # who only reads is served
        assert len(await store.accounts()) == 1
        stall.go.set()
        taken = await asyncio.gather(*takers)
        await asyncio.gather(*others)
    pulse.check()
    assert sorted(id_ for (id_,) in taken) == ids[:25]


LATER: dict[str, Callable[[Store], Awaitable[object]]] = {
    "a write": an_account,
    "an empty answer": lambda store: take(store, 1, message="unknown"),  # nothing is written, and yet it is an answer
}


@pytest.mark.parametrize("later", LATER.values(), ids=LATER.keys())
async def test_what_a_refused_commit_left_in_the_log_does_not_come_back(
    store: SqliteStore, account: Account, disk: Disk, tmp_path: Path, later: Callable[[Store], Awaitable[object]]
) -> None:
    """Its frames may be on the platters although its sync failed; the power goes after a later answer was given."""
    ids = await with_reports(store, account.id, "b", 12)
    disk.hook = Failing("sync", FAULTS["sync"][1])
    await refused(store.take(account.id, 5, ANY, NOW, a_key("k")))
    disk.hook = None
    left = disk.everything()
    restore(left, tmp_path / "at once")
    assert place_of(tmp_path / "at once").ledger().collected == 5  # it is really there: this is what has to be healed
    await later(store)
    restore(disk.survivors(), tmp_path / "after")
    restore(disk.everything(), tmp_path / "after all")
    for folder in (tmp_path / "after", tmp_path / "after all"):
        again = place_of(folder).store()
        await again.open()
        taken = await again.take(account.id, 20, ANY, NOW, a_key("k"))
        assert (ids_of(taken.reports), taken.replayed) == (ids, False)
        await again.close()


def place_of(folder: Path) -> SqlitePlace:
    return SqlitePlace(folder)


@pytest.mark.parametrize("beside", [True, False])
async def test_a_commit_runs_beside_the_loop_only_while_it_must(store: SqliteStore, beside: bool) -> None:
    threads: list[bool] = []
    store.commit_beside = lambda: beside
    store._db.set_commit_hook(lambda: bool(threads.append(threading.current_thread() is threading.main_thread())))
    await an_account(store)
    assert threads == [not beside]
