"""Sounds kept on disk and in memory: bounded, whole, and never a reason to wait or to fail."""

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import pytest

from ringback.audio.sounds import SoundFolder, Sounds


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*"))


class Maker:
    """Counts, and gives other bytes each time."""

    def __init__(self, size: int = 1000) -> None:
        self.size = size
        self.made = 0

    async def __call__(self) -> bytes:
        self.made += 1
        return bytes([self.made]) * self.size


async def test_memory_is_bounded_and_the_disk_has_the_rest(tmp_path: Path) -> None:
    sounds, make = Sounds(tmp_path, most=1 << 20, most_in_memory=2500), Maker()
    first = [await sounds.get(key(n), make) for n in range(5)]
    assert sounds._in_memory <= 2500
    assert [await sounds.get(key(n), make) for n in range(5)] == first
    assert make.made == 5
    await sounds.stop()


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "folder"])
async def test_a_damaged_file_is_made_anew(tmp_path: Path, harm: str) -> None:
    sounds, make = Sounds(tmp_path, 1 << 20, 0), Maker()
    await sounds.get(key(1), make)
    await sounds.stop()
    (path,) = kept(tmp_path)
    content = path.read_bytes()
    path.unlink()
    if harm == "folder":
        path.mkdir()
    else:
        path.write_bytes({"cut": content[:-10], "changed": content[:-1] + b"x", "empty": b""}[harm])
    sounds = Sounds(tmp_path, 1 << 20, 0)
    assert await sounds.get(key(1), make) == b"\2" * 1000
    if harm != "folder":  # where nothing can be kept, it is made each time
        assert await sounds.get(key(1), make) == b"\2" * 1000
    await sounds.stop()


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    folder = SoundFolder(tmp_path, 10_500)
    for n in range(9):
        folder.keep(key(n), bytes(1000))
        os.utime(folder._path(key(n)), ns=(n, n))
    assert folder.find(key(0))  # used just now: newest
    for n in range(9, 13):
        folder.keep(key(n), bytes(1000))
    assert sum(path.stat().st_size for path in kept(tmp_path)) <= 10_500
    assert folder.find(key(0))
    assert not folder.find(key(1))
    assert folder.find(key(12))


def test_a_new_process_counts_what_is_there_and_sweeps_up(tmp_path: Path) -> None:
    for n in range(10):
        SoundFolder(tmp_path, 1 << 20).keep(key(n), bytes(1000))
    left_over = kept(tmp_path)[0].with_suffix(".new")
    left_over.write_bytes(b"half")
    SoundFolder(tmp_path, 5000).keep(key("new"), bytes(1000))
    assert sum(path.stat().st_size for path in kept(tmp_path)) <= 5000
    assert not left_over.exists()


async def test_a_disk_that_refuses_costs_only_the_keeping(tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_bytes(b"")
    sounds, make = Sounds(no_folder, 1 << 20, 1 << 20), Maker()
    assert await sounds.get(key(1), make) == await sounds.get(key(1), make)
    assert make.made == 1
    await sounds.stop()


async def test_a_disk_that_hangs_is_passed_over(tmp_path: Path) -> None:
    sounds, make = Sounds(tmp_path, 1 << 20, 1 << 20, patience_s=0.05, queued=4), Maker()
    stuck = threading.Event()
    sounds._disk.submit(stuck.wait)
    got = await asyncio.gather(*(sounds.get(key(n), make) for n in range(8)))
    assert len(set(got)) == make.made == 8
    assert len(sounds._jobs) == 4
    stuck.set()
    await sounds.stop()


async def test_a_failure_reaches_all_who_wait_and_is_not_kept(tmp_path: Path) -> None:
    sounds, make = Sounds(tmp_path, 1 << 20, 1 << 20), Maker()

    async def fail() -> bytes:
        raise ValueError("no")

    failures = await asyncio.gather(*(sounds.get(key(1), fail) for _ in range(3)), return_exceptions=True)
    assert [str(failure) for failure in failures] == ["no"] * 3
    assert await sounds.get(key(1), make)
    await sounds.stop()
