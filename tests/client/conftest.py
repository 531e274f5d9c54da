"""A real server, and connections to it that lose answers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ringback_client import Ringback
from tests.client.lossy import Lossy
from tests.client.shelf import fill
from tests.journey.conftest import put_away
from tests.journey.server import PASSWORD, Server

CUSTOMERS = 40  # of a town: each test takes the next


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
def customers() -> Iterator[str]:
    """The town's accounts."""
    return (f"customer-{number}" for number in range(CUSTOMERS))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a module's tests, each with an account of its own."""
    folder = tmp_path_factory.mktemp("town") / "data"
    fill(folder, [f"customer-{number}" for number in range(CUSTOMERS)])
    server = Server(folder).start()
    yield server
    put_away(server)


@pytest.fixture
def account(town: Server, customers: Iterator[str]) -> str:
    """An account of the town that nobody had before."""
    return next(customers)


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
