"""How far a caller has got with the reports, on disk.

A bookmark is one file of two lines. The second is JSON: the key of the take, what it asks, and the answer once it
came; it is only ever replaced whole (written beside, synced, renamed). The first says how many of the answer's
reports were handed out; its digits are overwritten in place and synced, which is the cheapest write there is
and can't be torn. A file beside it, `….lock`, is held for as long as the bookmark is open, and stays.
"""

import fcntl
import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from .exceptions import BookmarkDamaged, BookmarkExpired, BookmarkInUse, BookmarkNotKept

REMEMBERED_S = 48 * 3600
"""How long the server gives the same answer to the same key (contract section 4)."""

_TITLE = "ringback-client bookmark 1, handed out: "
_DIGITS = 7
_FIRST_LINE = re.compile(re.escape(_TITLE) + rf"([0-9]{{{_DIGITS}}})")

_sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


@dataclass(frozen=True, slots=True)
class Take:
    """One take: whose reports (`owner` is the server and the account), which, under which key, and what came."""

    owner: str
    bulk_id: str | None
    message_id: str | None
    limit: int
    key: str
    asked_at: float
    answer: str | None = None


class Bookmark:
    """Opened by one at a time. `take` is the last one, None at the very beginning; `handed_out` counts of it.

    Every method that writes raises `BookmarkNotKept` when it could not, and then nothing has changed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.take: Take | None = None
        self.handed_out = 0
        self._file: int | None = None
        self._lock: int | None = None
        self._lock = self._locked()
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    @property
    def open(self) -> bool:
        """Whether a take has no answer yet."""
        return self.take is not None and self.take.answer is None

    def begin(self, owner: str, bulk_id: str | None, message_id: str | None, limit: int) -> Take:
        """Writes a new take down, under a new key: from now on it may be asked."""
        take = Take(owner, bulk_id, message_id, limit, str(uuid.uuid4()), time.time())
        self._replace(take)
        return take

    def answered(self, answer: str) -> None:
        """Writes the answer of the take down; none of it is handed out yet."""
        assert self.take is not None  # noqa: S101  (it has begun)
        self._replace(replace(self.take, answer=answer))

    def hand_out(self) -> None:
        """Writes down that one more report of the answer is in the caller's hands."""
        assert self._file is not None  # noqa: S101  (there is an answer)
        with self._kept():
            os.pwrite(self._file, _digits(self.handed_out + 1), len(_TITLE))
            _sync_data(self._file)
        self.handed_out += 1

    def asked(self) -> Take:
        """The take that has no answer yet. Raises `BookmarkExpired` when the server can't know it any longer."""
        assert self.take is not None  # noqa: S101  (it has begun)
        if time.time() - self.take.asked_at > REMEMBERED_S:
            raise BookmarkExpired(
                self.path,
                f"reports were asked for at {time.ctime(self.take.asked_at)}, under the key {self.take.key}, no answer "
                "came, and the server remembers it for 48 hours only. It may have handed some out then: look for them "
                "in the logs. To go on without them, delete this file",
            )
        return self.take

    def close(self) -> None:
        """Lets another have it."""
        self._forget_file()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __del__(self) -> None:
        self.close()  # a loop that was broken off leaves no lock behind

    def _locked(self) -> int:
        with self._kept():
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as why:
            os.close(lock)
            raise BookmarkInUse(self.path, "another iterator has this bookmark: each needs its own") from why
        return lock

    def _read(self) -> None:
        try:
            with self._kept():
                file = os.open(self.path, os.O_RDWR)
        except BookmarkNotKept as why:
            if isinstance(why.__cause__, FileNotFoundError):
                return
            raise
        self._file = file
        with self._kept(), open(file, "rb", closefd=False) as content:
            lines = content.read().split(b"\n")
        try:
            self.handed_out, self.take = _read_lines([line.decode() for line in lines])
        except (ValueError, TypeError) as why:
            raise BookmarkDamaged(
                self.path,
                f"this is no whole bookmark ({why}). Reports that the server has handed out, and you have not got, may "
                "depend on it: restore it, or look for them in the logs and delete it",
            ) from why

    def _replace(self, take: Take) -> None:
        beside = f"{self.path}.new"
        text = f"{_TITLE}{'0' * _DIGITS}\n{json.dumps(asdict(take))}\n".encode()
        file: int | None = None
        try:
            with self._kept():
                file = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
                _write(file, text)
                os.fsync(file)
                os.replace(beside, self.path)
                _sync_folder(self.path.parent)
        except BaseException:
            if file is not None:
                os.close(file)
            with suppress(OSError):
                os.unlink(beside)
            raise
        self._forget_file()
        self._file, self.take, self.handed_out = file, take, 0

    def _forget_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as why:
            raise BookmarkNotKept(self.path, f"can't be kept: {why.strerror or why}") from why


def _digits(count: int) -> bytes:
    return f"{count:0{_DIGITS}}".encode()


def _write(file: int, text: bytes) -> None:
    while text:
        text = text[os.write(file, text) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_lines(lines: list[str]) -> tuple[int, Take]:
    """Raises `ValueError` or `TypeError`, saying what is wrong."""
    if len(lines) != 3 or lines[2]:
        raise ValueError("it has not two lines")
    first = _FIRST_LINE.fullmatch(lines[0])
    if first is None:
        raise ValueError("its first line is another")
    form = json.loads(lines[1])
    if not isinstance(form, dict) or [*form] != [field.name for field in fields(Take)]:
        raise ValueError("its second line has other fields")
    texts = (form["bulk_id"] or "", form["message_id"] or "", form["owner"], form["key"], form["answer"] or "")
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("its second line has other types")
    return int(first[1]), Take(**form | {"limit": int(form["limit"]), "asked_at": float(form["asked_at"])})
