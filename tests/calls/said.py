"""Speech and sounds that a test can recognise again, and the terms of a call."""

import time
import uuid
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ringback.audio.announcements import Announcements
from ringback.audio.files import AudioFiles
from ringback.audio.recordings import Recordings
from ringback.audio.speech import TELEPHONE_RATE, Sound, Speech, SpeechFailed, VoiceOffer
from ringback.model.account import Account
from ringback.model.call import Call
from ringback.model.message import Network, Voice, VoiceMessage
from ringback.model.times import Instant
from ringback.outgoing import Outgoing
from tests.receiver import LOOPBACK

Samples = npt.NDArray[np.float64]


def now() -> Instant:
    return time.time_ns() // 1_000_000


def sound(seconds: float, seed: int = 1) -> bytes:
    """Noise below 2 kHz, another one for each seed: it resembles nothing but itself."""
    noise = np.random.default_rng(seed).normal(size=int(seconds * TELEPHONE_RATE))
    smooth = np.convolve(noise, np.hanning(6), "same")
    return (smooth / np.abs(smooth).max() * 20_000).astype("<i2").tobytes()


def samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(float)


def channels(path: Path) -> list[Samples]:
    """The sides of a WAV file."""
    with wave.open(str(path)) as file:
        assert (file.getsampwidth(), file.getframerate()) == (2, TELEPHONE_RATE)
        pcm = samples(file.readframes(file.getnframes()))
        return [pcm[side :: file.getnchannels()] for side in range(file.getnchannels())]


def likeness(heard: Samples, said: Samples) -> tuple[float, float]:
    """How much of `said` is somewhere in `heard` (1: all of it, unchanged) and at which second it begins."""
    size = 1 << (len(heard) + len(said)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    at = int(np.argmax(product[: len(heard)]))
    there = heard[at : at + len(said)]
    norm = np.linalg.norm(there) * np.linalg.norm(said)
    return float(product[at] / norm) if norm else 0.0, at / TELEPHONE_RATE


class Speaker:
    """Implements `Speech`: says noise, as many seconds as the text's number tells."""

    async def start(self) -> None: ...

    async def say(self, text: str, language: str, voice: Voice, rate: float = 1.0) -> Sound:
        if text == "unspeakable":
            raise SpeechFailed("nobody can say this")
        return Sound(sound(float(text)))

    def voices(self, language: str) -> list[VoiceOffer]:
        return []

    async def stop(self) -> None: ...


@asynccontextmanager
async def opened_files(recordings: Recordings) -> AsyncIterator[AudioFiles]:
    """Real files from servers of this machine, kept beside the recordings."""
    outgoing = Outgoing(LOOPBACK)
    files = AudioFiles(recordings._folder.with_name("files"), outgoing)
    yield files
    await files.stop()
    await outgoing.close()


def announcements(speech: Speech, recordings: Recordings) -> Announcements:
    """What `speech` says, and no files."""
    return Announcements(speech, AudioFiles(recordings._folder.with_name("files"), Outgoing()))


def call(to: str = "38598102", text: str = "0.5", network: Network = Network.SANDBOX, **message: Any) -> Call:
    """One attempt; what is said lasts `text` seconds."""
    said = VoiceMessage(text=text, **message)
    return Call(Account(1, "Aladdin"), "bulk", str(uuid.uuid4()), 1, to, network, said, now())
