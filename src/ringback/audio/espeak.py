"""Speech by espeak-ng, in a child process: it is GPL, not thread-safe, and reads strangers' texts."""

from pathlib import Path

from .speaking import MOST_ON_DISK, ChildSpeech
from .speech import VoiceOffer
from .voices import ESPEAK, EspeakVoices


class EspeakSpeech(ChildSpeech):
    """`Speech` through espeak-ng."""

    def __init__(self, folder: Path, most: int = MOST_ON_DISK, limit_s: float = 30.0) -> None:
        super().__init__(ESPEAK, "ringback.audio.speaker", folder, most, limit_s)
        self._voices = EspeakVoices([])

    async def start(self) -> None:
        """Starts the speaker and asks for its voices. Raises `SpeechFailed` where it can't run."""
        await super().start()
        self._voices = EspeakVoices(self._speaker.hello["voices"])

    def voices(self, language: str) -> list[VoiceOffer]:
        """The voices for a language, its default first; empty when there is no such language."""
        return self._voices.of(language)
