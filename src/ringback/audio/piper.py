"""Speech by Piper, with the voice files that the operator names, in a child process: it is GPL, and large."""

from collections.abc import Sequence
from pathlib import Path

from ..model.voice import VoiceFile
from .speaking import MOST_ON_DISK, ChildSpeech
from .speech import SpeechFailed, VoiceOffer

PIPER = "Piper"


class PiperSpeech(ChildSpeech):
    """`Speech` through Piper. The first file of a language is its default voice.

    A file for `en` speaks all its regions, unless one has files of its own (`en-gb`).
    """

    def __init__(
        self, files: Sequence[VoiceFile], folder: Path, most: int = MOST_ON_DISK, limit_s: float = 60.0
    ) -> None:
        super().__init__(PIPER, "ringback.audio.piper_speaker", folder, most, limit_s)
        self._files = files
        self._stamps: dict[str, str] = {}

    async def start(self) -> None:
        """Starts the speaker, and has it load every voice. Raises `SpeechFailed`, naming the file that is none."""
        await super().start()
        for file in self._files:
            answer, _ = await self._asked({"load": str(file.path)})
            if "error" in answer:
                raise SpeechFailed(f"{file.path} is not a voice that Piper can speak with: {answer['error']}")
            stat = file.path.stat()
            self._stamps[str(file.path)] = f"{stat.st_size} {stat.st_mtime_ns}"

    def voices(self, language: str) -> list[VoiceOffer]:
        """The operator's voices for a language, its default first; empty when there is none."""
        wanted = language.casefold().replace("_", "-")
        files = self._of(wanted) or self._of(wanted.partition("-")[0])
        return [_offer(file, file is files[0]) for file in files]

    def _of(self, language: str) -> list[VoiceFile]:
        return [file for file in self._files if file.language == language]

    def _made_of(self, voice: VoiceOffer) -> str:
        return f"{voice.key} {self._stamps.get(voice.key)}"


def _offer(file: VoiceFile, is_default: bool) -> VoiceOffer:
    also = (file.path.stem.casefold(),)
    return VoiceOffer(file.name, file.gender, is_default, str(file.path), PIPER, is_neural=True, also=also)
