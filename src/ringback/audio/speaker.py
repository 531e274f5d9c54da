"""The child process that speaks: espeak-ng on the inside, frames on the outside.

Run as `python -m ringback.audio.speaker`. Its hello is `{"version", "voices": [[name, identifier, gender,
[[priority, language], ...]], ...]}`, a request `{"parts": [[text, seconds of silence after it], ...], "voice",
"rate"}` (an identifier, perhaps `+variant`; 1 is the usual rate), an answer `{}` and samples at 8 kHz, or
`{"error"}`. It imports little: it may have to start often.
"""

import ctypes
import os
from typing import Any, TypeAlias

import espeakng_loader

from . import frames, inside
from .telephone import joined, levelled, resampled

MEMORY = 1 << 30
"""Bytes of address space; importing PyAV and espeak-ng takes a quarter of it."""

LONGEST = 3_600
"""Seconds of speech for one text; the slowest 1400 characters found (Chinese, read by `en`) last 850."""

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS, speak_lib.h
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: report missing data instead of leaving
_UTF8 = 1  # espeakCHARS_UTF8; neither espeakSSML (0x10) nor espeakPHONEMES (0x100): text is text
_RATE, _USUAL_RATE = 1, 175  # espeakRATE, in words a minute; espeakRATE_NORMAL

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
Voice: TypeAlias = tuple[str, str, int, list[tuple[int, str]]]
"""Name, identifier, gender (1 male, 2 female), [(priority, language)]."""


class _Voice(ctypes.Structure):
    """espeak_VOICE, speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class Espeak:
    """The library, loaded once. Not thread-safe, and there is one of it in a process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self._library.espeak_Info.restype = ctypes.c_char_p
        data = os.fsencode(espeakng_loader.get_data_path())
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, _DONT_EXIT)
        if self.rate <= 0:
            raise OSError(f"espeak-ng finds no data in {data!r}")
        self._heard = bytearray()
        self._callback = _Callback(self._take)  # kept: the library holds only a pointer to it
        self._library.espeak_SetSynthCallback(self._callback)

    def version(self) -> str:
        """Such as 1.52.0."""
        return str(self._library.espeak_Info(None).decode())

    def voices(self) -> list[Voice]:
        """Every voice, then every variant, in espeak's order."""
        variants = ctypes.create_string_buffer(b"variant\0")
        wanted = _Voice(languages=ctypes.addressof(variants))
        return self._listed(None) + self._listed(ctypes.byref(wanted))

    def choose(self, voice: str, rate: float) -> None:
        """Who speaks from now on, and how fast. Raises ValueError."""
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"espeak-ng has no voice {voice}")
        self._library.espeak_SetParameter(_RATE, round(rate * _USUAL_RATE), 0)

    def speak(self, text: str) -> bytes:
        """Samples at `rate`; at most `LONGEST` seconds and a little. Raises ValueError, MemoryError."""
        self._heard.clear()
        plain = text.encode() + b"\0"
        failed = self._library.espeak_Synth(plain, ctypes.c_size_t(len(plain)), 0, 0, 0, _UTF8, None, None)
        if failed:
            raise ValueError(f"espeak-ng failed with {failed}")
        if self._full():
            raise ValueError(f"the text takes longer than {LONGEST} seconds to speak")
        return bytes(self._heard)

    def _full(self) -> bool:
        return bool(len(self._heard) > LONGEST * self.rate * 2)

    def _take(self, samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._heard += ctypes.string_at(samples, count * 2)
        return int(self._full())  # 1 ends the synthesis

    def _listed(self, wanted: Any) -> list[Voice]:
        listed = self._library.espeak_ListVoices(wanted)
        found: list[Voice] = []
        while listed[len(found)]:
            voice = listed[len(found)].contents
            languages = _languages(voice.languages)
            found.append((voice.name.decode().strip(), voice.identifier.decode(), voice.gender, languages))
        return found


def _languages(address: int) -> list[tuple[int, str]]:
    """A list in espeak's form: a byte of priority and a NUL-ended name, again and again, and a zero byte."""
    found = []
    while priority := ctypes.string_at(address, 1)[0]:
        name = ctypes.string_at(address + 1)
        found.append((priority, name.decode()))
        address += len(name) + 2
    return found


def answered(espeak: Espeak, request: dict[str, Any]) -> bytes:
    """The frame that answers a request; a text that can't be spoken is an error, not an end."""
    try:
        espeak.choose(request["voice"], request["rate"])
        # a comma stays with the words before it: it is heard in their tune
        spoken = [(espeak.speak(text + "," * bool(pause)) if text else b"", pause) for text, pause in request["parts"]]
        return frames.packed({}, levelled(resampled(joined(spoken, espeak.rate, LONGEST), espeak.rate)))
    except (ValueError, MemoryError) as e:
        return frames.packed({"error": str(e) or "the text takes too much memory"})


def main() -> None:
    """Speaks until stdin ends."""
    inside.limit(MEMORY)
    answers, espeak = inside.own_stdout(), Espeak()
    hello = {"version": espeak.version(), "voices": espeak.voices()}
    inside.answer_all(answers, hello, lambda request, _: answered(espeak, request))


if __name__ == "__main__":
    main()
