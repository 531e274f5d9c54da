"""Sounds kept: what was made once is found again, in memory or on disk; who wants it too waits for it."""

import asyncio
import hashlib
import logging
import os
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

_MAGIC = b"RBs1"
_DIGEST = hashlib.sha256().digest_size
_ENDING = ".sound"
_KEPT_SHARE = 0.9  # of the bound: what is left when the bound was crossed


class SoundFolder:
    """Sounds in files, each with its digest, at most `most` bytes of them; the least recently used go first.

    Blocking, and for one thread at a time. An error of the disk costs the file, never more.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._size: int | None = None  # bytes in the folder, None before it was counted

    def find(self, key: str) -> bytes | None:
        """The samples kept under a key (hexadecimal), None when there are none or they are damaged."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            samples = content[len(_MAGIC) + _DIGEST :]
            if content != _sealed(samples):
                _log.warning("a kept sound is damaged and is made anew: %s", path)
                return None
            os.utime(path)
        except OSError:
            return None
        return samples

    def keep(self, key: str, samples: bytes) -> None:
        """Writes a file, whole or not at all; it need not survive a power cut, since its digest tells."""
        path, content = self._path(key), _sealed(samples)
        fresh = path.with_name(f"{uuid.uuid4().hex}.new")
        try:
            self._make_room(len(content))
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(content)
            fresh.replace(path)
        except OSError as e:
            _log.warning("a sound is not kept on disk: %s", e)
            _remove(fresh)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}{_ENDING}"

    def _make_room(self, size: int) -> None:
        self._size = size + (self._counted() if self._size is None else self._size)
        if self._size <= self._most:
            return
        entries = sorted(self._entries(), key=lambda entry: entry[1])
        self._size = size + sum(entry[2] for entry in entries)
        for path, _, its_size in entries:
            if self._size <= self._most * _KEPT_SHARE:
                break
            _remove(path)
            self._size -= its_size

    def _counted(self) -> int:
        for left_over in self._folder.glob("*/*.new"):  # by a crash
            _remove(left_over)
        return sum(size for _, _, size in self._entries())

    def _entries(self) -> list[tuple[Path, int, int]]:
        """Path, when last used (ns) and size of each file."""
        found = [(path, path.stat()) for path in self._folder.glob(f"*/*{_ENDING}")]
        return [(path, stat.st_mtime_ns, stat.st_size) for path, stat in found]


class Sounds:
    """The event loop's door to a `SoundFolder`, with a smaller store in memory before it.

    Sizes in bytes. A disk that does not answer for `patience_s` seconds is passed over: making a sound
    anew is better than waiting. At most `queued` jobs wait for it.
    """

    def __init__(self, folder: Path, most: int, most_in_memory: int, patience_s: float = 2.0, queued: int = 16) -> None:
        self._folder = SoundFolder(folder, most)
        self._disk = ThreadPoolExecutor(1, "sounds")  # one: the folder is used by one thread at a time
        self._jobs: set[asyncio.Future[Any]] = set()
        self._queued = queued
        self._patience_s = patience_s
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._most_in_memory = most_in_memory
        self._in_memory = 0
        self._making: dict[str, asyncio.Task[bytes]] = {}

    async def get(self, key: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The samples of a key, made if they are nowhere. Raises what `make` raises, to all who wait."""
        found = self._memory.get(key)
        if found is not None:
            self._memory.move_to_end(key)
            return found
        if key not in self._making:
            task = asyncio.create_task(self._find_or_make(key, make))
            self._making[key] = task
            task.add_done_callback(lambda done: self._made(key, done))
        return await asyncio.shield(self._making[key])  # one who gives up does not take it from the others

    async def find(self, key: str) -> bytes | None:
        """The samples of a key if they are kept somewhere, or are being made."""
        if key in self._memory:
            self._memory.move_to_end(key)
            return self._memory[key]
        if key in self._making:
            return await asyncio.shield(self._making[key])
        samples = await self._found_on_disk(key)
        if samples is not None:
            self._remember(key, samples)
        return samples

    async def stop(self) -> None:
        """Gives what is being made, and the disk that keeps it, `patience_s` each to end."""
        for unfinished in (set(self._making.values()), self._jobs):
            if unfinished:
                await asyncio.wait(unfinished, timeout=self._patience_s)
        self._disk.shutdown(wait=False, cancel_futures=True)

    async def _find_or_make(self, key: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        samples = await self._found_on_disk(key)
        if samples is None:
            samples = await make()
            self._later(self._folder.keep, key, samples)
        self._remember(key, samples)
        return samples

    async def _found_on_disk(self, key: str) -> bytes | None:
        job = self._later(self._folder.find, key)
        if job is None:
            return None
        await asyncio.wait([job], timeout=self._patience_s)
        return job.result() if job.done() else None

    def _later(self, work: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any] | None:
        """A job for the disk's thread, or None when too many wait already: then the disk is stuck."""
        if len(self._jobs) >= self._queued:
            return None
        job = asyncio.get_running_loop().run_in_executor(self._disk, work, *arguments)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job

    def _made(self, key: str, task: asyncio.Task[bytes]) -> None:
        del self._making[key]
        if not task.cancelled():
            task.exception()  # seen, even when nobody waits for it any more

    def _remember(self, key: str, samples: bytes) -> None:
        self._in_memory += len(samples) - len(self._memory.get(key, b""))
        self._memory[key] = samples
        while self._in_memory > self._most_in_memory:
            _, oldest = self._memory.popitem(last=False)
            self._in_memory -= len(oldest)


def _sealed(samples: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(samples).digest() + samples


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as e:
        _log.warning("a file stays: %s", e)
