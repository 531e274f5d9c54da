"""A connection that loses answers: a proxy between a client and the server, on a port of its own."""

import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Sequence
from typing import IO

GATEWAY = b"HTTP/1.1 %d Sorry\r\nContent-Type: text/html\r\nRetry-After: 0\r\nContent-Length: 5\r\n\r\n<p>No"

LOSSES = (
    "refused",  # the connection is closed, and the server hears nothing
    "unheard",  # the server hears it, and the client is cut off at once
    "abandoned",  # so are both
    "lost",  # the server has answered, and the client is cut off
    "torn",  # the client gets a part of the answer
    "busy",  # a gateway says 503, and the server hears nothing
    "gateway",  # the server has answered, and a gateway says 502
)
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


class Lossy:
    """Each request has its fate: with the probability `losses` one of `fates`, in the order of the seed."""

    def __init__(self, server: int, seed: int, losses: float = 0.3, fates: Sequence[str] = LOSSES) -> None:
        self.fates: Counter[str] = Counter()
        self.losses = losses
        self._server, self._rng, self._of = server, random.Random(seed), fates
        self._turn = threading.Lock()
        self._ear = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._ear.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._ear.shutdown(socket.SHUT_RDWR)
        self._ear.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._ear.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as heard, contextlib.suppress(OSError):
            while (asked := message(heard)) and self._passed(client, asked, self._fate()):
                pass
            with self._turn:
                reset = self._rng.random() < 0.5
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def _fate(self) -> str:
        with self._turn:
            fate = self._rng.choice(self._of) if self._rng.random() < self.losses else "whole"
            self.fates[fate] += 1
        return fate

    def _passed(self, client: socket.socket, asked: bytes, fate: str) -> bool:
        """Whether the connection goes on."""
        if fate == "refused":
            return False
        if fate == "busy":
            client.sendall(GATEWAY % 503)
            return True
        with socket.create_connection(("127.0.0.1", self._server)) as server, server.makefile("rb") as told:
            server.sendall(asked)
            if fate in ("unheard", "abandoned"):
                client.shutdown(socket.SHUT_RDWR)
            answer = message(told) if fate != "abandoned" else b""
        if fate == "gateway":
            client.sendall(GATEWAY % 502)
        elif fate == "torn":
            with self._turn:
                part = self._rng.randrange(1, len(answer))
            client.sendall(answer[:part])
        elif fate == "whole":
            client.sendall(answer)
        return fate in ("gateway", "whole")


def message(stream: IO[bytes]) -> bytes:
    """One HTTP/1.1 request or answer; empty where there is no whole one."""
    head, length = b"", 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        assert name.lower() != b"transfer-encoding", "the server sends lengths"
        length = int(value) if name.lower() == b"content-length" else length
        head += line
    body = stream.read(length)
    return head + line + body if line and len(body) == length else b""
