"""An HTTP server on the loopback that is as good or as bad as a test wants it: it gets what Ringback sends out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import msgspec

LOOPBACK = ("127.0.0.0/8",)


class Request(msgspec.Struct):
    """A request as it came; the headers' names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Behaviour: TypeAlias = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(*given: bytes) -> Behaviour:
    """Gives these answers in turn, and the last of them for ever."""
    left = list(given)

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return behave


async def hangs(request: Request, writer: asyncio.StreamWriter) -> None:
    """Says nothing, for ever."""
    await asyncio.Event().wait()


async def drops(request: Request, writer: asyncio.StreamWriter) -> None:
    """Closes the connection without a word."""
    writer.transport.abort()


async def never_ends(request: Request, writer: asyncio.StreamWriter) -> None:
    """200, and a body without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not writer.transport.is_closing():
        writer.write(b"x" * 65_536)
        await writer.drain()
        await asyncio.sleep(0)


class Receiver:
    """The server. `got` is what it was sent, in order; `connections` counts those that were made to it."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.got: list[Request] = []
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/reports?secret=hush"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.transport.is_closing():
                request = await _read(reader)
                self.got.append(request)
                await self.behaviour(request, writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # it was left
        finally:
            writer.close()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Receiver"]:
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._serve(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", 0))))
