"""Audio files of customers: fetched once, looked at again when they are old, and kept as sound.

Source: contract section 2, `audioFileUrl`. What the contract leaves open: docs/decisions/0008.
"""

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from ..outgoing import Outgoing, OutgoingError, Reply, TooLarge, Unreachable
from .child import Child, ChildFailed
from .sounds import Sounds
from .speech import Sound

LARGEST = 4 * 1024 * 1024
"""Bytes; a file is smaller than that (contract section 2)."""

MOST_ON_DISK = 512 << 20
MOST_IN_MEMORY = 64 << 20

FRESH, FRESHEST, FAILED = 60.0, 3_600.0, 15.0
"""Seconds: how long a file is not asked for again, where its server says nothing and at most; and a file that can't be
had or played."""

_PAUSES = (0.2, 0.8)  # seconds between the three tries
_WITHIN = 15.0  # seconds for one request
_IN_ALL = 45.0  # seconds until a call gives up on its file
_DECODED_WITHIN = 60.0  # seconds; half an hour of sound takes some 5
_MOST_KNOWN = 2_000  # URLs
_MADE_BY = 1  # counts our own changes to how a file becomes sound
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
_GONE = {404, 410}
_NO_SOUND = re.compile(r"(?!audio/|video/mp4\b|application/(ogg|mp4|octet-stream)\b|binary/octet-stream\b).", re.ASCII)
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


class FileNotHad(Exception):
    """The file can't be fetched, and this says why (contract: error 5004)."""


class FileNotPlayable(Exception):
    """What was fetched is no sound that can be played, and this says why (contract: error 5005)."""


class _Known(msgspec.Struct, frozen=True):
    """What is known of a URL until `until`: the sound it leads to (its key), or why there is none."""

    until: float
    key: str = ""
    condition: dict[str, str] = {}
    fault: FileNotHad | FileNotPlayable | None = None


