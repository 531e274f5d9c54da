"""Accounts, each with reports to collect, put there by the store's own code before a server starts."""

import asyncio
from pathlib import Path

from ringback.api.auth import hash_password, new_api_key
from ringback.model.message import Bulk, Destination, Network, VoiceMessage
from ringback.store.sqlite import SqliteStore
from tests.journey.server import PASSWORD
from tests.journey.tape import NOW, an_end


def fill(folder: Path, names: list[str], count: int = 0) -> list[str]:
    """`count` reports for each account: their message ids, in the order in which all of them are handed out."""
    ids = [f"m-{number:06}" for number in range(count)]

    async def put() -> None:
        store = SqliteStore(folder)
        await store.open()
        password = hash_password(PASSWORD)
        for name in names:
            owner = await store.add_account(name, password, new_api_key()[1], "UTC")
            numbers = tuple(Destination("41790000003", one) for one in ids)
            if count:
                await store.accept(owner.id, Bulk("tape", Network.SANDBOX, ((VoiceMessage(text="Hi"), numbers),)), NOW)
        while calls := await store.claim(500, NOW):
            for call in sorted(calls, key=lambda call: call.message_id):
                await store.finish(*an_end(call))
        await store.close()

    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(put())
    return ids
