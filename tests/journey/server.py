"""A real `ringback serve` in processes of its own, on a free port, with its own data folder."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

import httpx

from tests.eventually import eventually

T = TypeVar("T")

RINGBACK = Path(sys.executable).with_name("ringback")
PASSWORD = "open sesame"
READY, ENDED = "Ringback is ready at", "The demonstration call has ended"
START_S, STOP_S = 30, 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")} | more


def run(*arguments: object, typed: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
    """The installed command, with what is typed on its standard input."""
    command = [str(RINGBACK), *map(str, arguments)]
    return subprocess.run(
        command, input=typed, env=clean_environment(**env), capture_output=True, text=True, timeout=60, check=False
    )


def body(to: str | Sequence[Any], **more: Any) -> dict[str, Any]:
    """An advanced request of one message."""
    numbers = [to] if isinstance(to, str) else to
    destinations = [{"to": one} if isinstance(one, str) else one for one in numbers]
    return {"messages": [{"destinations": destinations, "text": "Please press one.", "maxDtmf": 1} | more]}


class Output:
    """What a process prints, line by line, as it comes."""

    def __init__(self, stream: Any) -> None:
        self.lines: list[str] = []
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self.lines.append(line)

    def finish(self) -> None:
        self._thread.join(STOP_S)

    @property
    def text(self) -> str:
        return "".join(list(self.lines))


class Server:
    """`start` waits until it is ready. Whatever it leaves behind is found by its mark and by its sessions."""

    def __init__(self, data: Path, *, demo: bool = False, port: int = 0, flags: Sequence[object] = (), **env: str):
        self.data, self.demo, self.flags, self.env = data, demo, [str(flag) for flag in flags], env
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.mark = f"mark-{uuid.uuid4()}"
        self.sessions: set[int] = set()
        self.errors_are_expected = False

    # -- its life ------------------------------------------------------------------------------------------
    def start(self, *, ready: bool = True) -> "Server":
        command = [RINGBACK, "serve", "--http", f"127.0.0.1:{self.port}", "--data", self.data, "--log-format", "json"]
        self.parent = subprocess.Popen(
            [*map(str, command), *(["--demo"] if self.demo else []), *self.flags],
            env=clean_environment(JOURNEY_MARK=self.mark, PYTHONUNBUFFERED="1", **self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out, self.err = Output(self.parent.stdout), Output(self.parent.stderr)
        if ready:
            self.until_ready()
        return self

    def until_ready(self, times: int = 1) -> None:
        def ready_or_gone() -> bool:
            return self.out.text.count(READY) >= times or self.parent.poll() is not None

        eventually(ready_or_gone, START_S, "the server is ready")
        assert self.out.text.count(READY) >= times, f"exit code {self.parent.poll()}: {self.err.text}"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        if self.parent.poll() is None:
            self.note_session()
            self.parent.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self.parent.wait(STOP_S)
        self.out.finish()
        self.err.finish()
        return code

    def kill(self, who: str) -> int:
        """`kill -9` of the parent or of the server process; the latter's id."""
        self.note_session()
        server = self.server_pid
        os.kill(self.parent.pid if who == "parent" else server, signal.SIGKILL)
        return server

    def note_session(self) -> None:
        self.sessions.update(children(self.parent.pid))

    # -- its processes -------------------------------------------------------------------------------------
    @property
    def server_pid(self) -> int:
        (found,) = children(self.parent.pid)
        return found

    @property
    def phones_pid(self) -> int:
        return self._child("ringback.calls.phones")

    @property
    def speech_pid(self) -> int:
        return self._child("ringback.audio.speaker")

    def has_server(self) -> bool:
        return len(children(self.parent.pid)) == 1

    def _child(self, module: str) -> int:
        (found,) = [pid for pid in children(self.server_pid) if module in command_line(pid)]
        return found

    def left(self) -> list[str]:
        """Living processes that carry its mark or belong to one of its sessions."""
        return [f"{pid} {command_line(pid)}" for pid, marked, of in living(self.mark) if marked or of in self.sessions]

    def left_of_session(self, session: int) -> list[int]:
        return [pid for pid, _, of in living(self.mark) if of == session]

    def nothing_left(self, within_s: float = 5) -> None:
        eventually(lambda: self.left() == [], within_s, "nothing is left behind")

    def faults(self) -> list[str]:
        """What it logged as an error or worse, or did not log but print."""
        return [line for line in list(self.err.lines) if not line.startswith("{") or is_fault(line)]

    # -- its phones ----------------------------------------------------------------------------------------
    def diary(self) -> list[dict[str, Any]]:
        return diary(self.data / "phones.log")

    def invites(self) -> Counter[str]:
        """How many INVITEs each number got."""
        return Counter(line["to"] for line in self.diary() if line["event"] == "invite" and not line.get("again"))

    def finished(self) -> list[str]:
        """The message ids that this run's log calls finished, in order."""
        told = [json.loads(line) for line in list(self.err.lines) if line.startswith("{")]
        return [line["message_id"] for line in told if line["event"] == "finished"]

    def connected(self) -> bool:
        """Whether it takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connections(self) -> int:
        """How many connections to it are open, by the kernel's own table."""
        port = f":{self.port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(port) and row[3] == "01" for row in rows)

    # -- its customers -------------------------------------------------------------------------------------
    def customer(self, name: str = "Aladdin") -> "Customer":
        return Customer(self.url, name)

    def add(self, name: str, *flags: object) -> str:
        """A new account of the running server, effective within two seconds; its API key."""
        added = run("account", "add", name, "--data", self.data, *flags, typed=PASSWORD + "\n")
        assert added.returncode == 0, added.stderr
        with self.customer(name) as client:
            eventually(lambda: client.get("/tts/3/reports").status_code == 200, 2, f"{name} is let in")
        return added.stdout.strip()


