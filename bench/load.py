"""Load: 64 connections that ask again as soon as they are answered, from another process."""

import base64
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .figures import Invalid
from .filled import PASSWORD
from .machine import wrk_is_here

CONNECTIONS = 64


class Load(msgspec.Struct, frozen=True):
    """What came of it. `bytes` are whole answers, heads too; `refused` are answers other than 2xx and 3xx."""

    requests: int
    micros: int
    bytes: int
    refused: int = 0
    broken: int = 0
    p50: int = 0
    p99: int = 0
    slowest: int = 0

    @property
    def per_second(self) -> float:
        return self.requests * 1e6 / self.micros

    def check(self) -> "Load":
        """Itself. Raises `Invalid` when not everything was answered well."""
        if self.refused or self.broken or not self.requests:
            raise Invalid(f"the load went wrong: {self}")
        return self


def authorization(name: str) -> str:
    """An account's header."""
    return "Basic " + base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()


def for_seconds(url: str, name: str, seconds: int) -> Load:
    """wrk where there is one, one thread; our own generator otherwise."""
    if not wrk_is_here():
        with generator(url, name) as ask:
            return ask(seconds=seconds)
    script = Path(__file__).with_name("count.lua")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    said = subprocess.run(
        [*command, "-H", f"Authorization: {authorization(name)}", url], capture_output=True, text=True, check=True
    )
    return msgspec.json.decode(said.stdout.splitlines()[-1], type=Load).check()


class Generator:
    """Our own generator under way: its connections stay open from one burst to the next."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def __call__(self, *, seconds: float = 0, requests: int = 0) -> Load:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(msgspec.json.encode({"seconds": seconds, "requests": requests}) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Invalid("the load generator died")
        return msgspec.json.decode(line, type=Load).check()


@contextlib.contextmanager
def generator(url: str, name: str, connections: int = CONNECTIONS) -> Iterator[Generator]:
    """Our own generator, which can count its requests: bench/generator.py."""
    command = [sys.executable, "-m", "bench.generator", url, authorization(name), str(connections)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Generator(process)
    finally:
        process.communicate()
