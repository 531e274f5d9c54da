"""What the store's suite runs on: each implementation in turn."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ringback.model.account import Account
from ringback.store.store import Store
from tests.store.builders import an_account
from tests.store.places import Place, SqlitePlace
from tests.store.powerloss import Disk

PLACES = {"sqlite": SqlitePlace}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path / "data")


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    store = place.store()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def account(store: Store) -> Account:
    return await an_account(store)


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A disk that can lose power, fail and stall."""
    disk = Disk()
    yield disk
    disk.close()
