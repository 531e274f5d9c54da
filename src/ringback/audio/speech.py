"""Speech: from a text to samples, in a process of its own."""

from typing import Protocol

import msgspec

from ..model.message import Voice

TELEPHONE_RATE = 8_000
"""Samples a second on the telephone (G.711, RFC 3551 section 4.5.14)."""


class Sound(msgspec.Struct, frozen=True):
    """Samples to be heard: mono, signed 16 bit, native byte order, `rate` a second."""

    pcm: bytes
    rate: int = TELEPHONE_RATE

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / 2 / self.rate


class VoiceOffer(msgspec.Struct, frozen=True):
    """A voice that a language can be spoken with, under the name that a request asks for it by.

    `key` is what its engine calls it; `also` are other names that it answers to, in lower case.
    """

    name: str
    gender: str | None
    is_default: bool
    key: str
    engine: str
    is_neural: bool = False
    also: tuple[str, ...] = ()


class SpeechFailed(Exception):
    """The text can't be spoken: no such language, or the engine failed on it."""


class Speech(Protocol):
    """Turns text into sound. The same text, language, voice and rate is synthesised once and then found again."""

    async def start(self) -> None: ...

    async def say(self, text: str, language: str, voice: Voice, rate: float = 1.0) -> Sound:
        """The text spoken, at the telephone's rate, `rate` (0.5 to 2) times as fast as usual; a comma is half a
        second of silence. Raises `SpeechFailed` with a reason for people."""

    def voices(self, language: str) -> list[VoiceOffer]:
        """The voices for a language (any case), its default first; empty when there is no such language."""

    async def stop(self) -> None: ...
