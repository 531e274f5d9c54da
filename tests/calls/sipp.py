"""sipp as the phone that is called: a SIP program that we did not write."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.calls.scenario import scenario
from tests.eventually import eventually, eventually_async


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def is_taken(port: int) -> bool:
    return f"0100007F:{port:04X} " in Path("/proc/net/udp").read_text()


class Sipp:
    """A running sipp; it ends by itself after so many calls."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        self.port = port
        self._process = process
        self._folder = folder

    def messages(self, start: str = "") -> list[str]:
        """What it sent and heard, in order; only what begins like that."""
        log = self._folder / "messages.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        found = re.split(r"^-{20,}.*\n(?:UDP message .*\n\n)?", text, flags=re.MULTILINE)
        return [message for message in found if message.strip() and message.startswith(start)]

    async def invited(self) -> str:
        """The INVITE, as soon as it is there."""
        return (await eventually_async(lambda: self.messages("INVITE "), 5, "an INVITE"))[0]

    async def ended_well(self) -> None:
        """Every call went as in the scenario, to the last message."""
        await eventually_async(lambda: self._process.poll() is not None, 10, "the end of sipp")
        code = str(self._process.returncode)
        errors = "\n".join(log.read_text() for log in self._folder.glob("errors.log"))
        assert code == "0", errors or (self._folder / "out").read_text()


@contextmanager
def running_sipp(folder: Path, *steps: str, calls: int = 1) -> Iterator[Sipp]:
    folder.mkdir(exist_ok=True)
    (folder / "phone.xml").write_text(scenario(*steps))
    port = free_port()
    command = ["sipp", "127.0.0.1", "-i", "127.0.0.1", "-p", str(port), "-sf", "phone.xml", "-m", str(calls)]
    logs = ["-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log"]
    media = ["-mp", str(free_port() & ~1), "-nostdin", "-timeout", "50"]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen([*command, *logs, *media], cwd=folder, stdout=out, stderr=out)
        try:
            eventually(lambda: is_taken(port) or process.poll() is not None, 10, "sipp at its port")
            assert process.poll() is None, (folder / "out").read_text() + str(list(folder.glob("*")))
            yield Sipp(process, port, folder)
        finally:
            process.kill()
            process.wait()
