"""The parent's side of the sandbox: starts the phones' process, notices its death, starts it again."""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path

_STARTS_WITHIN = 20.0  # seconds
_PATIENCE = 5.0  # the longest pause before another try, seconds


class PhonesFailed(Exception):
    """The phones' process did not come up."""


class PhoneNetwork:
    """The phones of a sandbox, in a process of their own that dies with ours.

    `on_death` is told the exit code each time the process dies by itself; it is started again on the same port.
    """

    def __init__(
        self,
        log: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        keep_audio: Path | None = None,
        pace: float = 1.0,
        on_death: Callable[[int], None] = lambda code: None,
    ) -> None:
        self.log = log
        self.port = port
        self._options = ["--host", host, "--log", str(log), "--pace", str(pace)]
        if keep_audio:
            self._options += ["--keep-audio", str(keep_audio)]
        self._on_death = on_death
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The phones' process, None while there is none."""
        alive = self._process and self._process.returncode is None
        return self._process.pid if self._process and alive else None

    async def start(self) -> int:
        """The UDP port, once phones can be called there. Raises `PhonesFailed`."""
        await self._spawn()
        self._watch = asyncio.create_task(self._keep_alive())
        return self.port

    async def stop(self) -> None:
        """Every phone is gone when it returns."""
        if self._watch:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await self._kill()

    async def _spawn(self) -> None:
        command = [sys.executable, "-P", "-m", __package__, *self._options, "--port", str(self.port)]
        self._process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        try:
            self.port = await asyncio.wait_for(_port_of(self._process), _STARTS_WITHIN)
        except BaseException as fault:
            await self._kill()
            if isinstance(fault, (TimeoutError, ValueError)):
                raise PhonesFailed(f"the phones did not start on port {self.port}") from fault
            raise

    async def _keep_alive(self) -> None:
        while self._process:
            code = await self._process.wait()
            self._on_death(code)
            await self._respawn()

    async def _respawn(self) -> None:
        pause = 0.05
        while True:
            try:
                return await self._spawn()
            except (PhonesFailed, OSError):
                await asyncio.sleep(pause)
                pause = min(2 * pause, _PATIENCE)

    async def _kill(self) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


async def _port_of(process: Process) -> int:
    assert process.stdout  # it was asked for  # noqa: S101
    line = await process.stdout.readline()
    return int(json.loads(line)["port"])
