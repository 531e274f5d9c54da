"""Claim: with 1,000,000 messages, any combination of the logs' filters has a p99 within 5 times that with 10,000.

In process, two stores, asked in turn: one account with 10,000 messages, one with 1,000,000, four fifths of them
finished in five ways on twenty networks, the rest pending, over 40 hours. Both have bulks of 10,000 with two of twenty
callers each, and ten messages to a number. The mixture is fixed: combinations drawn once with a seed, of every
filter with values that are there and values that are not, so that many combinations are empty; limits 50, 1 and 1000.
A question is timed from `store.logs` to its last byte of JSON; without HTTP, so that nothing hides what the store does.

What the logs cost others: accepting 20,000 destinations, and 1,000 reports being written, in the large store, against
the same store without the logs' indexes; fsync as ever.

    python -m bench logs [--quick]        (--quick: 100,000 instead of 1,000,000)
"""

import asyncio
import random
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvloop

from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.ids import new_id
from ringback.model.logs import log_json
from ringback.model.message import Bulk, Destination, Network, VoiceMessage
from ringback.model.report import DeliveryReport
from ringback.model.settle import Terms, report_of
from ringback.model.tariff import Rate, RateDeck
from ringback.model.times import HOUR, Instant
from ringback.store import journey
from ringback.store.database import FILE, connect
from ringback.store.sqlite import SqliteStore
from ringback.store.store import LogQuery

from .figures import Invalid, Outcome, Room, at_most, shown
from .filled import prepare

_NAME = "bench"
_FEW = 10_000
_BULK = 10_000
_SPAN = 40 * HOUR
_CALLERS = [f"4179{n:02}" for n in range(20)]
_CAUSES = (Cause.ANSWERED, Cause.NO_ANSWER, Cause.BROKEN, Cause.WRONG_NETWORK, Cause.CANCELLED)
_RATES = {f"{n:02}": Rate(f"{n:02}", f"219{n:02}", Decimal("0.01"), "EUR") for n in range(20)}
_TERMS = Terms(RateDeck(_RATES), "http://127.0.0.1:8080")
_AT_ONCE = 5_000
_NOW: Instant = 1_750_000_000_000
_WITHIN = 5
_WITHOUT = (
    "DROP INDEX message_log; DROP INDEX message_from; DROP INDEX message_to; DROP INDEX message_bulk;"
    "CREATE INDEX message_bulk ON message (account, bulk_id)"
)


