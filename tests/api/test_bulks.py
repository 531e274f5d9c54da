"""GET and PUT /tts/3/bulks and /tts/3/bulks/status."""

from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.api.house import NOW, XML, House, faults

TOMORROW = "1970-01-02T00:00:00.000+0000"
ADVANCED = {
    "bulkId": "a/b 1",
    "messages": [{"destinations": [{"to": "1234"}, {"to": "1235"}], "text": "hi", "sendAt": TOMORROW}],
}
BULK, STATUS = "/tts/3/bulks", "/tts/3/bulks/status"


@pytest.fixture
async def bulk(house: House) -> dict[str, str]:
    assert (await house.send("advanced", ADVANCED)).status_code == 200
    house.woken.clear()
    return {"bulkId": "a/b 1"}


async def put(house: House, path: str, query: dict[str, str], body: Any) -> httpx.Response:
    return await house.client.put(path, params=query, json=body)


async def test_seen(house: House, bulk: dict[str, str]) -> None:
    seen = await house.client.get(BULK, params=bulk)
    assert (seen.status_code, seen.json()) == (200, {"bulkId": "a/b 1", "sendAt": TOMORROW})
    assert seen.headers["cache-control"] == "no-store"
    status = await house.client.get(STATUS + "/", params=bulk)
    assert status.json() == {"bulkId": "a/b 1", "status": "PENDING"}


async def test_moved(house: House, bulk: dict[str, str]) -> None:
    answer = await put(house, BULK, bulk, {"sendAt": "1970-01-01T01:00:02.000+01:00"})
    assert answer.json() == {"bulkId": "a/b 1", "sendAt": "1970-01-01T00:00:02.000+0000"}
    assert house.woken == [None]
    assert len(await house.kept()) == 2


async def test_paused_resumed_cancelled(house: House, bulk: dict[str, str]) -> None:
    for status in ("PAUSED", "PENDING", "CANCELED"):
        answer = await put(house, STATUS, bulk, {"status": status})
        assert (answer.status_code, answer.json()) == (200, bulk | {"status": status})
    assert faults(await put(house, STATUS, bulk, {"status": "PENDING"})) == {
        "status": ["can't become PENDING: the bulk is CANCELED"]
    }
    assert faults(await put(house, BULK, bulk, {"sendAt": TOMORROW})) == {
        "bulkId": ["is CANCELED: nothing of it is left to be moved"]
    }


async def test_in_xml(house: House, bulk: dict[str, str]) -> None:
    seen = await house.client.get(BULK, params=bulk, headers=XML)
    assert seen.text == f"<bulk><bulkId>a/b 1</bulkId><sendAt>{TOMORROW}</sendAt></bulk>"
    body = b"<request><status>PAUSED</status></request>"
    paused = await house.client.put(STATUS, params=bulk, headers=XML, content=body)
    assert paused.text == "<bulkStatus><bulkId>a/b 1</bulkId><status>PAUSED</status></bulkStatus>"
    body = b"<request><sendAt>1970-01-03T00:00:00Z</sendAt></request>"
    moved = await house.client.put(BULK, params=bulk, headers=XML, content=body)
    assert ElementTree.fromstring(moved.content).findtext("sendAt") == "1970-01-03T00:00:00.000+0000"  # noqa: S314


BAD: list[tuple[str, Any, dict[str, list[str]]]] = [
    (BULK, {}, {"sendAt": ["is required"]}),
    (BULK, {"sendAt": 5}, {"sendAt": ["must be a string"]}),
    (
        BULK,
        {"sendAt": "1970-01-02T00:00:00"},
        {"sendAt": ["must say its time zone, such as 2015-07-07T17:00:00.000+01:00"]},
    ),
    (STATUS, {}, {"status": ["is required"]}),
    (
        STATUS,
        {"status": "paused"},
        {"status": ["must be one of PENDING, PAUSED, PROCESSING, CANCELED, FINISHED, FAILED"]},
    ),
    (
        STATUS,
        {"status": ["PAUSED"]},
        {"status": ["must be one of PENDING, PAUSED, PROCESSING, CANCELED, FINISHED, FAILED"]},
    ),
    (STATUS, {"status": "FINISHED"}, {"status": ["can't become FINISHED: the bulk is PENDING"]}),
]


