"""Debian's baresip as the phone that is called: it answers, plays a file, keeps what it hears, presses keys."""

import socket
import subprocess
import wave
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.calls.sipp import is_taken
from tests.eventually import eventually

_CONFIG = """
sip_listen 127.0.0.1:{port}
audio_source aufile,{folder}/says.wav
audio_player aufile,{folder}/heard.wav
audio_alert aufile,{folder}/alert.wav
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module aufile.so
module sndfile.so
snd_path {folder}
module_app menu.so
module_app account.so
net_interface 127.0.0.1
"""


class Baresip:
    """A running one. Its log has every SIP message."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        self.port = port
        self._process = process
        self._log = folder / "log"
        self._folder = folder

    def heard(self) -> Path | None:
        """What it heard, as WAV."""
        return next(iter(self._folder.glob("dump-*-dec.wav")), None)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def press(self, keys: str) -> None:
        """What is typed while a call is up is sent to it."""
        assert self._process.stdin
        self._process.stdin.write(keys.encode())
        self._process.stdin.flush()


def _free_port() -> int:
    """It takes the port for UDP and TCP, and the next one for TLS."""
    while True:
        with ExitStack() as stack:
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind(("127.0.0.1", 0))
            port = int(udp.getsockname()[1])
            with suppress(OSError, OverflowError):
                for number in (port, port + 1):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", number))
                return port


def write_wav(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(pcm)


@contextmanager
def running_baresip(folder: Path, says: bytes, codec: str = "PCMA") -> Iterator[Baresip]:
    folder.mkdir()
    port = _free_port()
    (folder / "config").write_text(_CONFIG.format(folder=folder, port=port))
    account = f"<sip:38598102@127.0.0.1>;regint=0;answermode=auto;audio_codecs={codec}/8000/1\n"
    (folder / "accounts").write_text(account)
    (folder / "contacts").write_text("")
    write_wav(folder / "says.wav", says)
    write_wav(folder / "alert.wav", bytes(160))
    with (folder / "log").open("wb") as log:
        command = ["stdbuf", "-oL", "baresip", "-f", str(folder), "-s"]
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            eventually(lambda: is_taken(port) or process.poll() is not None, 10, "baresip at its port")
            assert process.poll() is None, (folder / "log").read_text()
            yield Baresip(process, port, folder)
        finally:
            process.kill()
            process.communicate()