class _Side:
    """A store with so many messages."""

    def __init__(self, folder: Path, count: int) -> None:
        self.count = count
        self.folder = folder
        self.account = prepare(folder, _NAME)[_NAME]
        self.store = SqliteStore(folder)

    async def fill(self, room: Room) -> None:
        await self.store.open()
        for n in range(self.count // _BULK):
            await self.store.accept(self.account, _bulk(n, self.count), _NOW)
        room.say(f"{self.count:,} accepted")
        db = connect(self.folder / FILE)
        db.execute("PRAGMA synchronous = OFF")
        left = self.count * 4 // 5
        while left:
            db.execute("BEGIN IMMEDIATE")
            due = journey.calls(
                db, "m.account = ? AND m.state = 'pending' LIMIT ?", (self.account, min(left, _AT_ONCE))
            )
            for call in due:
                journey.end(db, [call], CallResult(_cause(call), _NOW, invited_at=_at(call)), _conclude)
            db.execute("COMMIT")
            left -= len(due)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.close()

    async def ask(self, asked: LogQuery) -> float:
        """Milliseconds until its JSON is there."""
        begun = time.perf_counter()
        log_json(await self.store.logs(self.account, asked, _NOW), "UTC")
        return 1000 * (time.perf_counter() - begun)


def _bulk(n: int, count: int) -> Bulk:
    parts = []
    for part in range(2):
        numbers = range(n * _BULK + part, (n + 1) * _BULK, 2)
        to = [Destination(f"{i % 20:02}{i // 10:08}", f"m{i:08}", _NOW - _SPAN + i * _SPAN // count) for i in numbers]
        parts.append((VoiceMessage(text="A message.", caller=_CALLERS[(2 * n + part) % 20]), tuple(to)))
    return Bulk(f"bulk-{n}", Network.SANDBOX, tuple(parts))


def _cause(call: Call) -> Cause:
    return _CAUSES[int(call.message_id[1:]) // 7 % 5]


def _at(call: Call) -> Instant:
    return _NOW - int(call.message_id[1:]) * 11 % _SPAN


def _conclude(call: Call, result: CallResult) -> DeliveryReport:
    return report_of(call, result, _TERMS)


_VALUES: dict[str, list[dict[str, Any]]] = {
    "from": [{"caller": _CALLERS[0]}, {"caller": _CALLERS[1]}, {"caller": _CALLERS[9]}, {"caller": "1"}],
    "to": [{"to": "0000000001"}, {"to": "0500000100"}, {"to": "999"}],
    "bulk": [{"bulk_ids": ("bulk-0",)}, {"bulk_ids": ("bulk-0", "bulk-none")}],
    "message": [
        {"message_ids": tuple(f"m{n:08}" for n in range(0, 5_000, 97))},
        {"message_ids": ("m00000007", "none")},
    ],
    "status": [{"group": group} for group in range(6)],
    "network": [{"mcc": "219"}, {"mcc": "219", "mnc": "07"}, {"mnc": "19"}, {"mcc": "310"}],
    "since": [{"since": _NOW - 10 * HOUR}, {"since": _NOW + HOUR}],
    "until": [{"until": _NOW - 20 * HOUR}, {"until": _NOW - 47 * HOUR}],
}


def mixture(count: int) -> list[LogQuery]:
    """The same every time: any subset of the filters, small ones more often, each with any of its values."""
    chance = random.Random(3)
    found = []
    for _ in range(count):
        names = chance.sample(sorted(_VALUES), chance.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6]))
        values = {key: value for name in names for key, value in chance.choice(_VALUES[name]).items()}
        found.append(LogQuery(**values, limit=chance.choice([50, 50, 50, 50, 1, 1_000])))
    return found


def measure(room: Room) -> Outcome:
    """Both stores, then what it costs."""
    counts = (_FEW, 100_000 if room.quick else 1_000_000)
    return uvloop.run(_measured(room, [_Side(room.folder / f"messages-{count}", count) for count in counts]))


async def _measured(room: Room, sides: list[_Side]) -> Outcome:
    many = sides[1].count
    for side in sides:
        await side.fill(room)
    try:
        rounds = await _rounds(room, sides)
        costs = await _costs(room, sides[1])
    finally:
        for side in sides:
            await side.store.close()
    what = f"logs with {many:,} messages, any filters"
    figures = [
        at_most(f"{what}: p99, against {_FEW:,}", [_p99(b) / _p99(a) for a, b in rounds], _WITHIN, note="in process"),
        shown(f"{what}: p99", [_p99(b) for _, b in rounds], "ms", f"{_p99(rounds[0][0]):.2f} ms with {_FEW:,}"),
        shown(f"{what}: median", [sorted(b)[len(b) // 2] for _, b in rounds], "ms"),
        *[shown(f"{name}, against a store without the logs' indexes", ratios, "") for name, ratios in costs.items()],
    ]
    return Outcome(figures, {"milliseconds": rounds, "costs": costs})


def _p99(values: list[float]) -> float:
    return sorted(values)[len(values) * 99 // 100]


async def _rounds(room: Room, sides: list[_Side]) -> list[tuple[list[float], list[float]]]:
    asked = mixture(500 if room.quick else 2_000)
    rounds = []
    for turn in range(1 if room.quick else 5):
        pairs = [(await sides[0].ask(query), await sides[1].ask(query)) for query in asked]
        few, many = [list(times) for times in zip(*pairs, strict=True)]
        rounds.append((few, many))
        room.say(f"round {turn + 1}: p99 {_p99(few):.2f} ms with {_FEW:,}, {_p99(many):.2f} ms with {sides[1].count:,}")
    return rounds


async def _costs(room: Room, side: _Side) -> dict[str, list[float]]:
    """Processor time with the logs' indexes over that without them, in the same store."""
    accounts = {row.account.id: row.account for row in await side.store.accounts()}
    account = accounts[side.account]
    kept = [await _cost(side, account, f"with-{n}") for n in range(3)]
    db = connect(side.folder / FILE)
    for statement in _WITHOUT.split(";"):
        db.execute(statement)
    db.close()
    bare = [await _cost(side, account, f"without-{n}") for n in range(3)]
    costs = {
        what: [a[n] / b[n] for a, b in zip(kept, bare, strict=True)]
        for n, what in enumerate(["accepting 20,000: processor time", "accepting 20,000: until it is durable"])
    } | {"writing 1,000 reports: processor time": [a[2] / b[2] for a, b in zip(kept, bare, strict=True)]}
    room.say(f"accept {kept} with, {bare} without")
    return costs


async def _cost(side: _Side, account: Account, bulk_id: str) -> tuple[float, float, float]:
    """Seconds: processor and clock for accepting, processor for finishing."""
    chance = random.Random(bulk_id)
    to = tuple(Destination(f"4179{chance.randrange(10**7):07}", new_id()) for _ in range(20_000))
    bulk = Bulk(bulk_id, Network.SANDBOX, ((VoiceMessage(text="A message.", caller=_CALLERS[0]), to),))
    before = time.process_time(), time.perf_counter()
    await side.store.accept(account.id, bulk, _NOW)
    after = time.process_time(), time.perf_counter()
    calls = await side.store.claim(1_000, _NOW)
    if len(calls) != 1_000:
        raise Invalid(f"{len(calls)} were claimed")
    ends = [(call, CallResult(Cause.NO_ANSWER, _NOW, invited_at=_NOW)) for call in calls]
    reports = [(call, result, _conclude(call, result)) for call, result in ends]
    begun = time.process_time()
    await asyncio.gather(*(side.store.finish(*end) for end in reports))
    return after[0] - before[0], after[1] - before[1], time.process_time() - begun
