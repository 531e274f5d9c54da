"""A phone's ear and mouth: RTP (RFC 3550) with G.711, and keys as telephone-events (RFC 4733).

One beat every 20 ms serves all calls: each sends its packet and reads what came since. No task, no timer and
no wake-up per packet, so 40 calls cost a few hundredths of a core.
"""

import asyncio
import secrets
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator

from .g711 import LAWS
from .heard import BEAT, FRAME, HEADER, KEYS, Heard
from .sdp import Agreement
from .sounds import encoded

_KEY_PACKETS = 5  # 100 ms of a key
_KEY_ENDS = 3  # RFC 4733 section 2.5.1.4
_KEY_PAUSE = 5  # packets of 20 ms between two keys
_KEY_VOLUME = 10  # -10 dBm0
_MARKER = 0x80
_LATE = 10  # beats that are made up for; after a longer stall they are left out
_PER_BEAT = 50  # packets read from one call in a beat
_EVENT = struct.Struct("!BBH")


class Metronome:
    """The one beat, on absolute deadlines; it runs only while somebody listens to it."""

    def __init__(self) -> None:
        self._media: dict[Media, None] = {}
        self._start = 0.0
        self._beats = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, media: "Media") -> None:
        """From the next beat on."""
        self._media[media] = None
        if self._timer is None:
            self._start, self._beats = asyncio.get_running_loop().time(), 0
            self._wait()

    def remove(self, media: "Media") -> None:
        """Not again; also within a beat."""
        self._media.pop(media, None)

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(self._start + (self._beats + 1) * BEAT, self._beat)

    def _beat(self) -> None:
        due = int((asyncio.get_running_loop().time() - self._start) / BEAT + 1e-6)
        self._beats = max(self._beats, due - _LATE)
        while self._beats < due:
            self._beats += 1
            for media in list(self._media):
                media.beat(self._beats)
        self._timer = None
        if self._media:
            self._wait()


class Media:
    """One call's RTP session. Raises `OSError` when there is no port left."""

    def __init__(self, host: str, heard: Heard, on_press: Callable[[str], None]) -> None:
        self._socket = _even_socket(host)
        self.address: tuple[str, int] = self._socket.getsockname()
        self._heard = heard
        self._on_press = on_press
        self._agreed: Agreement | None = None
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._offset = secrets.randbits(32)  # both random: RFC 3550 section 5.1
        self._talking = False  # the next packet of sound is not the first of a talkspurt
        self._sound, self._place = b"", 0
        self._keys: deque[str] = deque()
        self._pressing: Iterator[tuple[int, bytes] | None] = iter(())
        self._key_stamp = 0

    def aim(self, agreed: Agreement) -> None:
        """Where to send and what; again after a re-INVITE."""
        self._agreed = agreed
        self._heard.expect(agreed)

    def play(self, sound: str) -> None:
        """Says a sound of sounds.py, once; silence follows."""
        if self._agreed:
            self._sound, self._place = encoded(sound, self._agreed.codec), 0

    def press(self, keys: str) -> bool:
        """Presses keys, one after the other. False where the caller takes no telephone-events."""
        able = self._agreed is not None and self._agreed.keys is not None
        self._keys.extend(keys if able else "")
        return able

    def close(self) -> None:
        """Gives the port back."""
        self._socket.close()

    def beat(self, beat: int) -> None:
        """What a phone does every 20 ms: hears what came and says what is next."""
        for _ in range(_PER_BEAT):
            try:
                packet = self._socket.recv(2048)
            except OSError:  # nothing (more) came
                break
            self._heard.take(packet, beat)
        if self._agreed and self._agreed.sends:
            self._speak(self._agreed, (self._offset + beat * FRAME) & 0xFFFFFFFF)

    def _speak(self, agreed: Agreement, stamp: int) -> None:
        sound = self._next_sound(agreed.codec)
        key = self._next_key(stamp)
        if key and agreed.keys is not None:
            marker, event = key
            self._send(agreed, marker | agreed.keys, self._key_stamp, event)
        else:
            self._send(agreed, agreed.codec | (0 if self._talking else _MARKER), stamp, sound)
        self._talking = key is None

    def _next_sound(self, codec: int) -> bytes:
        part = self._sound[self._place : self._place + FRAME]
        self._place += FRAME
        return part.ljust(FRAME, LAWS[codec].silence)

    def _next_key(self, stamp: int) -> tuple[int, bytes] | None:
        for step in self._pressing:
            return step
        if not self._keys:
            return None
        key = self._keys.popleft()
        self._key_stamp = stamp  # all packets of an event carry its beginning (RFC 4733 section 2.2.1)
        self._pressing = _pressed(key)
        self._on_press(key)
        return next(self._pressing)

    def _send(self, agreed: Agreement, kind: int, stamp: int, payload: bytes) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        try:
            header = HEADER.pack(0x80, kind, self._sequence, stamp, self._ssrc)
            self._socket.sendto(header + payload, agreed.to)
        except OSError:
            pass  # lost, as a network may lose it


def _pressed(key: str) -> Iterator[tuple[int, bytes] | None]:
    """The packets of one key, a beat each: marker and payload; then a pause. RFC 4733 section 2.5.1."""
    event = KEYS.index(key)
    for packet in range(1, _KEY_PACKETS):
        yield (_MARKER if packet == 1 else 0), _EVENT.pack(event, _KEY_VOLUME, packet * FRAME)
    for _ in range(_KEY_ENDS):
        yield 0, _EVENT.pack(event, 0x80 | _KEY_VOLUME, _KEY_PACKETS * FRAME)
    for _ in range(_KEY_PAUSE):
        yield None


def _even_socket(host: str) -> socket.socket:
    """A UDP socket on an even port: the odd one after it is the caller's RTCP's (RFC 3550 section 11)."""
    odd: list[socket.socket] = []
    try:
        while True:
            tried = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            tried.setblocking(False)
            try:
                tried.bind((host, 0))
            except OSError:
                tried.close()
                raise
            if tried.getsockname()[1] % 2 == 0:
                return tried
            odd.append(tried)
    finally:
        for each in odd:
            each.close()
