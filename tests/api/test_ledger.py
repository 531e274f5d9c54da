"""GET /ringback/1/ledger over HTTP (contract section 4)."""

import pytest

from tests.api.house import House
from tests.api.test_sends import advanced
from tests.store.builders import an_end, take


async def with_some_of_each(house: House) -> None:
    """In bulk b: two collected, one waiting, one ringing, one pending; in c one pending."""
    await house.send("advanced", advanced(*({"to": "123", "messageId": f"m{n}"} for n in range(5)), bulkId="b"))
    await house.send("advanced", advanced({"to": "123", "messageId": "other"}, bulkId="c"))
    for call in (await house.store.claim(4, 2_000))[:3]:
        await house.store.finish(*an_end(call))
    assert len(await take(house.store, 1, 2)) == 2


LEDGERS = {
    "": {"accepted": 6, "pending": 3, "waiting": 1, "collected": 2, "pushed": 0},
    "?bulkId=": {"accepted": 6, "pending": 3, "waiting": 1, "collected": 2, "pushed": 0},
    "?bulkId=b": {"bulkId": "b", "accepted": 5, "pending": 2, "waiting": 1, "collected": 2, "pushed": 0},
    "?bulkId=c": {"bulkId": "c", "accepted": 1, "pending": 1, "waiting": 0, "collected": 0, "pushed": 0},
}


@pytest.mark.parametrize(("query", "expected"), LEDGERS.items())
async def test_ledger(house: House, query: str, expected: dict[str, object]) -> None:
    await with_some_of_each(house)
    answer = await house.client.get(f"/ringback/1/ledger{query}")
    assert answer.json() == expected
    assert answer.headers["cache-control"] == "no-store"


async def test_xml(house: House) -> None:
    await with_some_of_each(house)
    answer = await house.client.get("/ringback/1/ledger?bulkId=c", headers={"Accept": "application/xml"})
    assert answer.text == (
        "<ledger><bulkId>c</bulkId><accepted>1</accepted><pending>1</pending><waiting>0</waiting>"
        "<collected>0</collected><pushed>0</pushed></ledger>"
    )


async def test_an_unknown_bulk_and_another_account_s_are_the_same(house: House) -> None:
    await with_some_of_each(house)
    unknown = await house.client.get("/ringback/1/ledger?bulkId=none")
    async with house.client_of("Jasmine") as jasmine:
        others = await jasmine.get("/ringback/1/ledger?bulkId=b")
        empty = await jasmine.get("/ringback/1/ledger")
    assert (unknown.status_code, unknown.content) == (others.status_code, others.content)
    assert unknown.json()["requestError"]["serviceException"]["messageId"] == "NOT_FOUND"
    assert empty.json() == {"accepted": 0, "pending": 0, "waiting": 0, "collected": 0, "pushed": 0}


async def test_who_may_ask_and_how(house: House) -> None:
    async with house.without_credentials() as client:
        assert (await client.get("/ringback/1/ledger?bulkId=b")).status_code == 401
    assert (await house.client.get("/ringback/1/ledger", headers={"Accept": "text/html"})).status_code == 406
    assert (await house.client.put("/ringback/1/ledger", json={})).status_code == 405
