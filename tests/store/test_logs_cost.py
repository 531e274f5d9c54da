"""What a question to the logs costs, in steps of SQLite's virtual machine: O(limit), however much there is."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from ringback.model.call import CallResult, Cause
from ringback.model.message import Bulk, Destination, Network, VoiceMessage
from ringback.model.settle import Terms, report_of
from ringback.model.tariff import Rate, RateDeck
from ringback.model.times import SECOND, Instant
from ringback.store.sqlite import SqliteStore
from ringback.store.store import LogQuery
from tests.store.builders import NOW, an_account

FEW, MANY = 2_000, 20_000
BULK = 500
EACH = 10  # steps that one tick of the counter stands for
CAUSES = (Cause.ANSWERED, Cause.NO_ANSWER, Cause.WRONG_NETWORK)
RATES = (
    Rate("0", "21901", Decimal(1), "EUR"),
    Rate("1", "21902", Decimal(1), "EUR"),
    Rate("", None, Decimal(1), "EUR"),
)
TERMS = Terms(RateDeck({rate.prefix: rate for rate in RATES}), "http://here")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose first account has few messages, and whose second has many."""
    folder = tmp_path_factory.mktemp("logs")
    asyncio.run(fill(folder))
    return folder


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(folder)
    await store.open()
    yield store
    await store.close()


async def fill(folder: Path) -> None:
    store = SqliteStore(folder)
    await store.open()
    store._db.execute("PRAGMA synchronous = OFF")  # nothing here is about the disk
    for count in (FEW, MANY):
        account = (await an_account(store)).id
        for n in range(count // BULK):
            await store.accept(account, bulk(n, MANY // count * SECOND), NOW)
        calls = await store.claim(count, NOW + MANY * 4 // 5 * SECOND)  # the others stay pending
        assert len(calls) == count * 4 // 5 + 1
        ends = [CallResult(CAUSES[n % 3], call.placed_at, invited_at=call.placed_at) for n, call in enumerate(calls)]
        await asyncio.gather(
            *(store.finish(call, end, report_of(call, end, TERMS)) for call, end in zip(calls, ends, strict=True))
        )
    await store.close()


def bulk(n: int, apart: Instant) -> Bulk:
    """Ten messages go to each number, by five callers."""
    parts = []
    for part in range(5):
        places = range(n * BULK + part, (n + 1) * BULK, 5)
        to = [Destination(f"{i % 50 // 10}{n:04}{i % 50}", f"{i:06}", NOW + i * apart) for i in places]
        parts.append((VoiceMessage(text="t", caller=f"4179{part}"), tuple(to)))
    return Bulk(f"b{n}", Network.SANDBOX, tuple(parts))


FILTERS: dict[str, list[dict[str, Any]]] = {
    "from": [{"caller": "41790"}, {"caller": "1"}],
    "to": [{"to": "0000000"}, {"to": "9"}],
    "bulk": [{"bulk_ids": ("b1", "b0")}, {"bulk_ids": ("none",)}],
    "message": [{"message_ids": ("000001", "000777")}, {"message_ids": ("none",)}],
    "status": [{"group": 4}, {"group": 1}, {"group": 2}],
    "network": [{"mcc": "219"}, {"mcc": "219", "mnc": "02"}, {"mcc": "310"}],
    "time": [{"since": NOW + 2_000 * SECOND, "until": NOW + 8_000 * SECOND}, {"until": NOW - 1}],
}


def questions(most: int) -> list[dict[str, Any]]:
    """Every combination of up to so many filters, of every value of each."""
    found: list[dict[str, Any]] = [{}]
    for count in range(1, most + 1):
        for names in combinations(FILTERS, count):
            several: list[dict[str, Any]] = [{}]
            for name in names:
                several = [one | more for one in several for more in FILTERS[name]]
            found += several
    return found


async def cost(store: SqliteStore, account: int, asked: dict[str, Any]) -> int:
    """How many VM steps the logs' connection makes for a question."""
    ticks = 0

    def tick() -> bool:
        nonlocal ticks
        ticks += 1
        return False

    assert store._log_reader._db is not None
    store._log_reader._db.set_progress_handler(tick, EACH)
    await store.logs(account, LogQuery(**asked, limit=20), NOW)
    store._log_reader._db.set_progress_handler(None)
    return ticks * EACH


async def test_any_combination_costs_the_same_among_many(store: SqliteStore) -> None:
    few, many = [row.account.id for row in await store.accounts()]
    asked = questions(3)
    assert len(asked) > 500
    slower = {}
    for question in asked:
        costs = await cost(store, few, question), await cost(store, many, question)
        if costs[1] > 1.5 * costs[0] + 200:
            slower[str(question)] = costs
    assert slower == {}


async def test_what_matches_nothing_is_not_looked_for_among_what_does_not(store: SqliteStore) -> None:
    _, many = [row.account.id for row in await store.accounts()]
    for question in (
        {"group": 2},
        {"mcc": "310"},
        {"caller": "1"},
        {"caller": "41790", "group": 2},
        {"until": NOW - 1},
    ):
        assert await store.logs(many, LogQuery(**question), NOW) == []
        assert await cost(store, many, question) < 2_000
