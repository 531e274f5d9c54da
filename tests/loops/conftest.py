"""The loops run on a real store in a temporary folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.model.account import Account
from ringback.store.sqlite import SqliteStore
from tests.loops.pushing import Desk
from tests.store.builders import an_account


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def account(store: SqliteStore) -> Account:
    return await an_account(store)


@pytest.fixture
async def desk(store: SqliteStore) -> AsyncIterator[Desk]:
    desk = Desk(store)
    yield desk
    await desk.leave()
