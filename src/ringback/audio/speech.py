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


class SpeechFailed(Exception):
    """The text can't be spoken: no such language or voice, or the engine failed on it."""


class Speech(Protocol):
    """Turns text into sound. The same text, language and voice is synthesised once and then found again."""

    async def start(self) -> None: ...

    async def say(self, text: str, language: str, voice: Voice) -> Sound:
        """The text spoken, at the telephone's rate. Raises `SpeechFailed` with a reason for people."""

    async def stop(self) -> None: ...
