"""Several engines of speech as one: each language's voices are those of all, the first engine's before the others'."""

from collections.abc import Sequence

import msgspec

from ..model.message import Voice
from .speech import Sound, Speech, VoiceOffer
from .voices import pick


class SpeechEngines:
    """Implements `Speech`. The first engine that has a voice for a language has its default."""

    def __init__(self, engines: Sequence[Speech]) -> None:
        self._engines = engines

    async def start(self) -> None:
        """Starts all of them. Raises `SpeechFailed` where one can't run."""
        for engine in self._engines:
            await engine.start()

    async def say(self, text: str, language: str, voice: Voice, rate: float = 1.0) -> Sound:
        """The text spoken by the engine that has the voice; else as that engine says it."""
        chosen = pick(self.voices(language), language, voice)
        engine = next(engine for engine in self._engines if chosen.key in {v.key for v in engine.voices(language)})
        return await engine.say(text, language, Voice(name=chosen.name), rate)

    def voices(self, language: str) -> list[VoiceOffer]:
        """The voices for a language, its default first; empty when there is no such language."""
        offers = [offer for engine in self._engines for offer in engine.voices(language)]
        return [msgspec.structs.replace(offer, is_default=offer is offers[0]) for offer in offers]

    async def stop(self) -> None:
        """Ends all of them."""
        for engine in reversed(self._engines):
            await engine.stop()
