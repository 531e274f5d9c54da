"""A real server, and connections to it that lose answers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ringback_client import Ringback
from tests.client.lossy import Lossy
from tests.journey.conftest import put_away
from tests.journey.server import PASSWORD, Server

_serial = count(1)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts a server; all are stopped after the test."""
    with ExitStack() as stack:

        def start(name: str = "data", **more: Any) -> Server:
            server = Server(tmp_path / name, **more).start()
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
def account(town: Server, request: pytest.FixtureRequest) -> str:
    """A new account of the town."""
    name = f"{request.node.originalname}-{next(_serial)}"
    town.add(name)
    return name


@pytest.fixture
def lossy() -> Iterator[Callable[..., Lossy]]:
    """Makes connections that lose answers."""
    with ExitStack() as stack:

        def make(*arguments: Any, **more: Any) -> Lossy:
            proxy = Lossy(*arguments, **more)
            stack.callback(proxy.close)
            return proxy

        yield make


@pytest.fixture
def client(town: Server, account: str) -> Iterator[Ringback]:
    """A client of the town, over a good connection."""
    with Ringback(town.url, user=account, password=PASSWORD) as made:
        yield made
