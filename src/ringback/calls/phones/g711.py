"""G.711: a telephone's samples, eight bits each (ITU-T G.711; RFC 3551 section 4.5.14). Tables made at import."""

import struct
from array import array

import msgspec

from .sdp import PCMA, PCMU


def _mu_encoded(sample: int) -> int:
    """A sample of 14 bits in mu-law."""
    size = min(abs(sample), 8159) + 33
    segment = size.bit_length() - 6
    code = segment << 4 | (size >> segment + 1) & 15
    return ~(code | (128 if sample < 0 else 0)) & 255


def _mu_decoded(code: int) -> int:
    code = ~code & 255
    size = (((code & 15) << 3) + 132 << ((code & 112) >> 4)) - 132
    return -size if code & 128 else size


def _a_encoded(sample: int) -> int:
    """A sample of 13 bits in A-law."""
    size = -sample - 1 if sample < 0 else sample
    segment = max(0, size.bit_length() - 5)
    code = segment << 4 | (size >> max(1, segment)) & 15
    return code ^ (0x55 if sample < 0 else 0xD5)


def _a_decoded(code: int) -> int:
    code ^= 0x55
    segment = (code & 112) >> 4
    size = ((code & 15) << 4) + 8
    size = (size + 256) << segment - 1 if segment else size
    return size if code & 128 else -size


class Law(msgspec.Struct, frozen=True):
    """One of the two laws. Silence is the code of a sample 0."""

    bits: int
    codes: bytes
    low: bytes
    high: bytes
    silence: bytes

    def encode(self, pcm: bytes) -> bytes:
        """Samples of signed 16 bit, native byte order, in this law."""
        half, shift, codes = 1 << self.bits - 1, 16 - self.bits, self.codes
        return bytes(codes[(sample >> shift) + half] for sample in array("h", pcm))

    def decode(self, codes: bytes) -> bytes:
        """Codes as samples of signed 16 bit, little-endian."""
        pcm = bytearray(2 * len(codes))
        pcm[0::2], pcm[1::2] = codes.translate(self.low), codes.translate(self.high)
        return bytes(pcm)


def _law(bits: int, codes: list[int], samples: list[int]) -> Law:
    pairs = [struct.pack("<h", sample) for sample in samples]
    zero = codes[1 << bits - 1]
    return Law(bits, bytes(codes), bytes(p[0] for p in pairs), bytes(p[1] for p in pairs), bytes([zero]))


LAWS: dict[int, Law] = {
    PCMU: _law(14, [_mu_encoded(s) for s in range(-8192, 8192)], [_mu_decoded(c) for c in range(256)]),
    PCMA: _law(13, [_a_encoded(s) for s in range(-4096, 4096)], [_a_decoded(c) for c in range(256)]),
}
"""The laws by their RTP payload type."""