@pytest.mark.parametrize(("path", "body", "named"), BAD)
async def test_what_is_wrong_is_named(
    house: House, bulk: dict[str, str], path: str, body: Any, named: dict[str, list[str]]
) -> None:
    assert faults(await put(house, path, bulk, body)) == named


async def test_every_fault_at_once(house: House) -> None:
    assert faults(await put(house, BULK, {}, {})) == {"sendAt": ["is required"], "bulkId": ["is required"]}
    assert faults(await put(house, BULK, {"bulkId": ""}, {})) == {"sendAt": ["is required"], "bulkId": ["is required"]}
    assert faults(await house.client.get(STATUS)) == {"bulkId": ["is required"]}


@pytest.mark.parametrize("path", [BULK, STATUS])
async def test_another_account_s_bulk_does_not_exist(house: House, bulk: dict[str, str], path: str) -> None:
    jasmine = house.client_of("Jasmine")
    body = {"sendAt": TOMORROW, "status": "CANCELED"}
    for answer in (await jasmine.get(path, params=bulk), await jasmine.put(path, params=bulk, json=body)):
        assert answer.status_code == 404
        assert answer.json()["requestError"]["serviceException"]["messageId"] == "NOT_FOUND"
    assert (await house.client.get(STATUS, params=bulk)).json()["status"] == "PENDING"


@pytest.mark.parametrize("path", [BULK, STATUS])
async def test_who_may_not_and_what_is_not_spoken(house: House, bulk: dict[str, str], path: str) -> None:
    stranger = house.without_credentials()
    assert (await stranger.get(path, params=bulk)).status_code == 401
    assert (await stranger.put(path, params=bulk, json={})).status_code == 401
    client = house.client
    assert (await client.get(path, params=bulk, headers={"Accept": "text/html"})).status_code == 406
    assert (await client.put(path, params=bulk, content=b"x")).status_code == 415
    assert (await client.post(path, params=bulk)).headers["allow"] == "GET, HEAD, PUT"
    assert list(faults(await client.put(path, params=bulk, content=b"{", headers={"Content-Type": XML["Accept"]}))) == [
        "body"
    ]


async def test_a_move_after_which_nobody_could_be_called(house: House) -> None:
    window = {"days": ["SATURDAY"]}  # 1970-01-01 was a Thursday
    message = {"destinations": [{"to": "1234"}], "text": "hi", "validityPeriod": 60, "deliveryTimeWindow": window}
    sent = await house.send("advanced", {"bulkId": "w", "messages": [message | {"sendAt": "1970-01-03T08:00:00Z"}]})
    assert sent.status_code == 200
    refused = await put(house, BULK, {"bulkId": "w"}, {"sendAt": "1970-01-05T08:00:00Z"})
    assert faults(refused) == {"sendAt": ["its delivery window never opens before its validity ends"]}


async def test_a_window_that_never_opens_for_one_number_is_named_with_it(house: House) -> None:
    row = next(row for row in await house.store.accounts() if row.account.name == "Aladdin")
    house.store._db.execute("UPDATE account SET windows = 'destination' WHERE id = ?", (row.account.id,))
    house.store.on_accounts_changed()
    window = {"days": ["THURSDAY"], "from": {"hour": 9, "minute": 0}, "to": {"hour": 10, "minute": 0}}
    body = {"messages": [{"text": "hi", "deliveryTimeWindow": window, "destinations": []}]}
    body["messages"][0]["destinations"] = [{"to": to} for to in ("41791234567", "18005550123")]  # type: ignore[index]
    assert faults(await house.send("advanced", body)) == {
        "messages[0].deliveryTimeWindow": [
            "for 18005550123 it never opens before the validity period ends: nobody could be called"
        ]
    }
    assert await house.kept() == []
    assert NOW < 9 * 3_600_000
