"""What a phone heard: sound (kept on demand), keys, and how well it came (RFC 3550, RFC 4733)."""

import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .g711 import LAWS
from .sdp import PCMU, Agreement

BEAT = 0.02  # seconds: the packet time of RFC 3551 section 4.2
FRAME = 160  # samples in it
KEYS = "0123456789*#ABCD"  # RFC 4733 section 3.2: an event's number is its place here
HEADER = struct.Struct("!BBHII")  # RFC 3550 section 5.1
_RATE = 8_000
_MOST = 60 * _RATE  # samples that are kept


class Heard:
    """Takes a call's RTP packets. `on_key` is told each key once, when it goes down."""

    def __init__(self, keep: bool, on_key: Callable[[str], None]) -> None:
        self._keep = keep
        self._on_key = on_key
        self._codec, self._events = PCMU, -1
        self._sound = bytearray()
        self._source = -1  # the SSRC that the other four belong to
        self._zero = 0
        self._last = 0
        self._key_stamp = -1
        self._beat = 0
        self.keys = ""
        self._packets = 0
        self._lost = 0
        self._gap = 0

    def expect(self, agreed: Agreement) -> None:
        """What comes from now on. The codec of a call stays what it was first, as to the sound that is kept."""
        self._codec = agreed.codec
        self._events = -1 if agreed.keys is None else agreed.keys

    def take(self, packet: bytes, beat: int) -> None:
        """One packet, read in this beat. What is not RTP of this call is dropped, RTCP too."""
        payload = _payload(packet)
        if payload is None:
            return
        _, kind, sequence, stamp, source = HEADER.unpack_from(packet)
        if kind & 0x7F not in (self._codec, self._events):
            return
        self._count(sequence, stamp, source, beat)
        if kind & 0x7F == self._events:
            self._take_event(payload, stamp)
        elif self._keep:
            self._place(payload, (stamp - self._zero) & 0xFFFFFFFF)

    def _count(self, sequence: int, stamp: int, source: int, beat: int) -> None:
        if source != self._source:
            self._source, self._last, self._key_stamp = source, sequence - 1, -1
            self._zero = stamp - len(self._sound)
        elif self._packets:
            self._gap = max(self._gap, beat - self._beat)
        ahead = (sequence - self._last) & 0xFFFF
        if 0 < ahead < 0x8000:
            self._lost += ahead - 1
            self._last = sequence
        elif ahead:
            self._lost -= 1  # it comes late, and was counted as lost
        self._packets += 1
        self._beat = beat

    def _take_event(self, payload: bytes, stamp: int) -> None:
        """An event's packets all carry the time of its beginning (RFC 4733 section 2.2.1)."""
        if len(payload) < 4 or stamp == self._key_stamp or payload[0] >= len(KEYS):
            return
        self._key_stamp = stamp
        self.keys += KEYS[payload[0]]
        self._on_key(KEYS[payload[0]])

    def _place(self, payload: bytes, place: int) -> None:
        """Sound goes where its time says, so that a loss is a silence and not a shortening."""
        if place + len(payload) > _MOST:  # also what is older than the first packet
            return
        self._sound.extend(LAWS[self._codec].silence * (place - len(self._sound)))
        self._sound[place : place + len(payload)] = payload

    def quality(self) -> dict[str, Any]:
        """How it came, for the log: packets, those lost, and the longest time without any."""
        return {"packets": self._packets, "lost": self._lost, "gapMs": self._gap * round(1000 * BEAT)}

    def save(self, path: Path) -> bool:
        """What was kept, as a WAV of 16 bit. False when nothing was."""
        if not self._sound:
            return False
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(_RATE)
            file.writeframes(LAWS[self._codec].decode(bytes(self._sound)))
        return True


def _payload(packet: bytes) -> bytes | None:
    """What an RTP packet carries, None where it is none (RFC 3550 section 5.1)."""
    if len(packet) < HEADER.size or packet[0] >> 6 != 2:
        return None
    start = HEADER.size + 4 * (packet[0] & 15)
    if packet[0] & 16:  # an extension of so many words of 32 bits
        if len(packet) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    end = len(packet) - (packet[-1] if packet[0] & 32 else 0)
    return packet[start:end] if start <= end else None
