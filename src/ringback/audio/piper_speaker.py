"""The child process that speaks with Piper: neural voices on the inside, frames on the outside.

Run as `python -m ringback.audio.piper_speaker`. Its hello is `{"version"}`; a request `{"parts", "voice", "rate"}` as
the speaker's, the voice being a file, or `{"load": file}`; an answer `{}` and samples at 8 kHz, or `{"error"}`.
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import onnxruntime
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig

from . import frames, inside
from .telephone import joined, levelled, resampled

MEMORY = 3 << 30
"""Bytes of address space; a voice takes some 100 MB, and speaking as much again."""

LONGEST = 3_600
"""Seconds of speech for one text."""

AT_ONCE = 300
"""Phonemes that are spoken in one breath: time and memory grow with their square, and 1400 letters without a full stop
took 16 seconds and 1.1 GB."""

MOST = 5_000
"""Phonemes of one text, some 20 seconds of work; 1400 letters are mostly 1500."""


class Breathing(PiperVoice):
    """A voice that takes breath in a long sentence."""

    def phonemize(self, text: str) -> list[list[str]]:
        """As Piper's, a long sentence in pieces. Raises ValueError for more than `MOST` of them."""
        sentences: list[list[str]] = super().phonemize(text)
        if sum(map(len, sentences)) > MOST:
            raise ValueError("the text takes too long to speak")
        return [piece for sentence in sentences for piece in breaths(sentence)]


def breaths(sentence: list[str]) -> Iterator[list[str]]:
    """Phonemes in pieces of at most `AT_ONCE`, parted between words where there are any."""
    while len(sentence) > AT_ONCE:
        words_end = next((n for n in range(AT_ONCE, AT_ONCE // 2, -1) if sentence[n - 1] == " "), AT_ONCE)
        yield sentence[:words_end]
        sentence = sentence[words_end:]
    yield sentence


class Piper:
    """The voices that were asked for so far, loaded once each."""

    def __init__(self) -> None:
        self._voices: dict[str, PiperVoice] = {}

    def voice(self, path: str) -> PiperVoice:
        """A voice file's. Raises what Piper raises of one that is no voice."""
        if path not in self._voices:
            self._voices[path] = _loaded(path)
        return self._voices[path]

    def speak(self, text: str, voice: PiperVoice, rate: float) -> bytes:
        """Samples at the voice's own rate. `[[` would begin phonemes: text is text."""
        scale = voice.config.length_scale / rate
        said = SynthesisConfig(length_scale=scale)
        return b"".join(chunk.audio_int16_bytes for chunk in voice.synthesize(text.replace("[[", "[ ["), said))


def answered(piper: Piper, request: dict[str, Any]) -> bytes:
    """The frame that answers a request; a text that can't be spoken is an error, not an end."""
    try:
        if "load" in request:
            piper.voice(request["load"])
            return frames.packed({})
        voice, rate = piper.voice(request["voice"]), request["rate"]
        spoken = (
            (piper.speak(text + "," * bool(pause), voice, rate) if text else b"", pause)
            for text, pause in request["parts"]
        )
        own_rate = voice.config.sample_rate
        return frames.packed({}, levelled(resampled(joined(spoken, own_rate, LONGEST), own_rate)))
    except Exception as e:  # onnxruntime has dozens, with no root of their own
        return frames.packed({"error": str(e)[:500] or type(e).__name__})


def _loaded(path: str) -> PiperVoice:
    """As `PiperVoice.load`, with a single thread: the calls need the others."""
    with open(f"{path}.json", encoding="utf-8") as described:
        config = PiperConfig.from_dict(json.load(described))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, sess_options=options, providers=["CPUExecutionProvider"])
    return Breathing(session=session, config=config)


def main() -> None:
    """Speaks until stdin ends."""
    inside.limit(MEMORY)
    piper = Piper()
    hello = {"version": version("piper-tts")}
    inside.answer_all(inside.own_stdout(), hello, lambda request, _: answered(piper, request))


if __name__ == "__main__":
    main()
