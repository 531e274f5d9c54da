"""What a take costs, in steps of SQLite's virtual machine: O(limit), whatever was taken before, in whatever order."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import cast

import msgspec
import pytest

from ringback.model.exceptions import NothingToCall
from ringback.model.message import Bulk, Network
from ringback.model.times import HOUR
from ringback.store.sqlite import SqliteStore
from ringback.store.store import BulkStatus
from tests.store.builders import NOW, a_bulk, an_account, an_end, take

FEW, MANY = 2_000, 20_000
EACH = 10  # steps that one tick of the counter stands for


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "data")
    await store.open()
    store._db.execute("PRAGMA synchronous = OFF")  # nothing here is about the disk
    yield store
    await store.close()


async def steps_of(store: SqliteStore, work: Callable[[], Awaitable[object]]) -> int:
    """How many VM steps the writer's connection makes for some work."""
    ticks = 0

    def tick() -> bool:
        nonlocal ticks
        ticks += 1
        return False

    store._db.set_progress_handler(tick, EACH)
    try:
        await work()
    finally:
        store._db.set_progress_handler(None)
    return ticks * EACH


async def fill(store: SqliteStore, n: int, bulks: int) -> tuple[int, list[list[str]]]:
    """An account with n reports waiting, its bulks' reports taking turns on the tape: the ids of each bulk."""
    account = (await an_account(store)).id
    for bulk in range(bulks):
        await store.accept(account, a_bulk(f"b{bulk}", n // bulks), NOW)
    calls = []
    while claimed := await store.claim(2_000, NOW):
        calls += claimed
    calls.sort(key=lambda call: (call.message_id[-5:], call.bulk_id))
    await asyncio.gather(*(store.finish(*an_end(call)) for call in calls))  # they are queued in this order
    return account, [[call.message_id for call in calls if call.bulk_id == f"b{bulk}"] for bulk in range(bulks)]


async def collect(store: SqliteStore, account: int, ids: list[str]) -> None:
    """By message id, in this order; the takes share commits, and each is a step of its own."""
    taken = await asyncio.gather(*(take(store, account, 1, message=id_) for id_ in ids))
    assert taken == [[id_] for id_ in ids]


def in_random_order(ids: list[str]) -> list[str]:
    return random.Random(7).sample(ids, len(ids))


Before = Callable[[SqliteStore, int, list[list[str]]], Awaitable[None]]


async def nothing(store: SqliteStore, account: int, bulks: list[list[str]]) -> None: ...


async def one_by_one(store: SqliteStore, account: int, bulks: list[list[str]]) -> None:
    await collect(store, account, in_random_order([id_ for ids in bulks for id_ in ids[:-200]]))


async def half_at_random(store: SqliteStore, account: int, bulks: list[list[str]]) -> None:
    await collect(store, account, [id_ for ids in bulks for id_ in in_random_order(ids)[: len(ids) // 2]])


async def odd_then_even(store: SqliteStore, account: int, bulks: list[list[str]]) -> None:
    for ids in bulks:
        await collect(store, account, ids[1:-200:2] + ids[0:-200:2])


async def odd(store: SqliteStore, account: int, bulks: list[list[str]]) -> None:
    for ids in bulks:
        await collect(store, account, ids[1::2])


async def one_bulk_in_part(store: SqliteStore, account: int, bulks: list[list[str]]) -> None:
    for _ in range(len(bulks[0]) // 20 - 10):
        assert len(await take(store, account, 20, bulk="b0")) == 20


async def one_bulk_one_by_one(store: SqliteStore, account: int, bulks: list[list[str]]) -> None:
    """The other bulk's reports lie between these: no two neighbours merge. One take by bulk then passes over them."""
    await collect(store, account, in_random_order(bulks[0][:-200]))
    await take(store, account, 1, bulk="b0")


BEFORES = [nothing, one_by_one, half_at_random, odd_then_even, odd, one_bulk_in_part, one_bulk_one_by_one]
QUESTIONS = {"any": {}, "bulk": {"bulk": "b0"}, "other bulk": {"bulk": "b1"}}


async def costs(store: SqliteStore, n: int, before: Before) -> dict[str, int]:
    account, bulks = await fill(store, n, 2)
    await before(store, account, bulks)
    found: dict[str, int] = {}
    for name, question in QUESTIONS.items():
        for limit in (1, 50):

            async def ask(limit: int = limit, question: dict[str, str] = question) -> None:
                assert len(await take(store, account, limit, **question)) == limit  # type: ignore[arg-type]

            found[f"{name}, {limit}"] = await steps_of(store, ask)
    return found


@pytest.mark.parametrize("before", BEFORES)
async def test_the_next_take_costs_the_same_after_many(store: SqliteStore, before: Before) -> None:
    few, many = await costs(store, FEW, before), await costs(store, MANY, before)
    assert min(few.values()) > 0
    slower = {name: (few[name], many[name]) for name in few if many[name] >= 2 * few[name]}
    assert slower == {}


async def test_one_take_by_message_costs_the_same_among_many(store: SqliteStore) -> None:
    costs = []
    for n in (FEW, MANY):
        account, bulks = await fill(store, n, 2)
        await half_at_random(store, account, bulks)
        last = in_random_order(bulks[0])[-1]
        costs.append(await steps_of(store, lambda account=account, last=last: collect(store, account, [last])))  # type: ignore[misc]
    assert costs[1] < 2 * costs[0]


async def test_a_bulk_take_passes_over_nothing_that_was_collected(store: SqliteStore) -> None:
    """The worst case: each report between another bulk's, all but ten taken by message id."""
    account, bulks = await fill(store, FEW, 2)
    before = await steps_of(store, lambda: take(store, account, 1, bulk="b0"))
    await collect(store, account, bulks[0][1:-10])
    after = await steps_of(store, lambda: take(store, account, 1, bulk="b0"))
    assert after < 2 * before


async def test_a_bulk_take_starts_where_takes_of_anything_ended(store: SqliteStore) -> None:
    account, _ = await fill(store, FEW, 2)
    before = await steps_of(store, lambda: take(store, account, 1, bulk="b0"))
    await take(store, account, FEW)
    after = await steps_of(store, lambda: take(store, account, 1, bulk="b0"))
    assert after < 2 * before


async def test_pruning_does_not_look_at_what_is_young(store: SqliteStore) -> None:
    costs = []
    for n in (FEW, MANY):
        account, _ = await fill(store, n, 1)
        await asyncio.gather(*(take(store, account, 1) for _ in range(n // 2)))
        costs.append(await steps_of(store, lambda: store.prune(NOW + HOUR)))
    assert costs[1] < 2 * costs[0]


async def test_a_claim_costs_the_same_among_many(store: SqliteStore) -> None:
    costs = []
    for n in (FEW, MANY):
        account = (await an_account(store)).id
        await store.accept(account, a_bulk("b", n), NOW)
        costs.append(await steps_of(store, lambda: store.claim(20, NOW)))
    assert costs[1] < 2 * costs[0]


async def test_a_claim_does_not_pass_over_all_that_is_cancelled(store: SqliteStore) -> None:
    costs = []
    for n in (FEW, MANY):
        account = (await an_account(store)).id
        await store.accept(account, a_bulk(f"b{n}", n), NOW)
        await store.accept(account, a_bulk(f"then {n}", 1), NOW + 1)
        await store.change_bulk(account, f"b{n}", "CANCELED", NOW)
        costs.append(await steps_of(store, lambda: store.claim(20, NOW + 1)))
    assert costs[1] < 2 * costs[0]


async def test_a_claim_does_not_pass_over_all_that_has_expired(store: SqliteStore) -> None:
    costs = []
    for n in (2 * FEW, MANY):
        account = (await an_account(store)).id
        await store.accept(account, short_lived(n), NOW)
        costs.append(await steps_of(store, lambda: store.claim(20, NOW + HOUR)))
    assert costs[1] < 2 * costs[0]


def short_lived(n: int) -> Bulk:
    (message, to), *_ = a_bulk(f"b{n}", n).messages
    return Bulk(f"b{n}", Network.SANDBOX, ((msgspec.structs.replace(message, validity=1), to),))


@pytest.mark.parametrize("to", ["PAUSED", "CANCELED", "moved"])
async def test_changing_a_bulk_costs_the_same_beside_many_others(store: SqliteStore, to: BulkStatus | str) -> None:
    costs = []
    for n in (FEW, MANY):
        account = (await an_account(store)).id
        await store.accept(account, a_bulk("many", n), NOW)
        await store.accept(account, a_bulk("b", 10), NOW)
        costs.append(await steps_of(store, lambda account=account: changed(store, account, to)))  # type: ignore[misc]
    assert costs[1] < 2 * costs[0]


async def changed(store: SqliteStore, account: int, to: BulkStatus | str) -> None:
    if to == "moved":
        await store.move_bulk(account, "b", NOW + HOUR, NOW)
        return
    await store.change_bulk(account, "b", cast(BulkStatus, to), NOW)
    if to == "PAUSED":
        await store.change_bulk(account, "b", "PENDING", NOW)


async def test_a_bulk_s_status_costs_the_same_however_much_of_it_is_over(store: SqliteStore) -> None:
    costs = []
    for n in (FEW, MANY):
        account, _ = await fill(store, n, 1)
        costs.append(await steps_of(store, lambda account=account: refused(store, account)))  # type: ignore[misc]
    assert costs[1] < 2 * costs[0]


async def refused(store: SqliteStore, account: int) -> None:
    with pytest.raises(NothingToCall):
        await store.change_bulk(account, "b0", "PAUSED", NOW)


async def test_removing_an_account_does_not_look_at_what_is_over(store: SqliteStore) -> None:
    costs = []
    for n in (FEW, MANY):
        account, _ = await fill(store, n, 1)
        await store.accept(account, a_bulk("left", 10), NOW)
        costs.append(await steps_of(store, lambda account=account: store._cancel(account, NOW)))  # type: ignore[misc]
    assert costs[1] < 2 * costs[0]
