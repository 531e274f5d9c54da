"""Claim: 40 calls at once are not disturbed by a bulk of 20,000 and a disk that stalls for 3 seconds.

A server process that is Ringback's own, under its own supervisor, on a disk that stalls on demand, with a task that
ticks on its event loop (bench/watched.py), phones 40 people of the sandbox at once: half answer after a second, half
at once; all press a key, hear some 30 seconds of speech and are recorded. When all have answered, a second account
sends a bulk of 20,000 (they wait behind: every channel is taken); when that is answered, the disk stalls for 3
seconds, once. From the bulk on, somebody sends one message after the other and is timed: that is how it is known that
the server felt the stall, together with the operations that waited in it.

None failed: each of the 40 has its report, answered, long enough, with its key, and a recording as long as the call.
No audio starved: the engine saw no line run dry (`audio starved` in the log), no recording lost sound, and by the
phones' own log no packet was lost; the longest time without a packet is shown, and the event loop's longest hold,
which is to stay below 50 ms. The phones share this machine's cores.

    python -m bench calls [--quick]        (--quick: 15 seconds of speech)
"""

import asyncio
import io
import os
import signal
import time
import wave
from pathlib import Path
from typing import Any

import httpx
import msgspec

from .accept import COUNT, HELD_MS, bulk, post, worst
from .figures import Figure, Invalid, Outcome, Room, at_most, none_of, shown
from .filled import PASSWORD, prepare
from .served import Served, ringback
from .watched import STALL_S, Seen, seen_in

CALLS = 40
_TEXT = "This is a long message, spoken while the disk of the server stands still for a while, and nobody hears it. "
_REPEATED = {False: 5, True: 2}  # some 6 seconds each
_NUMBERS = [f"3859{number:05}{'01' if number % 2 else '13'}" for number in range(CALLS)]


class _Talk(msgspec.Struct):
    """What was seen from outside while the calls went on."""

    bulk_s: float = 0.0
    stalled_at: float = 0.0
    probes: list[tuple[float, float]] = []  # when a message was sent, and the seconds until it was answered
    reports: list[dict[str, Any]] = []
    recordings: list[float] = []  # seconds of sound


def measure(room: Room) -> Outcome:
    """One run."""
    folder = room.folder / "calls"
    prepare(folder, "caller", "bulk", "prober")
    flags = ["--channels", str(CALLS), "--drain-seconds", "1"]
    with ringback(folder, watched=["stall"], flags=flags) as served:
        begun = time.monotonic()
        talk = asyncio.run(_talk(room, folder, served))
        ended = time.monotonic()
    seen = seen_in(folder)
    phones = _ends(folder / "phones.log")
    _felt(seen, talk)
    raw = {"talk": talk, "phones": phones, "waits": seen.waits, "late": [t for t in seen.late if t.seconds > 0.02]}
    return Outcome(_figures(room, talk, phones, seen, (begun, ended), served.log), raw)


async def _talk(room: Room, folder: Path, served: Served) -> _Talk:
    talk = _Talk()
    message = {
        "from": "38598100",
        "text": _TEXT * _REPEATED[room.quick],
        "record": True,
        "maxDtmf": 9,
        "dtmfTimeout": 1,
        "destinations": [{"to": number} for number in _NUMBERS],
    }
    await asyncio.to_thread(post, served.url, "caller", {"messages": [message]})
    await _all_answered(folder / "phones.log")
    room.say(f"{CALLS} calls are answered; a bulk of {COUNT:,} is sent")
    probing = asyncio.create_task(_probe(served, talk))
    await asyncio.sleep(1)
    talk.bulk_s = await asyncio.to_thread(post, served.url, "bulk", bulk())
    room.say(f"it was answered in {talk.bulk_s:.2f} s; the disk stalls")
    await asyncio.sleep(0.5)
    talk.stalled_at = time.monotonic()
    os.kill(served.pid, signal.SIGUSR1)
    await _all_reported(served, talk)
    probing.cancel()
    return talk


async def _all_answered(log: Path) -> None:
    until = time.monotonic() + 30
    while sum(event["event"] == "answer" and event["to"] in _NUMBERS for event in _events(log)) < CALLS:
        if time.monotonic() > until:
            raise Invalid("not all phones answered")
        await asyncio.sleep(0.1)


