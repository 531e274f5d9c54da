"""Sound and keys, between our phones and Debian's baresip; and G.711 against FFmpeg's."""

import math
import re
import shutil
import subprocess
import wave
from array import array
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from ringback.calls.phones.g711 import LAWS
from ringback.calls.phones.sounds import SOUNDS
from tests.calls.phones.box import Box
from tests.eventually import eventually

no_baresip = pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed (Debian: baresip)")
Samples = npt.NDArray[np.float64]
MODULES = Path("/usr/lib/baresip/modules")
CONFIG = """
sip_listen 127.0.0.1:0
audio_source aufile,{folder}/chirp.wav
audio_player aufile,{folder}/played.wav
audio_alert aufile,{folder}/alert.wav
module_path {modules}
module g711.so
module aufile.so
module sndfile.so
module_app menu.so
module_app account.so
snd_path {folder}
net_interface 127.0.0.1
"""


@pytest.mark.parametrize(("law", "name"), [(0, "pcm_mulaw"), (8, "pcm_alaw")])
def test_g711_is_what_others_say_it_is(law: int, name: str) -> None:
    codes = bytes(range(256))
    packet = av.Packet(codes)
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = 8000, "mono"
    theirs = decoder.decode(packet)[0].to_ndarray().astype("<i2").tobytes()
    assert LAWS[law].decode(codes) == theirs
    again = LAWS[law].encode(theirs)
    assert again == (codes.replace(b"\x7f", b"\xff") if law == 0 else codes)  # mu-law's minus zero is its zero


def chirp(seconds: float) -> "array[int]":
    """300 to 3000 Hz: like nothing else, so its place can be found."""
    times = (n / 8000 for n in range(int(seconds * 8000)))
    return array("h", (int(8000 * math.sin(math.tau * (300 * t + 1350 * t * t / seconds))) for t in times))


def likeness(heard: Samples, spoken: Samples) -> float:
    """The best correlation of a stretch of what was heard with all of what was spoken: 1 is the same."""
    size = len(heard) + len(spoken)
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(spoken, size)), size)
    at = int(np.argmax(product[: len(heard)]))
    stretch = heard[at : at + len(spoken)]
    return float(product[at] / (np.linalg.norm(stretch) * np.linalg.norm(spoken)))


def samples(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)


def baresip(box: Box, number: str, folder: Path) -> str:
    """Calls, speaks the chirp and hangs up a second and a half later, at its file's end; what it printed."""
    (folder / "config").write_text(CONFIG.format(folder=folder, modules=MODULES))
    (folder / "accounts").write_text("<sip:385981000@127.0.0.1>;regint=0;audio_codecs=PCMA\n")
    with wave.open(str(folder / "chirp.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(chirp(1.0).tobytes() + bytes(24_000))
    dial = f"/dial sip:{number}@127.0.0.1:{box.port}"
    command = ["baresip", "-f", str(folder), "-e", dial, "-t", "4", "-v"]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    return ran.stdout + ran.stderr


@no_baresip
def test_hears_and_presses(box: Box, tmp_path: Path) -> None:
    printed = baresip(box, "38598115", tmp_path)
    end = box.line(event="end", to="38598115")
    assert (end["by"], end["lost"]) == ("caller", 0), printed
    assert likeness(samples(box.audio / end["audio"]), np.array(chirp(1.0), float)) > 0.95
    pressed = "".join(line["key"] for line in box.lines(event="key", callId=end["callId"]))
    assert pressed == "1234#"
    got = re.findall(r"received event: '(.)' \(end=1\)", printed)
    assert "".join(got) == "1234#", printed


@no_baresip
def test_is_heard(box: Box, tmp_path: Path) -> None:
    baresip(box, "38598202", tmp_path)
    heard = eventually(lambda: sorted(tmp_path.glob("dump-*-dec.wav")), 5, "what baresip heard")
    assert likeness(samples(heard[0]), np.frombuffer(SOUNDS["hello"], np.int16).astype(float)) > 0.95
