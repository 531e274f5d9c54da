"""What every engine of speech has in common: a child process that speaks, and what it said kept."""

import hashlib
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from ..model.message import Voice
from .child import Child, ChildFailed
from .reading import Part, parts
from .sounds import Sounds
from .speech import Sound, SpeechFailed, VoiceOffer
from .voices import pick

MADE_BY = 2
"""Counts our own changes to the sound (filter, level, pauses): what was kept under another number is made anew."""

MOST_ON_DISK = 256 << 20
MOST_IN_MEMORY = 32 << 20


class ChildSpeech(ABC):
    """`Speech` by a child process. What was said once is kept below `folder`, at most `most` bytes of it.

    A text that takes longer than `limit_s` seconds to synthesise fails, and the queue behind it goes on.
    `made` counts the texts that had to be synthesised.
    """

    def __init__(self, engine: str, module: str, folder: Path, most: int, limit_s: float) -> None:
        self._engine = engine
        self._speaker = Child(module, limit_s)
        self._sounds = Sounds(folder, most, min(most, MOST_IN_MEMORY))
        self.made = 0

    @property
    def pid(self) -> int | None:
        """The process that speaks."""
        return self._speaker.pid

    @abstractmethod
    def voices(self, language: str) -> list[VoiceOffer]:
        """The voices for a language, its default first; empty when there is no such language."""

    async def start(self) -> None:
        """Starts the speaker. Raises `SpeechFailed` where it can't run."""
        try:
            await self._speaker.start()
        except (ChildFailed, EOFError, OSError) as e:
            raise SpeechFailed(f"{self._engine} does not start: {e}") from e

    async def say(self, text: str, language: str, voice: Voice, rate: float = 1.0) -> Sound:
        """The text spoken, levelled, at the telephone's rate. Markup in it is text.

        Raises `SpeechFailed`: no such language, nothing to speak, too long, or the engine failed.
        """
        chosen = pick(self.voices(language), language, voice)
        said = parts(text, language)
        key = self._key(said, chosen, rate)
        return Sound(await self._sounds.get(key, lambda: self._make(said, chosen, rate)))

    async def stop(self) -> None:
        """Ends the speaker; what it is saying fails."""
        await self._speaker.stop()
        await self._sounds.stop()

    def _made_of(self, voice: VoiceOffer) -> str:
        """Tells a voice from another that is called the same."""
        return voice.key

    def _key(self, said: list[Part], voice: VoiceOffer, rate: float) -> str:
        what: list[Any] = [self._engine, self.version, MADE_BY, self._made_of(voice), said, rate]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()

    @property
    def version(self) -> str:
        """The engine's."""
        return str(self._speaker.hello["version"])

    async def _asked(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        try:
            return await self._speaker.ask(request)
        except ChildFailed as e:
            raise SpeechFailed(f"{self._engine} failed: {e}") from e

    async def _make(self, said: list[Part], voice: VoiceOffer, rate: float) -> bytes:
        self.made += 1
        answer, samples = await self._asked({"parts": said, "voice": voice.key, "rate": rate})
        if "error" in answer:
            raise SpeechFailed(answer["error"])
        if not any(samples):
            raise SpeechFailed("there is nothing in the text that can be spoken")
        return samples
