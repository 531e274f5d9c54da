"""Strangers' files become sound, or a reason why not; the process that reads them can't be hurt for long."""

import io
import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from ringback.audio.child import Child
from ringback.audio.decoder import LONGEST, MEMORY, NotPlayable, answered, decoded, format_of
from ringback.audio.frames import LENGTHS
from ringback.audio.telephone import LEVEL, RATE
from tests.audio.encoded import FORMATS, file_of, quiet_aac


def loudness(samples: bytes) -> float:
    heard = np.frombuffer(samples, "<i2").astype(float)
    return float(20 * np.log10(np.sqrt((heard**2).mean()) / 32_768))


def pitch(samples: bytes) -> float:
    heard = np.frombuffer(samples, "<i2").astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(heard))) * RATE / len(heard))


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_of_the_contract(kind: str) -> None:
    sound = decoded(file_of(kind))
    assert len(sound) / 2 / RATE == pytest.approx(2, abs=0.15)
    assert pitch(sound) == pytest.approx(440, abs=2)
    assert loudness(sound) == pytest.approx(LEVEL, abs=1)


def test_what_the_telephone_can_t_carry_is_gone_and_not_folded_into_it() -> None:
    heard = np.frombuffer(decoded(_both()), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    spectrum[: int(900 * len(heard) / RATE)] = 0  # the tone that may pass
    assert spectrum.max() < np.abs(np.fft.rfft(heard * np.hanning(len(heard)))).max() / 1000


def _both() -> bytes:
    """A WAV file of 600 Hz and 5 kHz; the latter would be heard at 3 kHz."""
    low, high = file_of("wav", hertz=600), file_of("wav", hertz=5_000)
    mixed = np.frombuffer(low[-100_000:], "<i2") // 2 + np.frombuffer(high[-100_000:], "<i2") // 2
    return low[:-100_000] + mixed.astype("<i2").tobytes()


def test_a_tag_before_the_sound_is_no_matter() -> None:
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 2, 0]) + bytes(256)
    assert format_of(tag + file_of("aac")) == "aac"
    assert format_of(tag + file_of("mp3")) == "mp3"
    assert len(decoded(tag + file_of("mp3"))) > RATE * 3


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "none of wav"),
        (b"<!DOCTYPE html><html><body>not found</body></html>", "none of wav"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "none of wav"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "none of wav"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "none of wav"),
        (b"\xff\xfb\x90\x00<html>" * 3, "."),
        (b"RIFF\xff\xff\xff\xffWAVE", "can't be read as wav|no sound"),
        (b"OggS" + bytes(1000), "can't be read as ogg|no sound"),
        (file_of("mp4")[:2_000], "can't be read as mov"),
        (file_of("mp4", video=True), "it holds video"),
        (b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f", "."),
    ],
    ids=range(11),
)
def test_what_is_no_sound(file: bytes, reason: str) -> None:
    with pytest.raises(NotPlayable, match=reason):
        decoded(file)


@pytest.mark.parametrize("kind", ["wav", "mp3", "ogg_opus", "aac"])
def test_the_first_half_of_a_file_is_heard(kind: str) -> None:
    whole = file_of(kind)
    assert len(decoded(whole[: len(whole) // 2])) / 2 / RATE == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("kind", FORMATS)
def test_noise_in_a_file_ends_nothing(kind: str) -> None:
    whole = bytearray(file_of(kind, 1))
    noise = np.random.default_rng(1).integers(0, len(whole), 300)
    for place in noise:
        whole[place] ^= 0x55
    assert len(answered(bytes(whole))) > LENGTHS.size


def test_an_unusual_rate_takes_no_memory() -> None:
    wav = bytearray(file_of("wav", 0.1))
    wav[24:28] = (2_000_000_000).to_bytes(4, "little")
    with pytest.raises(NotPlayable, match=r"sample rate|read as wav"):
        decoded(bytes(wav))
    wav[24:28] = (1).to_bytes(4, "little")
    with pytest.raises(NotPlayable, match="sample rate"):
        decoded(bytes(wav))


def test_a_small_file_of_hours_fails_cleanly() -> None:
    bomb = quiet_aac(3 * LONGEST)
    assert len(bomb) < 4 << 20
    with pytest.raises(NotPlayable, match=f"longer than {LONGEST} seconds"):
        decoded(bomb)


def test_many_channels_at_a_high_rate_count_as_what_they_cost() -> None:
    def silence(channels: int) -> bytes:
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setparams((channels, 2, 96_000, 0, "NONE", ""))
            file.writeframes(bytes(2 * channels * 90_000))
        return out.getvalue()

    assert decoded(silence(1), longest=1)
    with pytest.raises(NotPlayable, match="too many samples"):
        decoded(silence(8), longest=1)


async def test_in_a_process_of_its_own_with_limits() -> None:
    decoder = Child("ringback.audio.decoder", 30)
    answer, samples = await decoder.ask({}, file_of("mp3"))
    assert answer == {}
    assert len(samples) / 2 / RATE == pytest.approx(2, abs=0.1)
    assert "none of" in (await decoder.ask({}, b"<html>"))[0]["error"]
    assert decoder.pid != os.getpid()
    assert _memory_of(decoder.pid) == [str(MEMORY)] * 2
    await decoder.stop()


def _memory_of(pid: int | None) -> list[str]:
    limits = Path(f"/proc/{pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max address space")]
    return line.split()[3:5]


def test_the_server_itself_decodes_nothing() -> None:
    code = "import sys, ringback.app; print([m for m in ('av', 'piper', 'onnxruntime') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
