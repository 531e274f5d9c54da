"""Server processes: Ringback as `ringback serve` starts it, and the same HTTP server with a fixed answer."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .figures import Invalid

_READY_WITHIN = 30.0  # seconds
_STOP_WITHIN = 60.0


class Served:
    """A server process under way. `log` is what it said."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path, supervised: bool) -> None:
        self._process, self._supervised = process, supervised
        self.port, self.log = port, log

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that serves: the child of the one that starts it again."""
        pid = self._process.pid
        if not self._supervised:
            return pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0])

    def peak_mb(self) -> float:
        """The most memory that the server process ever held at once (VmHWM), in MB of 10^6 bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024 / 1e6

    def is_up(self) -> bool:
        """Whether it answers HTTP. Raises `Invalid` when it is gone."""
        if self._process.poll() is not None:
            raise Invalid(f"the server ended with {self._process.returncode}: {self.log.read_text()[-2000:]}")
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            with contextlib.closing(link):
                link.request("GET", "/docs")
                link.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        return True

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def ringback(folder: Path, *, watched: Sequence[str] = (), flags: Sequence[str] = ()) -> Iterator[Served]:
    """`ringback serve` on a data folder. With `watched`, by bench/watched.py, told these words."""
    port = _free_port()
    settings = ["--http", f"127.0.0.1:{port}", "--data", str(folder), "--log-format", "json", *flags]
    program = ["bench.watched", *watched, "--"] if watched else ["ringback", "serve"]
    with _process([*program, *settings], port, folder / "serve.log", True) as served:
        yield served


@contextlib.contextmanager
def fixed(folder: Path, bodies: dict[str, bytes]) -> Iterator[Served]:
    """The same HTTP server with the same settings, which answers `/NAME` with a fixed body."""
    folder.mkdir(parents=True)
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    port = _free_port()
    with _process(["bench.fixed", str(port), str(folder)], port, folder / "serve.log", False) as served:
        yield served


@contextlib.contextmanager
def _process(module: Sequence[str], port: int, log: Path, supervised: bool) -> Iterator[Served]:
    with log.open("wb") as said:
        process = subprocess.Popen([sys.executable, "-m", *module], stdout=said, stderr=subprocess.STDOUT, env=_ours())
    served = Served(process, port, log, supervised)
    try:
        until = time.monotonic() + _READY_WITHIN
        while not served.is_up():
            if time.monotonic() > until:
                raise Invalid(f"the server did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield served
    finally:
        served.stop()


def _ours() -> dict[str, str]:
    """The environment without settings of somebody's own Ringback."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
