"""Claim: collecting reports, durably, reaches a good part of what the same HTTP server does with a fixed answer.

`GET /tts/3/reports` from 64 connections, at `limit=1` (aim: at least 0.35) and `limit=50` (at least 0.30), to a real
`ringback serve` (supervisor, sandbox phones, SIP and loops are there and idle), against Granian embedded with the
same settings in a process of its own answering a fixed body of exactly the same size. Every answer with reports
waits for its fsync (WAL, synchronous=FULL). Rounds alternate: fixed, reports, fixed, reports; the ratio of each
pair is taken, and the median quoted with the least and the greatest.

The load is wrk's, one thread, or our generator's (which holds back the fixed answer: the ratio flatters then, and
the table says so). No answer was empty: a take that gives nothing is not written down, so after every round the
database must hold a take of exactly `limit` reports for each answer that was counted, and at most 64 more, those
under way when wrk hung up. The tape is filled between the rounds, while nothing is measured.

    python -m bench reports [--quick]
"""

import time
from typing import Any

import httpx

from ringback.model.report import tts3_json

from .figures import Figure, Invalid, Outcome, Room, at_least, shown
from .filled import PASSWORD, Tape, prepare, sample
from .load import CONNECTIONS, Load, for_seconds
from .machine import wrk_is_here
from .served import Served, fixed, ringback

AIMS = {1: 0.35, 50: 0.30}
_FIRST_GUESS = {1: 60_000, 50: 1_000_000}  # reports a second; learned from the first round on
_ACCOUNTS_ARE_LOOKED_AT = 1.0  # seconds until the server has noticed that another process wrote


class _Side:
    """One limit's account, and how many reports it needs a second."""

    def __init__(self, tape: Tape, limit: int, seconds: int) -> None:
        self.tape, self.limit, self.seconds = tape, limit, seconds
        self.need = float(_FIRST_GUESS[limit])

    def refill(self) -> int:
        """Enough for a round half again as quick as the last one: how many were missing."""
        missing = int(self.need * self.seconds) + self.limit * CONNECTIONS - self.tape.waiting()
        if missing > 0:
            self.tape.append(missing)
        return max(0, missing)

    def measure(self, served: Served) -> Load:
        """A round, and the proof that every answer was full."""
        before = self.tape.takes(), self.tape.taken()
        load = for_seconds(f"{served.url}/tts/3/reports?limit={self.limit}", name_of(self.limit), self.seconds)
        time.sleep(0.3)  # what was under way is written
        takes, taken = self.tape.takes() - before[0], self.tape.taken() - before[1]
        if taken != takes * self.limit or not load.requests <= takes <= load.requests + CONNECTIONS:
            raise Invalid(
                f"limit {self.limit}: {load.requests} answers, {takes} takes with {taken} reports: some were empty"
            )
        self.need = max(1.5 * taken / self.seconds, self.limit * 2000)
        return load


def name_of(limit: int) -> str:
    """The account that a limit is measured with."""
    return f"limit{limit}"


def sign_in(served: Served, name: str) -> None:
    """One empty-handed request, so that no round pays for argon2: it asks for a bulk that is not there."""
    time.sleep(_ACCOUNTS_ARE_LOOKED_AT)
    answer = httpx.get(f"{served.url}/tts/3/reports", params={"bulkId": "none"}, auth=(name, PASSWORD), timeout=30)
    answer.raise_for_status()


def measure(room: Room) -> Outcome:
    """Both limits."""
    rounds, seconds = (2, 1) if room.quick else (5, 3)
    folder = room.folder / "reports"
    accounts = prepare(folder, *map(name_of, AIMS))
    one = tts3_json(sample()).encode()
    bodies = {name_of(limit): b'{"results":[' + b",".join([one] * limit) + b"]}" for limit in AIMS}
    figures: list[Figure] = []
    raw: dict[str, Any] = {"fsync": "before every answer", "connections": CONNECTIONS, "seconds": {1: seconds, 50: 1}}
    with fixed(room.folder / "fixed", bodies) as plain, ringback(folder) as served:
        for limit, aim in AIMS.items():
            side = _Side(Tape(folder, accounts[name_of(limit)]), limit, seconds if limit == 1 else 1)
            pairs = _rounds(room, side, plain, served, rounds)
            side.tape.close()
            figures += _figures(limit, aim, pairs)
            raw[f"limit {limit}"] = [{"fixed": a, "reports": b} for a, b in pairs]
        raw["peak_mb"] = served.peak_mb()
    return Outcome(figures, raw)


def _rounds(room: Room, side: _Side, plain: Served, served: Served, rounds: int) -> list[tuple[Load, Load]]:
    pairs = []
    for turn in range(rounds):
        side.refill()
        sign_in(served, name_of(side.limit))
        a = for_seconds(f"{plain.url}/{name_of(side.limit)}", name_of(side.limit), side.seconds)
        b = side.measure(served)
        _same_size(a, b)
        pairs.append((a, b))
        room.say(
            f"limit {side.limit}, round {turn + 1}: fixed {a.per_second:,.0f}/s, reports {b.per_second:,.0f}/s,"
            f" {b.per_second / a.per_second:.2f}"
        )
    return pairs


def _same_size(a: Load, b: Load) -> None:
    """The two answers must weigh the same, but for the bytes of what was cut off at the end."""
    fixed_size, size = a.bytes / a.requests, b.bytes / b.requests
    if abs(size / fixed_size - 1) > 0.05:
        raise Invalid(f"an answer has {size:.0f} bytes, the fixed one {fixed_size:.0f}")


def _figures(limit: int, aim: float, pairs: list[tuple[Load, Load]]) -> list[Figure]:
    what = f"GET reports, limit {limit}"
    note = "fsync before every answer" + (
        "" if wrk_is_here() else "; no wrk: our generator holds back the fixed answer"
    )
    return [
        at_least(f"{what}, against a fixed answer", [b.per_second / a.per_second for a, b in pairs], aim, note),
        shown(f"{what}: reports", [b.per_second * limit for _, b in pairs], "/s", "this machine's; nothing is claimed"),
        shown(f"{what}: p99", [b.p99 / 1000 for _, b in pairs], "ms"),
    ]
