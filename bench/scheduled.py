"""Claim: 1,000,000 scheduled messages cost the dispatcher under 5 % of a core, and collecting reports nothing.

Two real `ringback serve` on two data folders: one with nothing to do, one with a million messages that are due in a
day, put there by the store's own `accept`, 20,000 a request. Of each, the CPU time of the server process
(/proc/PID/stat) is counted for some seconds: at rest, and while a client sends ten scheduled messages a second, after
each of which the dispatcher must look again. What the million costs is the difference of the two, in percent of a
core. Then reports are collected from both in turn, as `reports` does.

    python -m bench scheduled [--quick]        (--quick: 100,000 instead of 1,000,000)
"""

import asyncio
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from ringback.model.ids import new_id
from ringback.model.message import Bulk, Destination, Network, VoiceMessage
from ringback.model.times import DAY
from ringback.store.sqlite import SqliteStore

from .figures import Outcome, Room, at_least, at_most
from .filled import PASSWORD, Tape, prepare
from .load import for_seconds
from .reports import sign_in
from .served import Served, ringback

_NAME = "bench"
_AT_ONCE = 20_000
_SENDS = 10  # a second
_TICK = os.sysconf("SC_CLK_TCK")


class _Side:
    """A server with so many scheduled messages."""

    def __init__(self, room: Room, stack: ExitStack, count: int) -> None:
        folder = room.folder / f"scheduled-{count}"
        account = prepare(folder, _NAME)[_NAME]
        if count:
            room.say(f"accepting {count:,} messages that are due in a day")
            asyncio.run(_schedule(folder, account, count))
        self.tape = Tape(folder, account)
        stack.callback(self.tape.close)
        self.served: Served = stack.enter_context(ringback(folder))
        sign_in(self.served, _NAME)

    def cpu(self, seconds: float, sends: int = 0) -> float:
        """How much of a core the server took meanwhile, in percent."""
        begun, before = time.monotonic(), _cpu_seconds(self.served.pid)
        with httpx.Client(auth=(_NAME, PASSWORD), timeout=60) as client:
            while (left := begun + seconds - time.monotonic()) > 0:
                if sends:
                    _send(client, self.served.url)
                time.sleep(min(left, 1 / sends if sends else left))
        return 100 * (_cpu_seconds(self.served.pid) - before) / (time.monotonic() - begun)


async def _schedule(folder: Path, account: int, count: int) -> None:
    store = SqliteStore(folder)
    await store.open()
    now = time.time_ns() // 1_000_000
    message = VoiceMessage(text="Tomorrow.", send_at=now + DAY)
    for start in range(0, count, _AT_ONCE):
        to = tuple([Destination(f"385{start + n:09}", new_id(), now + DAY) for n in range(_AT_ONCE)])
        await store.accept(account, Bulk(new_id(), Network.SANDBOX, ((message, to),), now + DAY), now)
    await store.close()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _send(client: httpx.Client, url: str) -> None:
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + DAY / 1000))
    message = {"destinations": [{"to": "385981178"}], "text": "Tomorrow.", "sendAt": tomorrow}
    client.post(f"{url}/tts/3/advanced", json={"messages": [message]}).raise_for_status()


def measure(room: Room) -> Outcome:
    """CPU at rest and under sends, then reports."""
    count = 100_000 if room.quick else 1_000_000
    seconds = 3 if room.quick else 10
    raw: dict[str, Any] = {"rest": [], "sends": [], "reports": []}
    with ExitStack() as stack:
        none, many = _Side(room, stack, 0), _Side(room, stack, count)
        for turn in range(2 if room.quick else 5):
            for name, sends in (("rest", 0), ("sends", _SENDS)):
                pair = none.cpu(seconds, sends), many.cpu(seconds, sends)
                raw[name].append(pair)
                room.say(f"round {turn + 1}, {name}: {pair[0]:.1f} % of a core, {pair[1]:.1f} % with {count:,}")
            rates = []
            for side in (none, many):
                side.tape.append(300_000 if not room.quick else 60_000)
                for_seconds(f"{side.served.url}/tts/3/reports?limit=1", _NAME, 1)
                rates.append(for_seconds(f"{side.served.url}/tts/3/reports?limit=1", _NAME, seconds).per_second)
            raw["reports"].append(rates)
            room.say(f"round {turn + 1}: {rates[0]:,.0f} takes/s, {rates[1]:,.0f} with {count:,}")
    rest = [many - none for none, many in raw["rest"]]
    sent = [many - none for none, many in raw["sends"]]
    ratios = [many / none for none, many in raw["reports"]]
    what = f"{count:,} scheduled messages"
    return Outcome(
        [
            at_most(f"{what}: CPU at rest", rest, 5, "%", "of a core, beside an empty server"),
            at_most(f"{what}: CPU while {_SENDS} a second are sent", sent, 5, "%", "of a core, beside an empty server"),
            at_least(f"{what}: GET reports, limit 1, against none", ratios, 0.9, "fsync before every answer"),
        ],
        raw,
    )
