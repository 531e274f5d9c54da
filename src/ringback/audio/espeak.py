"""Speech by espeak-ng, in a child process: it is GPL, not thread-safe, and reads strangers' texts."""

import hashlib
import json
from pathlib import Path

from ringback.model.message import Voice

from .child import Child, ChildFailed
from .sounds import Sounds
from .speech import Sound, SpeechFailed
from .voices import VoiceOffer, Voices

SPEAKER = "ringback.audio.speaker"

MADE_BY = 1
"""Counts our own changes to the sound (filter, level): what was kept under another number is made anew."""

MOST_ON_DISK = 256 << 20
MOST_IN_MEMORY = 32 << 20


class EspeakSpeech:
    """`Speech` through espeak-ng. What was said once is kept below `folder`, at most `most` bytes of it.

    A text that takes longer than `limit_s` seconds to synthesise fails, and the queue behind it goes on.
    `made` counts the texts that had to be synthesised.
    """

    def __init__(self, folder: Path, most: int = MOST_ON_DISK, limit_s: float = 30.0) -> None:
        self._speaker = Child(SPEAKER, limit_s)
        self._sounds = Sounds(folder, most, min(most, MOST_IN_MEMORY))
        self._voices = Voices([])
        self.made = 0

    @property
    def pid(self) -> int | None:
        """The process that speaks."""
        return self._speaker.pid

    async def start(self) -> None:
        """Starts the speaker and asks for its voices. Raises `SpeechFailed` where it can't run."""
        try:
            await self._speaker.start()
        except (ChildFailed, EOFError, OSError) as e:
            raise SpeechFailed(f"espeak-ng does not start: {e}") from e
        self._voices = Voices(self._speaker.hello["voices"])

    async def say(self, text: str, language: str, voice: Voice) -> Sound:
        """The text spoken, levelled, at the telephone's rate. Markup in it is text.

        Raises `SpeechFailed`: no such language or voice, nothing to speak, too long, or the engine failed.
        """
        chosen = self._voices.pick(language, voice)
        return Sound(await self._sounds.get(self._key(text, chosen), lambda: self._make(text, chosen)))

    def voices(self, language: str) -> list[VoiceOffer]:
        """The voices for a language, its default first; empty when there is no such language."""
        return self._voices.of(language)

    async def stop(self) -> None:
        """Ends the speaker; what it is saying fails."""
        await self._speaker.stop()
        await self._sounds.stop()

    def _key(self, text: str, voice: VoiceOffer) -> str:
        what = ["espeak-ng", self._speaker.hello["version"], MADE_BY, voice.key, text]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()

    async def _make(self, text: str, voice: VoiceOffer) -> bytes:
        self.made += 1
        try:
            answer, samples = await self._speaker.ask({"text": text, "voice": voice.key})
        except ChildFailed as e:
            raise SpeechFailed(f"espeak-ng could not speak the text: {e}") from e
        if "error" in answer:
            raise SpeechFailed(answer["error"])
        if not any(samples):
            raise SpeechFailed("there is nothing in the text that can be spoken")
        return samples
