"""Ringback's own server process with two things added: a disk that can be made to stall, and a task that ticks.

    python -m bench.watched [stall] -- --http HOST:PORT --data DIR ...

is `ringback serve` (its supervisor starts this module instead of ringback.app). With `stall`, SIGUSR1 makes the disk
stall for 3 seconds: every write, truncate and sync of the database, by an SQLite VFS, and every write of a recording
wait until the stall is over, in whichever thread they are asked, as they would on a real disk; reads and other files
do not. When it stops it leaves DIR/watched.json: which operations waited and how long, and every tick of the event
loop that came more than 5 ms late, on the system's monotonic clock.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path

import apsw
import msgspec
import uvloop

from ringback import log, supervisor
from ringback.app import Ringback
from ringback.audio.recordings import Recordings
from ringback.config import Config, load
from ringback.lifeline import config_from_parent
from ringback.model.times import HOUR
from ringback.store.sqlite import SqliteStore

STALL_S = 3.0
TICK_S = 0.005
SEEN = "watched.json"


class Wait(msgspec.Struct, frozen=True):
    """An operation that the stall held up."""

    what: str
    seconds: float
    thread: str


class Late(msgspec.Struct, frozen=True):
    """A tick of the event loop that came late: when, and by how many seconds; the process's CPU time meanwhile.

    Late by more than that, and the machine did something else, or the loop waited for the disk.
    """

    at: float
    seconds: float
    cpu: float = 0.0


class Seen(msgspec.Struct):
    """What the server process saw."""

    stalls: list[float] = []
    waits: list[Wait] = []
    late: list[Late] = []
    ticks: int = 0


class Disk:
    """A disk that stalls on demand."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._until = 0.0
        self._lock = threading.Lock()

    def stall(self) -> None:
        now = time.monotonic()
        self._until = now + STALL_S
        self._seen.stalls.append(now)

    def pass_through(self, what: str) -> None:
        """Returns when the disk does."""
        begun = time.monotonic()
        if begun >= self._until:
            return
        time.sleep(self._until - begun)
        with self._lock:
            self._seen.waits.append(Wait(what, time.monotonic() - begun, threading.current_thread().name))

    def pwrite(self, file: int, content: bytes, where: int) -> int:
        """`os.pwrite`, for recordings."""
        self.pass_through("recording")
        return os.pwrite(file, content, where)


class StallingVfs(apsw.VFS):
    """SQLite's own VFS on a disk that stalls."""

    name = "stalling"

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(self.name, "")

    def xOpen(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> "_File":  # noqa: N802 - SQLite's
        return _File(self._disk, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: "str | apsw.URIFilename | None", flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.pass_through("write")
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.pass_through("truncate")
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.pass_through("sync")
        super().xSync(flags)


class Watched(Ringback):
    """The server on that disk."""

    def __init__(self, config: Config, disk: Disk) -> None:
        super().__init__(config)
        self.store = SqliteStore(config.data, retention=config.retention_hours * HOUR, vfs=StallingVfs.name)
        self.recordings = Recordings(config.data / "recordings", write=disk.pwrite)


async def _tick(seen: Seen) -> None:
    while True:
        before, spent = time.monotonic(), time.process_time()
        await asyncio.sleep(TICK_S)
        late = time.monotonic() - before - TICK_S
        seen.ticks += 1
        if late > 0.005:
            seen.late.append(Late(before, late, time.process_time() - spent))


async def _main(config: Config, stalling: bool) -> int:
    seen = Seen()
    disk = Disk(seen)
    vfs = StallingVfs(disk) if stalling else None
    ringback = Watched(config, disk) if stalling else Ringback(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ringback.stop)
    loop.add_signal_handler(signal.SIGUSR1, disk.stall)
    ticking = asyncio.create_task(_tick(seen))
    try:
        return await ringback.run()
    finally:
        ticking.cancel()
        (config.data / SEEN).write_bytes(msgspec.json.encode(seen))
        del vfs


def seen_in(folder: Path) -> Seen:
    """What a watched server left behind."""
    return msgspec.json.decode((folder / SEEN).read_bytes(), type=Seen)


def _as_server(stalling: bool) -> int:
    config = config_from_parent()
    log.set_up(config.log_level, config.log_format)
    return uvloop.run(_main(config, stalling))


def _as_supervisor(words: list[str]) -> int:
    cut = words.index("--")
    flags, values = words[cut + 1 :: 2], words[cut + 2 :: 2]
    given = {flag[2:].replace("-", "_"): value for flag, value in zip(flags, values, strict=True)}
    config = load(given)
    log.set_up(config.log_level, config.log_format)
    return supervisor.serve(config, (sys.executable, "-m", "bench.watched", "child", *words[:cut]))


if __name__ == "__main__":
    if sys.argv[1] == "child":
        sys.exit(_as_server("stall" in sys.argv))
    sys.exit(_as_supervisor(sys.argv[1:]))