class Customer(httpx.Client):
    """An account's HTTP client."""

    def __init__(self, url: str, name: str, password: str = PASSWORD) -> None:
        self.name = name
        super().__init__(base_url=url, auth=(name, password), timeout=90, trust_env=False)

    def phone(self, message: dict[str, Any], path: str = "/tts/3/advanced") -> list[str]:
        """Sends; the message ids."""
        answer = self.post(path, json=message)
        assert answer.status_code == 200, answer.text
        return [one["messageId"] for one in answer.json()["messages"]]

    def take(self, headers: dict[str, str] | None = None, **query: Any) -> list[dict[str, Any]]:
        answer = self.get("/tts/3/reports", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["results"]
        return found

    def collect(self, count: int, within_s: float = 30) -> list[dict[str, Any]]:
        """`count` reports, as they come."""
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            found.extend(self.take({"Prefer": "wait=5"}))
            return len(found) >= count

        eventually(enough, within_s, f"{count} reports")
        assert len(found) == count
        return found


def basic(name: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def living(mark: str) -> Iterator[tuple[int, bool, int]]:
    """Every process that is no zombie: its id, whether its environment holds the mark, its session."""
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        try:
            state, session = status_of(pid)
            marked = mark.encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if state not in "ZX":
            yield pid, marked, session


def status_of(pid: int) -> tuple[str, int]:
    """A process's state and its session."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return after_name[0], int(after_name[3])


def is_fault(line: str) -> bool:
    return json.loads(line)["level"] in ("error", "critical", "exception")


def tree(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own server's, or the founding page's


def diary(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def at_once(count: int, act: Callable[[int], T]) -> list[T]:
    """`act(0)`, `act(1)`, … each in a thread of its own; what they gave. The first fault is raised."""
    gave: dict[int, T] = {}
    faults: list[BaseException] = []

    def one(number: int) -> None:
        try:
            gave[number] = act(number)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    for fault in faults:
        raise fault
    return [gave[number] for number in range(count)]
