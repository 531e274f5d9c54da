"""A child process that answers one request at a time and never outlives us.

What is foreign (GPL libraries, strangers' texts) runs there. The child reads requests from its stdin and
leaves at its end, so it dies with us whatever kills us.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from .frames import LENGTHS, packed

T = TypeVar("T")
Answer: TypeAlias = tuple[dict[str, Any], bytes]

_SOURCES = str(Path(__file__).parents[2])  # where the child finds this package, however we found it


class ChildFailed(Exception):
    """The child died or took too long; a new one is started for the next request."""


class Child:
    """Runs `python -m module`, which says hello with one frame and then gives one frame for each it gets.

    A request that takes longer than `limit_s` seconds costs the child its life. Requests queue in order.
    """

    def __init__(self, module: str, limit_s: float = 30.0) -> None:
        self._module = module
        self._limit_s = limit_s
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = False
        self.hello: dict[str, Any] = {}

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Starts the child and reads its hello. Raises `ChildFailed`."""
        async with self._turn:
            await self._bounded(self._ready())

    async def ask(self, header: dict[str, Any], body: bytes = b"") -> Answer:
        """The child's answer. A child that dies over a request gets a successor and one more try.

        Raises `ChildFailed` when that dies too, or when the time limit is over.
        """
        async with self._turn:
            try:
                return await self._bounded(self._exchange(header, body))
            except (EOFError, OSError):
                pass
            try:
                return await self._bounded(self._exchange(header, body))
            except (EOFError, OSError) as e:
                raise ChildFailed("it ended in mid-work, twice") from e

    async def stop(self) -> None:
        """Ends the child at once; what is under way fails."""
        self._stopped = True
        await self._end()

    async def _bounded(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._limit_s):
                return await work
        except TimeoutError:
            await self._end()
            raise ChildFailed(f"it took longer than {self._limit_s:g} seconds") from None
        except BaseException:  # also when cancelled: an answer that nobody reads would be taken for the next
            await self._end()
            raise

    async def _exchange(self, header: dict[str, Any], body: bytes) -> Answer:
        process = await self._ready()
        assert process.stdin  # noqa: S101  (for the type checker)
        process.stdin.write(packed(header, body))
        await process.stdin.drain()
        return await self._frame(process)

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._stopped:
            raise ChildFailed("it has been stopped")
        if self._process and self._process.returncode is None:
            return self._process
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", self._module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_unsuspicious() | {"PYTHONPATH": _joined(_SOURCES, os.environ.get("PYTHONPATH"))},
        )
        self.hello, _ = await self._frame(self._process)
        return self._process

    async def _frame(self, process: asyncio.subprocess.Process) -> Answer:
        assert process.stdout  # noqa: S101  (for the type checker)
        lengths = await process.stdout.readexactly(LENGTHS.size)
        header_size, body_size = LENGTHS.unpack(lengths)
        header = json.loads(await process.stdout.readexactly(header_size))
        return header, await process.stdout.readexactly(body_size)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _joined(first: str, others: str | None) -> str:
    return os.pathsep.join(filter(None, [first, others]))


def _unsuspicious() -> dict[str, str]:
    """The environment less our settings: who reads strangers' texts need not know a trunk's password."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
