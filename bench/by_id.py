"""Claim (`random`): a take costs the same whatever was taken before, and in whatever order.

A million reports are collected one by one, by message id, in random order: the last 20,000 takes cost at most twice
the first 20,000. In process, against the store with its group commit, 64 takers at once, fsync before every answer;
without HTTP, so that nothing hides what the store does. The slowest 20,000 of all are shown too: halfway, the tape
is in the most pieces. Also a bulk collected in part: half of a bulk's reports go one by one, at random, then the
rest by bulk, 50 at a time, by 16 takers: the last tenth of these takes against the first.

    python -m bench random [--quick]        (--quick: 100,000)
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import uvloop

from ringback.model.message import AccountId
from ringback.store.sqlite import SqliteStore
from ringback.store.store import Filter

from .figures import Figure, Invalid, Outcome, Room, at_most, shown
from .filled import Tape, prepare

_TAKERS = 64
_SLICE = 20_000
_BULK_TAKERS = 16
_BULK = "c" * 36


def measure(room: Room) -> Outcome:
    """One by one, then by bulk."""
    count = 100_000 if room.quick else 1_000_000
    folder = room.folder / "random"
    accounts = prepare(folder, "one-by-one", "by-bulk")
    room.say(f"filling {count:,} reports")
    ids = _filled(folder, accounts["one-by-one"], count, "b" * 36)
    in_bulk = _filled(folder, accounts["by-bulk"], count // 10, _BULK)
    return uvloop.run(_measured(room, folder, accounts, ids, in_bulk))


def _filled(folder: Path, account: int, count: int, bulk: str) -> list[str]:
    tape = Tape(folder, account)
    ids = tape.append(count, bulk)
    tape.close()
    random.Random(1).shuffle(ids)
    return ids


async def _measured(room: Room, folder: Path, accounts: dict[str, int], ids: list[str], in_bulk: list[str]) -> Outcome:
    store = SqliteStore(folder)
    await store.open()
    try:
        slices = await _one_by_one(room, store, accounts["one-by-one"], ids, _SLICE)
        await _one_by_one(room, store, accounts["by-bulk"], in_bulk[::2], len(in_bulk))
        tenths = await _by_bulk(room, store, accounts["by-bulk"], len(in_bulk) - len(in_bulk[::2]))
    finally:
        await store.close()
    rest = at_most(
        f"the rest of a bulk of {len(in_bulk):,}, 50 at a time: the last tenth against the first",
        [tenths[-1] / tenths[0]],
        2,
        note="after half went one by one",
    )
    raw = {"takers": _TAKERS, "seconds of each 20,000": slices, "seconds of each tenth": tenths}
    return Outcome([*_figures(len(ids), slices), rest], raw)


def _figures(count: int, slices: list[float]) -> list[Figure]:
    what = f"{count:,} one by one, by id, in random order"
    return [
        at_most(f"{what}: the last 20,000 against the first", [slices[-1] / slices[0]], 2, note="64 takers in process"),
        at_most(f"{what}: the slowest 20,000 against the first", [max(slices) / slices[0]], 2),
        shown(f"{what}: takes", [_SLICE / seconds for seconds in slices], "/s", "fsync before every answer"),
    ]


async def _one_by_one(room: Room, store: SqliteStore, account: AccountId, ids: list[str], step: int) -> list[float]:
    left = iter(ids)

    async def take() -> bool:
        message_id = next(left, None)
        if message_id is None:
            return False
        taken = await store.take(account, 1, Filter(message_id=message_id), time.time_ns() // 10**6)
        if message_id.encode() not in taken.reports:
            raise Invalid(f"the report of {message_id} was not given")
        return True

    return await _paced(room, take, len(ids), step, _TAKERS, f"of {len(ids):,} by id")


async def _by_bulk(room: Room, store: SqliteStore, account: AccountId, rest: int) -> list[float]:
    given = 0

    async def take() -> bool:
        nonlocal given
        taken = await store.take(account, 50, Filter(bulk_id=_BULK), time.time_ns() // 10**6)
        given += taken.reports.count(b'"messageId"')
        return bool(taken.reports)

    times = await _paced(room, take, rest // 50, rest // 500, _BULK_TAKERS, "by bulk")
    if given != rest:
        raise Invalid(f"{given} of {rest} reports of the bulk were given")
    return times


async def _paced(
    room: Room, take: Callable[[], Awaitable[bool]], count: int, step: int, takers: int, what: str
) -> list[float]:
    """Takes until there is nothing left: the seconds of each `step` takes."""
    marks = [time.perf_counter()]
    done = 0

    async def taker() -> None:
        nonlocal done
        while await take():
            done += 1
            if done % step == 0:
                marks.append(time.perf_counter())
                if done % (10 * step) == 0:
                    room.say(f"{done:,} {what}: {10 * step / (marks[-1] - marks[-11]):,.0f} takes/s")

    await asyncio.gather(*(taker() for _ in range(takers)))
    if done != count:
        raise Invalid(f"{done} takes gave something, not {count}")
    return list(_between(marks))


def _between(marks: list[float]) -> Iterator[float]:
    return (b - a for a, b in pairwise(marks))
