"""A disk for SQLite that can lose power, fail and stall: an apsw VFS.

Every write goes to the real file, where SQLite reads it back as from a page cache. Beside it, the disk keeps what
would be on its platters: a write arrives there when its file is synced, a file when it is first synced.
"""

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import msgspec

SECTOR = 512  # bytes: what a disk writes whole or not at all

Hook = Callable[[str, str], None]
"""Told of each operation, before it is done: `write`, `sync`, `truncate`, `read` or `delete`, and the file's name.
It may raise an apsw.Error, block, or look at what would survive."""

_names = itertools.count(1)


class _Write(msgspec.Struct, frozen=True):
    at: int
    data: bytes

    def onto(self, image: bytearray) -> None:
        if len(image) < self.at:
            image.extend(bytes(self.at - len(image)))
        image[self.at : self.at + len(self.data)] = self.data

    def sectors(self) -> Iterator["_Write"]:
        start = self.at
        while start < self.at + len(self.data):
            end = min(start // SECTOR * SECTOR + SECTOR, self.at + len(self.data))
            yield _Write(start, self.data[start - self.at : end - self.at])
            start = end


class _Cut(msgspec.Struct, frozen=True):
    size: int

    def onto(self, image: bytearray) -> None:
        del image[self.size :]

    def sectors(self) -> Iterator["_Cut"]:
        yield self


class _Platter:
    """One file as the disk has it, and what it has been told since its last sync."""

    def __init__(self) -> None:
        self.image: bytearray | None = None  # None until the first sync: the file is not there
        self.pending: list[_Write | _Cut] = []

    def sync(self) -> None:
        self.image = self.after(self.pending)
        self.pending = []

    def after(self, operations: list[_Write | _Cut]) -> bytearray:
        image = bytearray(self.image or b"")
        for operation in operations:
            operation.onto(image)
        return image


class Disk:
    """Registers itself as a VFS under `name`. `hook` sees every operation; while it is None nothing is told."""

    def __init__(self) -> None:
        self.name = f"disk-{next(_names)}"
        self.hook: Hook | None = None
        self._platters: dict[str, _Platter] = {}
        self._lock = threading.RLock()
        self._vfs = _Vfs(self)

    def close(self) -> None:
        self._vfs.unregister()

    def told(self, operation: str, file: str) -> None:
        if self.hook is not None:
            self.hook(operation, Path(file).name)

    def platter(self, file: str) -> _Platter:
        return self._platters.setdefault(file, _Platter())

    def keep(self, file: str, operation: _Write | _Cut) -> None:
        with self._lock:
            self.platter(file).pending.append(operation)

    def sync(self, file: str) -> None:
        with self._lock:
            self.platter(file).sync()

    def delete(self, file: str) -> None:
        with self._lock:
            self._platters.pop(file, None)

    def survivors(self, torn: random.Random | None = None) -> dict[str, bytes]:
        """The files that a power cut now would leave. With `torn`, some sectors that were not synced survive too."""
        with self._lock:
            return {
                Path(file).name: image for file, platter in self._platters.items() if (image := _left(platter, torn))
            }

    def everything(self) -> dict[str, bytes]:
        """The files as if all had reached the platters that was written, synced or not."""
        with self._lock:
            return {Path(file).name: bytes(disk.after(disk.pending)) for file, disk in self._platters.items()}


def _left(platter: _Platter, torn: random.Random | None) -> bytes | None:
    if torn is None:
        return None if platter.image is None else bytes(platter.image)
    share = torn.random()
    kept = [part for operation in platter.pending for part in operation.sectors() if torn.random() < share]
    return bytes(platter.after(kept))


def restore(files: dict[str, bytes], folder: Path) -> None:
    """Puts what survived into a new folder."""
    folder.mkdir(parents=True)
    for name, image in files.items():
        (folder / name).write_bytes(image)


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(disk.name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_File":  # noqa: N802 - SQLite's name
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self._disk.told("delete", filename)
        super().xDelete(filename, syncdir)
        self._disk.delete(filename)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._disk.told("read", self._name)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.told("write", self._name)
        super().xWrite(data, offset)
        self._disk.keep(self._name, _Write(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.told("truncate", self._name)
        super().xTruncate(newsize)
        self._disk.keep(self._name, _Cut(newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.told("sync", self._name)
        super().xSync(flags)
        self._disk.sync(self._name)
        self._disk.told("synced", self._name)