async def _probe(served: Served, talk: _Talk) -> None:
    """One small message after the other: each waits for the disk."""
    async with httpx.AsyncClient(auth=("prober", PASSWORD), timeout=60) as client:
        while True:
            begun = time.monotonic()
            answer = await client.post(f"{served.url}/tts/3/single", json={"to": "38599903", "text": "Are you there?"})
            answer.raise_for_status()
            talk.probes.append((begun, time.monotonic() - begun))
            await asyncio.sleep(0.1)


async def _all_reported(served: Served, talk: _Talk) -> None:
    until = time.monotonic() + 120
    async with httpx.AsyncClient(auth=("caller", PASSWORD), timeout=60) as client:
        while len(talk.reports) < CALLS:
            if time.monotonic() > until:
                raise Invalid(f"{len(talk.reports)} of {CALLS} reports came")
            answer = await client.get(f"{served.url}/tts/3/reports", headers={"Prefer": "wait=5"})
            talk.reports += answer.raise_for_status().json()["results"]
        for report in talk.reports:
            if url := report["recordedAudioFileUrl"]:
                talk.recordings.append(_seconds((await client.get(url)).raise_for_status().content))


def _seconds(file: bytes) -> float:
    with wave.open(io.BytesIO(file)) as sound:
        return float(sound.getnframes() / sound.getframerate())


def _events(log: Path) -> list[dict[str, Any]]:
    whole = log.read_bytes().splitlines() if log.exists() else []
    return [msgspec.json.decode(line) for line in whole if line.endswith(b"}")]


def _ends(log: Path) -> list[dict[str, Any]]:
    """How the 40 calls ended for the phones."""
    return [event for event in _events(log) if event["event"] == "end" and event["to"] in _NUMBERS]


def _felt(seen: Seen, talk: _Talk) -> None:
    """The stall was real. Raises `Invalid`."""
    longest = max((wait.seconds for wait in seen.waits if wait.what in ("write", "sync")), default=0.0)
    if len(seen.stalls) != 1 or longest < STALL_S / 2 or _slowest_probe(talk) < STALL_S / 2:
        raise Invalid(
            f"the server did not feel the stall: {seen.stalls}, {longest:.1f} s, {_slowest_probe(talk):.1f} s"
        )


def _slowest_probe(talk: _Talk) -> float:
    return max((seconds for _, seconds in talk.probes), default=0.0)


def _figures(
    room: Room, talk: _Talk, phones: list[dict[str, Any]], seen: Seen, span: tuple[float, float], log: Path
) -> list[Figure]:
    least = 2 * 6 if room.quick else 25
    failed = sum(not _went_well(report, least) for report in talk.reports) + CALLS - len(talk.reports)
    short = sum(sound < least for sound in talk.recordings) + CALLS - len(talk.recordings)
    said = log.read_text()
    longest = max((wait.seconds for wait in seen.waits), default=0)
    lost = sum(call.get("lost", 0) for call in phones)
    duration = [float(report["duration"]) for report in talk.reports]
    return [
        none_of(f"{CALLS} calls at once, a bulk and a stalled disk: calls that failed", failed),
        none_of("  lines that ran dry in mid-speech", said.count("audio starved")),
        none_of("  recordings cut short or damaged", short + said.count("loses sound")),
        none_of("  packets lost on the way to the phones", lost),
        at_most("  longest time that the event loop was held", [worst(seen.late, *span)], HELD_MS, "ms"),
        at_most(f"  the answer to the bulk of {COUNT:,}", [talk.bulk_s], 2, "s"),
        shown("  length of a call", duration, "s"),
        shown("  longest time without a packet, at each phone", [float(call["gapMs"]) for call in phones], "ms"),
        shown("  the stall, as the server's disk felt it", [longest], "s", f"{len(seen.waits)} operations waited"),
        shown("  the stall, as a client felt it", [_slowest_probe(talk)], "s", "the slowest of its small messages"),
    ]


def _went_well(report: dict[str, Any], least: float) -> bool:
    right = report["error"]["name"] == "VOICE_ANSWERED" and report["dtmfCodes"] == "1"
    return right and report["duration"] >= least and bool(report["recordedAudioFileUrl"])
