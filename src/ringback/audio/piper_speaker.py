"""The child process that speaks with Piper: neural voices on the inside, frames on the outside.

Run as `python -m ringback.audio.piper_speaker`. Its hello is `{"version"}`; a request `{"parts", "voice", "rate"}` as
the speaker's, the voice being a file, or `{"load": file}`; an answer `{}` and samples at 8 kHz, or `{"error"}`.
"""

import json
import re
import textwrap
from importlib.metadata import version
from typing import Any

import onnxruntime
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig

from . import frames, inside
from .telephone import joined, levelled, resampled

MEMORY = 3 << 30
"""Bytes of address space; a voice takes some 100 MB, and speaking as much again."""

LONGEST_AT_ONCE = 200
"""Characters that are spoken in one breath: a sentence of 1400 would take 1.1 GB and thrice the time of its parts."""

LONGEST = 3_600
"""Seconds of speech for one text."""

_SENTENCE_ENDS = re.compile(r"(?<=[.!?;:。！？])\s+")


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
        pieces = breaths(text.replace("[[", "[ ["))
        return b"".join(chunk.audio_int16_bytes for piece in pieces for chunk in voice.synthesize(piece, said))


def breaths(text: str) -> list[str]:
    """The text in pieces of at most `LONGEST_AT_ONCE` characters, whole sentences where they are no longer."""
    sentences = _SENTENCE_ENDS.split(text)
    return [piece for sentence in sentences for piece in textwrap.wrap(sentence, LONGEST_AT_ONCE)]


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
    return PiperVoice(session=session, config=config)


def main() -> None:
    """Speaks until stdin ends."""
    inside.limit(MEMORY)
    piper = Piper()
    hello = {"version": version("piper-tts")}
    inside.answer_all(inside.own_stdout(), hello, lambda request, _: answered(piper, request))


if __name__ == "__main__":
    main()
