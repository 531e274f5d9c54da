"""Recordings: both sides where they belong, whole at the end, and never a reason to wait."""

import asyncio
import errno
import os
import subprocess
import sys
import threading
import time
import wave
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest

from ringback.audio import recordings as r
from ringback.audio.recordings import Recordings
from tests.eventually import eventually, eventually_async

SAMPLES = 160  # 20 ms
HEARD = array("h", [1000] * SAMPLES).tobytes()
SAID = array("h", [-2000] * SAMPLES).tobytes()


@pytest.fixture
async def recordings(tmp_path: Path) -> AsyncIterator[Recordings]:
    recordings = Recordings(tmp_path)
    yield recordings
    recordings.stop()


def channels(path: Path) -> tuple["array[int]", "array[int]"]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        both = array("h", file.readframes(file.getnframes()))
        assert len(both) == 2 * file.getnframes()
    return both[0::2], both[1::2]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def decoded(path: Path) -> int:
    """Samples that another reader finds."""
    with av.open(str(path)) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


async def test_the_person_is_left_and_we_are_right(recordings: Recordings) -> None:
    recording = recordings.open()
    for _ in range(500):
        recording.write(HEARD, SAID)
    path = recordings.path(await recording.close() or "")
    assert path
    left, right = channels(path)
    assert left == array("h", [1000] * SAMPLES * 500)
    assert right == array("h", [-2000] * SAMPLES * 500)
    assert path.stat().st_size == 44 + 500 * SAMPLES * 4
    assert decoded(path) == 500 * SAMPLES
    assert not recording.damaged


async def test_pieces_stay_in_order_while_others_write(recordings: Recordings) -> None:
    many = [recordings.open() for _ in range(40)]
    for n in range(300):
        piece = array("h", [n] * SAMPLES).tobytes()
        for recording in many:
            recording.write(piece, piece)
    names = await asyncio.gather(*(recording.close() for recording in many))
    assert len(set(names)) == 40
    for name in names:
        left, right = channels(recordings.path(name or "") or Path())
        assert left == right == array("h", [n for n in range(300) for _ in range(SAMPLES)])


async def test_a_call_without_sound_leaves_no_file(recordings: Recordings, tmp_path: Path) -> None:
    assert await recordings.open().close() is None
    assert files(tmp_path) == []


async def test_closing_again_gives_the_same_and_late_pieces_are_nothing(recordings: Recordings) -> None:
    recording = recordings.open()
    recording.write(HEARD, SAID)
    name = await recording.close()
    recording.write(HEARD, SAID)
    assert await recording.close() == name == recording.name
    assert decoded(recordings.path(recording.name) or Path()) == SAMPLES


@pytest.mark.parametrize("said", [b"", SAID[:-2], SAID + SAID, SAID[:-1]])
async def test_unequal_pieces_are_refused(recordings: Recordings, said: bytes) -> None:
    with pytest.raises(ValueError):
        recordings.open().write(HEARD, said)


KILLED = """
import pathlib, sys
from ringback.audio.recordings import Recordings, FLUSH
recording = Recordings(pathlib.Path(sys.argv[1])).open()
for _ in range(500):
    recording.write(bytes(320), bytes(320))
print(recording.name, flush=True)
sys.stdin.read()
"""