class AudioFiles:
    """The sounds that URLs lead to. Decoded ones are kept below `folder`; `clock` counts seconds.

    However many calls want one URL, it is asked for once, by HEAD and GET, and then by a conditional GET when what is
    known of it is old. `pause` waits between two tries.
    """

    def __init__(
        self,
        folder: Path,
        outgoing: Outgoing,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        within: float = _WITHIN,
        in_all: float = _IN_ALL,
    ) -> None:
        self._outgoing = outgoing
        self._clock = clock
        self._pause = pause
        self._within = within
        self._in_all = in_all
        self._decoder = Child("ringback.audio.decoder", _DECODED_WITHIN)
        self._sounds = Sounds(folder, MOST_ON_DISK, MOST_IN_MEMORY)
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[bytes]] = {}

    async def sound(self, url: str) -> Sound:
        """The file's sound, at the telephone's rate. Raises `FileNotHad`, `FileNotPlayable`."""
        if url not in self._asking:
            task = asyncio.create_task(self._found(url))
            self._asking[url] = task
            task.add_done_callback(lambda done: self._asked(url, done))
        return Sound(await asyncio.shield(self._asking[url]))  # one who gives up does not take it from the others

    async def stop(self) -> None:
        """Ends the decoder; whatever is under way fails."""
        for task in self._asking.values():
            task.cancel()
        await self._decoder.stop()
        await self._sounds.stop()

    def _asked(self, url: str, task: "asyncio.Task[bytes]") -> None:
        del self._asking[url]
        if not task.cancelled():
            task.exception()  # seen, even when nobody waits for it any more

    async def _found(self, url: str) -> bytes:
        known = self._known.get(url)
        if known and self._clock() < known.until:
            if known.fault:
                raise type(known.fault)(str(known.fault))
            if kept := await self._sounds.find(known.key):
                return kept
            known = None  # it had to make room since
        try:
            async with asyncio.timeout(self._in_all):
                found = await self._looked_at(url, known)
        except TimeoutError:
            raise self._failed(url, FileNotHad(f"it can't be had within {self._in_all:g} seconds")) from None
        except (FileNotHad, FileNotPlayable) as fault:
            raise self._failed(url, fault) from None
        if isinstance(found, bytes):
            return found
        try:  # whoever waits for the decoder behind others' files has had his own
            return await self._made(url, found)
        except FileNotPlayable as fault:
            raise self._failed(url, fault) from None

    def _failed(self, url: str, fault: FileNotHad | FileNotPlayable) -> Exception:
        self._remember(url, _Known(self._clock() + FAILED, fault=fault))
        return fault

    async def _looked_at(self, url: str, known: _Known | None) -> bytes | Reply:
        """Asks for the file, by a condition where an earlier one is known: its sound if that is kept, else the file."""
        if known and known.condition:
            reply = await self._fetched(url, known.condition)
            kept = await self._sounds.find(known.key) if reply.status == 304 else None
            if kept:
                self._remember(url, _Known(self._clock() + _fresh_for(reply), known.key, known.condition))
                return kept
            if reply.status == 304:
                reply = await self._fetched(url, {})
        else:
            await self._announced(url)
            reply = await self._fetched(url, {})
        return reply

    async def _made(self, url: str, reply: Reply) -> bytes:
        """The file's sound."""
        key = await asyncio.to_thread(_key_of, reply.body)
        sound = await self._sounds.get(key, lambda: self._decoded(reply.body))
        self._remember(url, _Known(self._clock() + _fresh_for(reply), key, _condition(reply)))
        return sound

    async def _announced(self, url: str) -> None:
        """HEAD. Whatever else a server makes of it, GET decides: signed URLs allow one method only."""
        try:
            reply = await self._request("HEAD", url, {})
        except Unreachable:
            return
        if reply.status in _GONE:
            raise FileNotHad(f"its server answers {reply.status}")
        if 200 <= reply.status < 300:
            _check_type(reply)
            length = reply.headers.get("Content-Length", "")
            if length.isascii() and length.isdigit() and int(length[:18]) >= LARGEST:
                raise _too_large()

    async def _fetched(self, url: str, condition: dict[str, str]) -> Reply:
        """GET: the whole file, or that it has not changed."""
        reply = await self._got(url, condition)
        if condition and reply.status == 304:
            return reply
        if reply.status != 200:
            raise FileNotHad(f"its server answers {reply.status}")
        _check_type(reply)
        return reply

    async def _got(self, url: str, headers: dict[str, str]) -> Reply:
        """The answer to GET, asked for again where its lack may be temporary."""
        for pause in (*_PAUSES, None):
            try:
                reply = await self._request("GET", url, headers)
                if reply.status not in _TEMPORARY:
                    return reply
                fault = f"its server answers {reply.status}"
            except Unreachable as why:
                fault = f"its server can't be reached: {why}"
            if pause is None:
                raise FileNotHad(fault)
            await self._pause(pause)
        raise AssertionError

    async def _request(self, method: str, url: str, headers: dict[str, str]) -> Reply:
        most = LARGEST - 1 if method == "GET" else 0
        try:
            return await self._outgoing.request(method, url, headers=headers, most=most, within=self._within)
        except Unreachable:
            raise
        except TooLarge:
            raise _too_large() from None
        except OutgoingError as why:
            raise FileNotHad(str(why)) from why

    async def _decoded(self, file: bytes) -> bytes:
        try:
            answer, samples = await self._decoder.ask({}, file)
        except ChildFailed as why:
            raise FileNotPlayable(f"it could not be decoded: {why}") from why
        if "error" in answer:
            raise FileNotPlayable(answer["error"])
        return samples

    def _remember(self, url: str, known: _Known) -> None:
        self._known[url] = known
        self._known.move_to_end(url)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


def _key_of(file: bytes) -> str:
    """What its sound is kept under. Beside the loop: 4 MB take some 15 ms."""
    return hashlib.sha256(b"file %d " % _MADE_BY + file).hexdigest()


def _too_large() -> FileNotHad:
    return FileNotHad(f"it is not under {LARGEST} bytes")


def _check_type(reply: Reply) -> None:
    """Whatever claims to be sound, or nothing in particular, is then judged by its content."""
    claimed = reply.headers.get("Content-Type", "").strip().lower()
    if _NO_SOUND.match(claimed):
        raise FileNotPlayable(f"its server says that it is {claimed[:80]!r}, which is no sound")


def _condition(reply: Reply) -> dict[str, str]:
    """How to ask whether it has changed (RFC 9110 section 13.1)."""
    if etag := reply.headers.get("ETag"):
        return {"If-None-Match": etag}
    changed = reply.headers.get("Last-Modified")
    return {"If-Modified-Since": changed} if changed else {}


def _fresh_for(reply: Reply) -> float:
    """Seconds (RFC 9111 section 5.2.2.1), within our bounds: a bulk of one URL asks once a minute at most."""
    given = _MAX_AGE.search(reply.headers.get("Cache-Control", ""))
    return min(max(float(given[1]), FRESH), FRESHEST) if given else FRESH
