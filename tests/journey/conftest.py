"""Servers for the journeys: each real, each with its own folder, none left behind."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.journey.server import Customer, Server

_serial = count(1)
Serve = Callable[..., Server]


def put_away(server: Server) -> None:
    """Stops it: nothing of it may be left, and it may have logged no fault that the test did not expect."""
    server.stop()
    server.nothing_left()
    assert server.errors_are_expected or server.faults() == []


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server; all are stopped after the test."""
    with ExitStack() as stack:

        def start(name: str = "data", *, ready: bool = True, **more: Any) -> Server:
            server = Server(tmp_path / name, **more).start(ready=ready)
            stack.callback(put_away, server)
            return server

        yield start


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a module's tests, each with an account of its own."""
    server = Server(tmp_path_factory.mktemp("town") / "data").start()
    yield server
    put_away(server)


@pytest.fixture
def customer(town: Server, request: pytest.FixtureRequest) -> Iterator[Customer]:
    """A customer of the town, with a new account."""
    name = f"{request.node.originalname}-{next(_serial)}"
    town.add(name)
    with town.customer(name) as client:
        yield client
