"""Ids that Ringback makes: UUIDs of version 7, so that an index of them grows at one end."""

import secrets
import threading
import time

_RANDOM_BITS = 74  # what RFC 9562 leaves beside the time, the version and the variant
_STEP_BITS = 32  # how far apart two ids of one millisecond are, at most


class _Sequence:
    """The 122 free bits of the last id: 48 of milliseconds, 74 of randomness. Only ever grows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def following(self, millisecond: int) -> int:
        """Fresh random bits in a new millisecond, else a random step up (RFC 9562 section 6.2, method 2)."""
        with self._lock:
            if millisecond > self._last >> _RANDOM_BITS:
                self._last = millisecond << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
            else:
                self._last += 1 + secrets.randbits(_STEP_BITS)
            return self._last


_sequence = _Sequence()


def new_id() -> str:
    """A UUIDv7 (RFC 9562, 5.7), above every one that this process made before, even if the clock steps back."""
    bits = _sequence.following(time.time_ns() // 1_000_000)
    high, low = bits >> 62, bits & (1 << 62) - 1
    version_7 = (high >> 12) << 16 | 0x7000 | high & 0xFFF
    text = f"{version_7:016x}{1 << 63 | low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
