"""The HTTP side in process, over a real store in a temporary folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.api.auth import Authenticator, hash_password, new_api_key
from ringback.api.bulks import Bulks
from ringback.api.docs import Docs
from ringback.api.files import Files
from ringback.api.ledger import LedgerPage
from ringback.api.logs import Logs
from ringback.api.messages import Messages
from ringback.api.sessions import Sessions
from ringback.api.voices import Voices
from ringback.audio.recordings import Recordings
from ringback.model.message import Network
from ringback.store.sqlite import SqliteStore
from tests.api.door import Door, opened
from tests.api.house import NOW, House, Tongue, app_of, empty

PASSWORD = hash_password("open sesame")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = SqliteStore(tmp_path)
    await store.open()
    keys = {}
    for name in ("Aladdin", "Jasmine"):
        keys[name], kept = new_api_key()
        await store.add_account(name, PASSWORD, kept, "UTC")
    authenticator = Authenticator(store)
    store.on_accounts_changed = authenticator.forget
    recordings = Recordings(tmp_path / "recordings")
    woken: list[None] = []
    voices = Voices(Tongue(), authenticator)
    app = app_of(
        reports=empty,
        messages=Messages(store, authenticator, Network.SANDBOX, lambda: woken.append(None), lambda: NOW, voices.speak),
        bulks=Bulks(store, authenticator, lambda: woken.append(None), lambda: NOW),
        logs=Logs(store, authenticator, lambda: NOW),
        ledger=LedgerPage(store, authenticator),
        files=Files(store, authenticator, recordings),
        voices=voices,
        docs=Docs("http://here:8080", Network.SANDBOX),
        sessions=Sessions(authenticator),
    )
    yield House(app, store, recordings, keys, woken)
    authenticator.close()
    recordings.stop()
    await store.close()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as door:
        yield door
