"""Claim: a request with 20,000 destinations is accepted, durably, in under 2 seconds.

`POST /tts/3/advanced` with 20,000 destinations, a `messageId` of ours each, to a server process that is Ringback's own
with a task that ticks on its event loop (bench/watched.py); from the first byte sent to the last byte of the answer,
all 20,000 of which must be PENDING_ACCEPTED. Each round is a fresh server on an empty data folder. The longest time
that the loop was held meanwhile is shown: nothing may hold it for more than 50 ms, for the same loop feeds the calls.
On a machine that does other things too, a tick comes late for reasons that are not ours.

    python -m bench accept [--quick]
"""

import time
from pathlib import Path
from typing import Any

import httpx

from .figures import Invalid, Outcome, Room, at_most
from .filled import PASSWORD, prepare
from .served import ringback
from .watched import Late, seen_in

COUNT = 20_000
HELD_MS = 50


def bulk(count: int = COUNT) -> dict[str, Any]:
    """A request whose people are all busy."""
    destinations = [{"to": f"385{number:06}03", "messageId": f"bench-{number:08}"} for number in range(count)]
    return {"bulkId": "bench", "messages": [{"text": "A bulk.", "destinations": destinations}]}


def post(url: str, name: str, body: dict[str, Any]) -> float:
    """Sends an advanced request: the seconds until it was answered. Raises `Invalid` unless all of it was accepted."""
    count = sum(len(message["destinations"]) for message in body["messages"])
    with httpx.Client(auth=(name, PASSWORD), timeout=60) as client:
        client.get(f"{url}/tts/3/reports", params={"bulkId": "none"}).raise_for_status()  # argon2 is paid for
        request = client.build_request("POST", f"{url}/tts/3/advanced", json=body)
        begun = time.perf_counter()
        answer = client.send(request)
        took = time.perf_counter() - begun
    accepted = answer.text.count("PENDING_ACCEPTED")
    if answer.status_code != 200 or accepted != count:
        raise Invalid(f"{accepted} of {count} were accepted: {answer.status_code} {answer.text[:300]}")
    return took


def worst(late: list[Late], begun: float, ended: float) -> float:
    """The latest tick within a time, in milliseconds; 5 where none was late."""
    return 1000 * max(
        (tick.seconds for tick in late if begun <= tick.at + tick.seconds and tick.at <= ended), default=0.005
    )


def measure(room: Room) -> Outcome:
    """A fresh server each round."""
    took, held = [], []
    for turn in range(2 if room.quick else 5):
        seconds, worst_ms = _round(room.folder / f"accept-{turn}")
        took.append(seconds)
        held.append(worst_ms)
        room.say(f"round {turn + 1}: {seconds:.2f} s, the loop was held for {worst_ms:.0f} ms at most")
    return Outcome(
        [
            at_most(f"a request with {COUNT:,} destinations: its answer", took, 2, "s", "fsync before the answer"),
            at_most("  longest time that the event loop was held meanwhile", held, HELD_MS, "ms"),
        ],
        {"seconds": took, "held_ms": held},
    )


def _round(folder: Path) -> tuple[float, float]:
    prepare(folder, "bench")
    with ringback(folder, watched=["tick"], flags=["--drain-seconds", "1"]) as served:
        begun = time.monotonic()
        took = post(served.url, "bench", bulk())
        ended = time.monotonic()
    return took, worst(seen_in(folder).late, begun, ended)
