"""Claims: with 1,000,000 reports waiting, collecting is within 15 % of that with 10,000; memory stays below 200 MB.

Two real `ringback serve` on two data folders, one with 10,000 reports waiting, one with 1,000,000, asked in turn from
64 connections with fsync before every answer, at `limit=1` and `limit=50`. Ten thousand are soon gone, so the load
comes in bursts of a counted number of requests (half of the ten thousand at most), and after each burst as many
fresh reports are appended to both tapes, so both always begin as full as they claim. wrk cannot count: the
bursts are our own generator's, on both sides alike, over connections that stay open; the server is what they wait
for. A short burst that is not counted follows each refill, since another process wrote and the server's page cache
is cold. A ratio is of the median bursts of a round; bursts alternate. That none was empty is proved as in `reports`.
Memory is the peak of the server process (VmHWM) that held the million, after all of it.

    python -m bench backlog [--quick]        (--quick: 100,000 instead of 1,000,000)
"""

import statistics
from contextlib import ExitStack
from typing import Any

from .figures import Figure, Invalid, Outcome, Room, at_least, at_most, shown
from .filled import Tape, prepare
from .load import CONNECTIONS, Generator, Load, generator
from .reports import sign_in
from .served import Served, ringback

_FEW = 10_000
_NAME = "bench"
_BURST = {1: 5_000, 50: 128}  # requests; at limit 50 that is 6,400 of the ten thousand
_WARM = {1: 640, 50: 32}
_BURSTS = {1: 4, 50: 30}  # in a round
_WITHIN = 0.85


class _Side:
    """A server, its tape, and the number that is to wait there."""

    def __init__(self, room: Room, stack: ExitStack, waiting: int) -> None:
        folder = room.folder / f"waiting-{waiting}"
        account = prepare(folder, _NAME)[_NAME]
        self.waiting = waiting
        self.tape = Tape(folder, account)
        stack.callback(self.tape.close)
        room.say(f"filling {waiting:,} reports")
        self.tape.append(waiting)
        self.served: Served = stack.enter_context(ringback(folder))

    def refill(self) -> None:
        missing = self.waiting - self.tape.waiting()
        if missing > 0:
            self.tape.append(missing)

    def burst(self, ask: Generator, limit: int) -> Load:
        """One counted burst on a full tape."""
        warm = _WARM[limit]
        self.refill()
        ask(requests=warm)
        before = self.tape.takes(), self.tape.taken()
        load = ask(requests=_BURST[limit])
        takes, taken = self.tape.takes() - before[0], self.tape.taken() - before[1]
        if (load.requests, takes, taken) != (_BURST[limit], _BURST[limit], _BURST[limit] * limit):
            raise Invalid(f"{load.requests} answers, {takes} takes, {taken} reports at limit {limit}")
        return load


def measure(room: Room) -> Outcome:
    """Both limits, then the memory."""
    many = 100_000 if room.quick else 1_000_000
    figures: list[Figure] = []
    raw: dict[str, Any] = {"fsync": "before every answer", "connections": CONNECTIONS}
    with ExitStack() as stack:
        few_side, many_side = _Side(room, stack, _FEW), _Side(room, stack, many)
        for limit in _BURST:
            rounds = _rounds(room, few_side, many_side, limit)
            ratios = [_per_second(b) / _per_second(a) for a, b in rounds]
            what = f"GET reports, limit {limit}, {many:,} waiting"
            figures.append(at_least(f"{what}, against {_FEW:,}", ratios, _WITHIN, "fsync before every answer"))
            figures.append(
                shown(f"{what}: reports", [_per_second(b) * limit for _, b in rounds], "/s", "our generator")
            )
            raw[f"limit {limit}"] = [{"few": a, "many": b} for a, b in rounds]
        peaks = [side.served.peak_mb() for side in (few_side, many_side)]
        raw["peak_mb"] = dict(zip(("few", "many"), peaks, strict=True))
    note = f"peak of the server process; {peaks[0]:.0f} MB with {_FEW:,}"
    figures.append(at_most(f"memory with {many:,} waiting", [peaks[1]], 200, "MB", note))
    return Outcome(figures, raw)


def _rounds(room: Room, few: _Side, many: _Side, limit: int) -> list[tuple[list[Load], list[Load]]]:
    rounds = []
    bursts = _BURSTS[limit] // 4 if room.quick else _BURSTS[limit]
    with ExitStack() as stack:
        asks = []
        for side in (few, many):
            sign_in(side.served, _NAME)
            asks.append(stack.enter_context(generator(f"{side.served.url}/tts/3/reports?limit={limit}", _NAME)))
        for turn in range(2 if room.quick else 7):
            pairs = [(few.burst(asks[0], limit), many.burst(asks[1], limit)) for _ in range(bursts)]
            a, b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            rounds.append((a, b))
            room.say(
                f"limit {limit}, round {turn + 1}: {_per_second(a):,.0f}/s with {few.waiting:,},"
                f" {_per_second(b):,.0f}/s with {many.waiting:,}"
            )
    return rounds


def _per_second(bursts: list[Load]) -> float:
    """A round's typical burst: one that met a checkpoint or another program on the machine does not decide."""
    return statistics.median(load.per_second for load in bursts)