def test_a_crash_in_mid_call_leaves_what_was_heard(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        name = process.stdout.readline().decode().strip()
        path = tmp_path / name
        eventually(lambda: files(tmp_path) and path.stat().st_size >= 44 + 9 * r.FLUSH, 5, "9 seconds on disk")
        process.kill()
    left, _ = channels(path)
    assert 9 * 8000 <= len(left) <= 10 * 8000
    assert decoded(path) == len(left)


class Disk:
    """A disk that can be told to hang, to be full after some bytes, or to write only a little at a time."""

    def __init__(self, room: int = 1 << 30, step: int = 1 << 30) -> None:
        self.turns = threading.Event()
        self.turns.set()
        self.room = room
        self.step = step

    def write(self, file: int, content: bytes, where: int) -> int:
        assert self.turns.wait(30)
        if where + len(content) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.pwrite(file, content[: self.step], where)


async def test_a_disk_that_hangs_is_not_noticed(tmp_path: Path) -> None:
    disk = Disk()
    recordings = Recordings(tmp_path, write=disk.write)
    disk.turns.clear()
    many = [recordings.open() for _ in range(40)]
    started, longest = time.monotonic(), 0.0
    for _ in range(150):  # 3 seconds of each call
        for recording in many:
            before = time.monotonic()
            recording.write(HEARD, SAID)
            longest = max(longest, time.monotonic() - before)
    assert time.monotonic() - started < 5, "it waited for the disk, which gives up after 30 s"
    closing = [asyncio.create_task(recording.close()) for recording in many]
    await asyncio.sleep(0)
    disk.turns.set()
    for name in await asyncio.gather(*closing):
        assert decoded(recordings.path(name or "") or Path()) == 150 * SAMPLES
    assert not any(recording.damaged for recording in many)
    recordings.stop()


async def test_what_a_stuck_disk_can_not_take_is_silence_of_the_same_length(tmp_path: Path) -> None:
    disk = Disk()
    recordings = Recordings(tmp_path, write=disk.write)
    disk.turns.clear()
    recording = recordings.open()
    second_heard, second_said = HEARD * 50, SAID * 50
    for _ in range(100):
        recording.write(second_heard, second_said)
    assert len(recording._waiting) <= r.MOST_WAITING
    assert recording.damaged
    disk.turns.set()
    await eventually_async(lambda: not recording._flushing, 5, "the disk's catching up")
    recording.write(second_heard, second_said)
    left, right = channels(recordings.path(await recording.close() or "") or Path())
    assert len(left) == 101 * 8000
    assert left[: 30 * 8000] == array("h", [1000] * 30 * 8000)
    assert set(left[32 * 8000 : 100 * 8000]) == {0}
    assert right[100 * 8000 :] == array("h", [-2000] * 8000)
    recordings.stop()


async def test_a_disk_that_never_answers_does_not_hold_the_call(tmp_path: Path) -> None:
    disk = Disk()
    recordings = Recordings(tmp_path, patience_s=0.05, write=disk.write)
    disk.turns.clear()
    recording = recordings.open()
    recording.write(HEARD, SAID)
    assert await recording.close() is None
    disk.turns.set()
    recordings.stop()
    recordings._disk.shutdown(wait=True)
    assert not files(tmp_path), "nothing points to it"


async def test_a_full_disk_leaves_nothing_and_raises_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recordings = Recordings(tmp_path, write=Disk(room=0).write)
    recording = recordings.open()
    for _ in range(200):
        recording.write(HEARD, SAID)
    assert await recording.close() is None
    assert recording.damaged
    assert not files(tmp_path)
    assert "No space left" in caplog.text
    recordings.stop()


async def test_a_disk_that_fills_up_keeps_what_it_has(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path, write=Disk(room=44 + 2 * r.SECOND, step=1000).write)
    recording = recordings.open()
    for _ in range(2):
        recording.write(HEARD * 50, SAID * 50)
        await eventually_async(lambda: not recording._flushing, 5, "the disk's catching up")
    recording.write(HEARD * 50, SAID * 50)
    left, right = channels(recordings.path(await recording.close() or "") or Path())
    assert (set(left), set(right), len(left)) == ({1000}, {-2000}, 16_000)
    assert recording.damaged
    recordings.stop()


async def test_only_our_own_names_are_paths(recordings: Recordings, tmp_path: Path) -> None:
    recording = recordings.open()
    recording.write(HEARD, SAID)
    name = await recording.close()
    assert name
    stem = name[3:-4]
    (tmp_path.parent / "secret.wav").write_bytes(b"")
    foreign = [
        "",
        "../secret.wav",
        f"{name}/../../../secret.wav",
        f"/{name}",
        f"{name}\n",
        f"{name}\0",
        f"..{name[2:]}",
        name.upper(),
        f"{stem}.wav",
        f"ff/{stem}.wav" if stem[:2] != "ff" else f"00/{stem}.wav",
        f"{tmp_path / name}",
        f"{stem[:2]}/{stem}.wav.bak",
        "٠٠/" + "٠" * 32 + ".wav",
        f"aa/aa{'0' * 30}.wav",  # one of ours that never was
    ]
    assert [recordings.path(one) for one in foreign] == [None] * len(foreign)
    assert [recordings.remove(one) for one in foreign] == [False] * len(foreign)
    assert recordings.path(name) == tmp_path / name
    assert recordings.remove(name)
    assert recordings.path(name) is None
    assert not recordings.remove(name)
