"""Recordings of calls: stereo WAV files, written beside the loop, whole when a report points to them."""

import asyncio
import logging
import os
import re
import struct
import threading
import uuid
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from .speech import TELEPHONE_RATE

_log = logging.getLogger(__name__)

Write: TypeAlias = Callable[[int, bytes, int], int]
"""`os.pwrite`: file, bytes, where in the file -> how many were written."""

SECOND = TELEPHONE_RATE * 2 * 2
"""Bytes of one second: two channels of 16 bit."""

FLUSH = SECOND
"""Bytes that go to the disk at a time: what a crash costs."""

MOST_WAITING = 30 * SECOND
"""Bytes of one recording that wait for a stuck disk; what comes then is lost, and is silence."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_NAME = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{30}\.wav", re.ASCII)


def header(size: int) -> bytes:
    """The 44 bytes before `size` bytes of samples: PCM, 2 channels, 16 bit, 8 kHz (RIFF, "fmt " chunk)."""
    form = (16, 1, 2, TELEPHONE_RATE, SECOND, 4, 16)
    return _HEADER.pack(b"RIFF", _HEADER.size - 8 + size, b"WAVE", b"fmt ", *form, b"data", size)


def interleaved(left: bytes, right: bytes) -> bytes:
    """Two channels as one stream. Raises ValueError unless they are equally long and of whole samples."""
    if len(left) != len(right):  # an empty slice would be deleted, not refused
        raise ValueError(f"{len(left)} and {len(right)} bytes are not two sides of one piece")
    both = array("h", bytes(2 * len(left)))
    both[0::2] = array("h", left)
    both[1::2] = array("h", right)
    return both.tobytes()


class Recordings:
    """The folder of recordings. Names are ours, random, and never made of what a customer said.

    `close` of a recording waits at most `patience_s` seconds for the disk.
    """

    def __init__(self, folder: Path, patience_s: float = 30.0, write: Write = os.pwrite) -> None:
        self._folder = folder
        self._patience_s = patience_s
        self._write = write
        self._disk = ThreadPoolExecutor(4, "recordings")

    def open(self) -> "Recording":
        """A new recording; nothing is on disk before there is something to hear. It must be closed."""
        name = uuid.uuid4().hex
        file = _File(self._folder / name[:2] / f"{name}.wav", self._write)
        return Recording(f"{name[:2]}/{name}.wav", file, self._disk, self._patience_s)

    def path(self, name: str) -> Path | None:
        """Where a recording is, None for a name that is not ours or no longer there. Asks the disk."""
        path = self._folder / name if _NAME.fullmatch(name) else None
        return path if path and path.is_file() else None

    def remove(self, name: str) -> bool:
        """Deletes a recording; False when there is none of that name. Asks the disk; raises OSError."""
        path = self.path(name)
        if path:
            path.unlink(missing_ok=True)
        return path is not None

    def stop(self) -> None:
        """Takes no more; what waits for the disk is still written."""
        self._disk.shutdown(wait=False)


class Recording:
    """One call's recording. `write` and `close` are the event loop's; the file is another thread's.

    `damaged` is true when a part was lost, which is then silence.
    """

    def __init__(self, name: str, file: "_File", disk: ThreadPoolExecutor, patience_s: float) -> None:
        self.name = name
        self._file = file
        self._disk = disk
        self._patience_s = patience_s
        self._lock = threading.Lock()  # held to swap, never while the disk is asked
        self._waiting = bytearray()
        self._lost = 0  # bytes that belong after those that wait
        self._flushing = False
        self._turn = threading.Lock()  # held while the disk is asked, so that pieces stay in order
        self._closing: asyncio.Task[str | None] | None = None
        self._lost_any = False

    @property
    def damaged(self) -> bool:
        """Whether something of the call is missing."""
        return self._lost_any or self._file.damaged

    def write(self, heard: bytes, said: bytes) -> None:
        """The next piece, s16 mono at 8 kHz: what the person called says (left) and what we say (right).

        Never waits. Raises ValueError when the two are not equally long. After `close` it does nothing.
        """
        piece = interleaved(heard, said)
        with self._lock:
            if self._closing:
                return
            if self._lost or len(self._waiting) + len(piece) > MOST_WAITING:
                self._lose(len(piece))
                return
            self._waiting += piece
            start = len(self._waiting) >= FLUSH and not self._flushing
            self._flushing = self._flushing or start
        if start:
            self._disk.submit(self._flush)

    async def close(self) -> str | None:
        """Ends it: the file is whole and synced. Gives its name below the folder, None when nothing was kept.

        May be called again, and gives the same.
        """
        if not self._closing:
            self._closing = asyncio.create_task(self._close())
        return await asyncio.shield(self._closing)

    async def _close(self) -> str | None:
        job = asyncio.get_running_loop().run_in_executor(self._disk, self._finish)
        await asyncio.wait([job], timeout=self._patience_s)
        if not job.done():
            _log.error("a recording is given up, the disk does not answer: %s", self.name)
            self._file.unwanted = True
            return None
        return self.name if job.result() else None

    def _lose(self, size: int) -> None:
        if not self._lost:
            _log.error("a recording loses sound, the disk does not answer: %s", self.name)
        self._lost += size
        self._lost_any = True

    def _flush(self) -> None:
        with self._turn:
            while taken := self._take(FLUSH):
                self._file.append(*taken)

    def _finish(self) -> bool:
        with self._turn:
            while taken := self._take(1):
                self._file.append(*taken)
            return self._file.finish()

    def _take(self, least: int) -> tuple[bytes, int] | None:
        """What waits and how much is lost after it; None when that is less than `least` bytes."""
        with self._lock:
            if len(self._waiting) < least:
                self._flushing = False
                return None
            taken = bytes(self._waiting), self._lost
            self._waiting.clear()
            self._lost = 0
            return taken


class _File:
    """A growing WAV file, its header right after every piece. For one thread at a time; raises no OSError."""

    def __init__(self, path: Path, write: Write) -> None:
        self._path = path
        self._write = write
        self._file: int | None = None
        self._at = 0  # bytes of samples so far, lost ones too
        self._size = 0  # bytes of samples up to the last that were written
        self.damaged = False
        self.unwanted = False

    def append(self, samples: bytes, lost: int) -> None:
        """Samples and, after them, room for lost ones. What the disk refuses is lost as well."""
        at, self._at = self._at, self._at + len(samples) + lost
        try:
            self._put(samples, _HEADER.size + at)
            self._size = at + len(samples)
            self._put(header(self._size), 0)
        except OSError as e:
            self._complain(e)

    def finish(self) -> bool:
        """Syncs and closes the file; False, and no file, when nothing of it was kept."""
        try:
            kept = self._size > 0 and not self.unwanted and self._synced()
        except OSError as e:
            self._complain(e)
            kept = False
        self._leave(kept)
        return kept

    def _put(self, content: bytes, where: int) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
            self._write(self._file, header(0), 0)  # whatever happens next, it is a WAV file
        while content:
            written = self._write(self._file, content, where)
            content, where = content[written:], where + written

    def _synced(self) -> bool:
        assert self._file is not None  # noqa: S101  (there is a size)
        self._put(header(self._size), 0)
        os.ftruncate(self._file, _HEADER.size + self._size)
        os.fsync(self._file)
        for folder in (self._path.parent, self._path.parent.parent):  # the names, too
            _sync_folder(folder)
        return True

    def _leave(self, kept: bool) -> None:
        try:
            if self._file is not None:
                os.close(self._file)
                self._file = None
                if not kept:
                    self._path.unlink(missing_ok=True)
        except OSError as e:
            self._complain(e)

    def _complain(self, error: OSError) -> None:
        if not self.damaged:
            _log.error("a recording loses sound: %s: %s", self._path, error)
        self.damaged = True


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
