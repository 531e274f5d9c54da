"""Our own load generator, for bursts of counted requests, and where wrk is not installed.

    python -m bench.generator URL AUTHORIZATION CONNECTIONS

reads lines such as {"requests": 5000, "seconds": 0} (0: no bound) and answers each, when it is done, with a line
of JSON, `load.Load`. Raw sockets on uvloop, which reach some 40,000 requests a second: enough to be waited for by
no server that syncs its disk, but not by a fixed answer.
"""

import asyncio
import re
import sys
import time
from urllib.parse import urlsplit

import msgspec
import uvloop

from .load import Load

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Burst:
    """The requests that are still to be sent, and what came back."""

    def __init__(self, requests: int, seconds: float, done: "asyncio.Future[None]") -> None:
        self.done = done
        self._left = requests or sys.maxsize
        self._until = time.perf_counter() + (seconds or 3600)
        self._flying = 0
        self.times: list[float] = []
        self.bytes = self.refused = self.broken = 0

    def may_ask(self) -> bool:
        if self._left <= 0 or time.perf_counter() >= self._until:
            return False
        self._left -= 1
        self._flying += 1
        return True

    def answered(self, seconds: float, size: int, good: bool) -> None:
        self.times.append(seconds)
        self.bytes += size
        self.refused += not good
        self._landed()

    def lost(self) -> None:
        self.broken += 1
        self._landed()

    def _landed(self) -> None:
        self._flying -= 1
        if not self._flying and not self.done.done() and (self._left <= 0 or time.perf_counter() >= self._until):
            self.done.set_result(None)


class Connection(asyncio.Protocol):
    """One keep-alive connection, with one request under way."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._head = b""
        self._size = self._missing = 0
        self._good = False
        self._burst: Burst | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self, burst: Burst) -> None:
        self._burst = burst if burst.may_ask() else None
        if self._burst:
            self._asked = time.perf_counter()
            self._transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._head, 0, end)
            if length is None:
                raise ValueError("an answer without its length")
            self._good = self._head[9:12] == b"200"
            self._size = end + 4 + int(length[1])
            self._missing = self._size - len(self._head)
        if self._missing == 0:
            self._answered()

    def _answered(self) -> None:
        self._head = b""
        burst = self._burst
        if burst:
            burst.answered(time.perf_counter() - self._asked, self._size, self._good)
            self.ask(burst)

    def connection_lost(self, _fault: Exception | None) -> None:
        if self._burst:
            self._burst.lost()


async def run(connections: list[Connection], requests: int, seconds: float) -> Load:
    """One burst from all connections, begun at once, over when the last answer is there."""
    burst = Burst(requests, seconds, asyncio.get_running_loop().create_future())
    begun = time.perf_counter()
    for connection in connections:
        connection.ask(burst)
    await burst.done
    took = time.perf_counter() - begun
    times = sorted(burst.times) or [0.0]
    p50, p99, slowest = (int(1e6 * times[min(len(times) - 1, int(len(times) * part))]) for part in (0.5, 0.99, 1))
    return Load(len(burst.times), int(1e6 * took), burst.bytes, burst.refused, burst.broken, p50, p99, slowest)


async def _main(url: str, authorization: str, count: int) -> None:
    parts = urlsplit(url)
    request = (
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: {authorization}\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    made = [await loop.create_connection(lambda: Connection(request), host, port) for _ in range(count)]
    connections = [connection for _, connection in made]
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        wish = msgspec.json.decode(line)
        done = await run(connections, wish["requests"], wish["seconds"])
        sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
