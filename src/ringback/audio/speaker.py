"""The child process that speaks: espeak-ng on the inside, frames on the outside.

Run as `python -m ringback.audio.speaker`. Its hello is `{"version", "voices": [[name, identifier, gender,
[[priority, language], ...]], ...]}`, a request `{"text", "voice"}` (an identifier, perhaps `+variant`), an
answer `{}` and samples at 8 kHz, or `{"error"}`. It imports little: it may have to start often.
"""

import contextlib
import ctypes
import os
import queue
import resource
import signal
import sys
import threading
import unicodedata
from typing import Any, BinaryIO, TypeAlias

import espeakng_loader

from . import frames
from .telephone import levelled, resampled

MEMORY = 1 << 30
"""Bytes of address space; importing PyAV and espeak-ng takes a quarter of it."""

LONGEST = 3_600
"""Seconds of speech for one text; the slowest 1400 characters found (Chinese, read by `en`) last 850."""

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS, speak_lib.h
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: report missing data instead of leaving
_UTF8 = 1  # espeakCHARS_UTF8; neither espeakSSML (0x10) nor espeakPHONEMES (0x100): text is text
_NEVER_SPOKEN = {"Cc", "Cs", "Co"}  # controls (U+0001 starts an espeak command), surrogates, private use

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

    def speak(self, text: str, voice: str) -> bytes:
        """Samples at `rate`; at most `LONGEST` seconds and a little. Raises ValueError, MemoryError."""
        self._heard.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"espeak-ng has no voice {voice}")
        plain = plain_text(text).encode() + b"\0"
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


def plain_text(text: str) -> str:
    """The text with a space for each character that is no text but could be a command to espeak."""
    return "".join(" " if unicodedata.category(c) in _NEVER_SPOKEN else c for c in text)


def answered(espeak: Espeak, request: dict[str, Any]) -> bytes:
    """The frame that answers a request; a text that can't be spoken is an error, not an end."""
    try:
        samples = espeak.speak(request["text"], request["voice"])
        return frames.packed({}, levelled(resampled(samples, espeak.rate)))
    except (ValueError, MemoryError) as e:
        return frames.packed({"error": str(e) or "the text takes too much memory"})


def _read_all(stream: BinaryIO, requests: "queue.SimpleQueue[dict[str, Any]]") -> None:
    while frame := frames.read(stream):
        requests.put(frame[0])
    os._exit(0)  # our parent has closed the pipe, or is dead: leave, whatever espeak is doing


def _own_stdout() -> BinaryIO:
    """The pipe to our parent, for us alone: what a library prints goes to stderr."""
    mine = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(mine, "wb")


def _limit() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is our parent's to answer
    with contextlib.suppress(ValueError, OSError):  # not every system has every limit
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main() -> None:
    """Speaks until stdin ends."""
    _limit()
    answers, espeak = _own_stdout(), Espeak()
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read_all, args=(sys.stdin.buffer, requests), daemon=True).start()
    answers.write(frames.packed({"version": espeak.version(), "voices": espeak.voices()}))
    answers.flush()
    while True:
        answers.write(answered(espeak, requests.get()))
        answers.flush()


if __name__ == "__main__":
    main()
