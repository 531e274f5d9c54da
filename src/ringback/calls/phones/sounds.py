"""What phones say: sounds made of tones, so that nothing has to be installed and everything is the same each time."""

import math
from array import array
from functools import cache

from .g711 import LAWS

_RATE = 8_000
_PITCH = 125.0  # of a voice, Hz
_FORMANTS = ((730, 1090), (270, 2290), (570, 840), (530, 1840))  # of four vowels, Hz (Peterson and Barney 1952)


def _tone(hertz: float, seconds: float) -> "array[int]":
    return array("h", (int(9_000 * math.sin(math.tau * hertz * n / _RATE)) for n in range(int(seconds * _RATE))))


def _pause(seconds: float) -> "array[int]":
    return array("h", bytes(2 * int(seconds * _RATE)))


def _syllable(vowel: int, seconds: float) -> "array[int]":
    """A burst like speech: two formants' harmonics of a voice, swelling and fading."""
    count = int(seconds * _RATE)
    harmonics = [_PITCH * round(formant / _PITCH) for formant in _FORMANTS[vowel % 4]]
    waves = [math.tau * hertz / _RATE for hertz in (_PITCH, *harmonics)]
    swell = math.pi / count
    return array("h", (int(3_000 * math.sin(swell * n) * sum(math.sin(w * n) for w in waves)) for n in range(count)))


def _phrase(syllables: int) -> "array[int]":
    sound: array[int] = array("h")
    for n in range(syllables):
        sound += _syllable(n, 0.14 + 0.04 * (n % 3)) + _pause(0.03)
    return sound


SOUNDS: dict[str, bytes] = {
    "": b"",
    "hello": bytes(_phrase(2)),
    "greeting": bytes(_phrase(7) + _pause(0.35) + _phrase(9) + _pause(0.5) + _tone(1_000, 0.5)),  # with its beep
}
"""Signed 16 bit, 8000 a second, native byte order."""


@cache
def encoded(name: str, codec: int) -> bytes:
    """A sound in the law of an RTP payload type."""
    return LAWS[codec].encode(SOUNDS[name])
