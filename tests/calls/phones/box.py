"""The phones' process under test, its log, and a caller that speaks raw SIP, so that it can misbehave."""

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.eventually import eventually

PACE = 0.1
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class Box:
    """Phones that somebody started: their port and their log."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.audio = folder / "audio"
        self._log = folder / "phones.log"

    def lines(self, **wanted: object) -> list[dict[str, Any]]:
        lines = map(json.loads, self._log.read_text().splitlines())
        return [line for line in lines if wanted.items() <= line.items()]

    def line(self, **wanted: object) -> dict[str, Any]:
        """The only line of that kind, as soon as it is there."""
        lines = eventually(lambda: self.lines(**wanted), 10, f"a line {wanted}")
        assert len(lines) == 1
        return lines[0]


@contextmanager
def running_box(folder: Path, *options: str) -> Iterator[Box]:
    (folder / "audio").mkdir()
    command = [sys.executable, "-m", "ringback.calls.phones", "--log", str(folder / "phones.log"), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield Box(json.loads(process.stdout.readline())["port"], folder)
        process.kill()


class Caller:
    """One call, message by message."""

    def __init__(self, port: int, number: str) -> None:
        self.sip = _socket()
        self.rtp = _socket()
        self.call_id = secrets.token_hex(8)
        self._phone = ("127.0.0.1", port)
        self._number = number
        self.to_tag, self.from_tag = "", "a"

    def say(self, method: str, cseq: int, body: bytes = b"", branch: str = "", more: str = "") -> str:
        host, port = self.sip.getsockname()
        branch = branch or "z9hG4bK" + secrets.token_hex(8)
        head = (
            f"{method} sip:{self._number}@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch={branch};rport\r\n"
            f'From: "A, B" <sip:38598999@127.0.0.1>;tag={self.from_tag}\r\n'
            f"To: <sip:{self._number}@127.0.0.1>{self.to_tag}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:me@{host}:{port}>\r\n"
            f"Max-Forwards: 70\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        )
        self.raw(head.encode() + body)
        return branch

    def raw(self, datagram: bytes) -> None:
        self.sip.sendto(datagram, self._phone)

    def hear(self, timeout_s: float = 5) -> str:
        """The next message that comes."""
        self.sip.settimeout(timeout_s)
        return self.sip.recv(65_535).decode()

    def hears_nothing(self, timeout_s: float) -> bool:
        try:
            self.hear(timeout_s)
        except TimeoutError:
            return True
        return False

    def hear_status(self, *statuses: int) -> str:
        message = ""
        for status in statuses:
            message = self.hear()
            assert message.startswith(f"SIP/2.0 {status} "), message
        return message

    def offer(self) -> bytes:
        port: int = self.rtp.getsockname()[1]
        return SDP % port

    def invite(self, *statuses: int, body: bytes | None = None, more: str = "") -> str:
        """Calls, and is told these; gives the last of them."""
        self.say("INVITE", 1, self.offer() if body is None else body, more=more)
        answer = self.hear_status(*statuses)
        self.to_tag = ";tag=" + answer.split("\r\nTo: ")[1].split("\r\n")[0].split(";tag=")[1]
        return answer

    def hang_up(self, cseq: int = 2) -> None:
        self.say("BYE", cseq)
        self.hear_status(200)

    def packet(self, wanted: Callable[[bytes], bool]) -> bytes:
        """The first RTP packet that is wanted."""
        self.rtp.settimeout(5)
        while True:
            packet = self.rtp.recv(2048)
            if wanted(packet):
                return packet

    def close(self) -> None:
        self.sip.close()
        self.rtp.close()


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made
