"""What a message sounds like, whatever it is made of: the one thing that a call engine asks for."""

from ..model.call import Cause
from ..model.message import VoiceMessage
from .files import AudioFiles, FileNotHad, FileNotPlayable
from .speech import Sound, Speech, SpeechFailed

NOT_HEARD: dict[type[Exception], Cause] = {
    FileNotHad: Cause.NO_AUDIO_FILE,
    FileNotPlayable: Cause.BAD_AUDIO_FILE,
    SpeechFailed: Cause.BAD_AUDIO_FILE,
}
"""Why there is nothing to be heard, and what a call then ends with, before anything rings (contract section 3)."""


class Announcements:
    """A text is spoken, a file is fetched."""

    def __init__(self, speech: Speech, files: AudioFiles) -> None:
        self._speech = speech
        self._files = files

    async def sound(self, message: VoiceMessage) -> Sound:
        """What is to be heard. Raises the exceptions of `NOT_HEARD`."""
        if message.audio_file_url is not None:
            return await self._files.sound(message.audio_file_url)
        return await self._speech.say(message.text or "", message.language, message.voice, message.speech_rate)
