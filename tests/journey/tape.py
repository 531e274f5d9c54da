"""Reports put on the tape by the store's own code, before a server starts."""

import asyncio
from pathlib import Path

from ringback.api.auth import hash_password, new_api_key
from ringback.model.call import Call, CallResult, Cause
from ringback.model.message import Bulk, Destination, Network, VoiceMessage
from ringback.model.report import DeliveryReport
from ringback.model.settle import Terms, settle
from ringback.model.tariff import RateDeck
from ringback.store.sqlite import SqliteStore
from tests.journey.server import PASSWORD

NOW = 1_795_480_000_000


def an_end(call: Call) -> tuple[Call, CallResult, DeliveryReport]:
    result = CallResult(Cause.ANSWERED, ended_at=NOW + 9_000, answered_at=NOW + 2_000, dtmf=("1",))
    return call, result, settle(call, result, Terms(RateDeck({}), "http://here"))


def put_on_the_tape(folder: Path, account: str, count: int) -> list[str]:
    """A new account with `count` reports to collect: their message ids in the tape's order."""

    async def put() -> list[str]:
        store = SqliteStore(folder)
        await store.open()
        owner = await store.add_account(account, hash_password(PASSWORD), new_api_key()[1], "UTC")
        ids = [f"m-{number:06}" for number in range(count)]
        numbers = tuple(Destination("41790000003", one) for one in ids)
        await store.accept(owner.id, Bulk("tape", Network.SANDBOX, ((VoiceMessage(text="Hi"), numbers),)), NOW)
        order = []
        while calls := await store.claim(500, NOW):
            await asyncio.gather(*[store.finish(*an_end(call)) for call in calls])
            order += [call.message_id for call in calls]
        await store.close()
        return order

    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(put())
