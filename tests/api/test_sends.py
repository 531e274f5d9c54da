"""Sending over HTTP: what is answered, and what is kept (contract sections 1, 2 and 7)."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from ringback.api.auth import Authenticator
from ringback.api.messages import LARGEST_BODY, Messages
from ringback.model.exceptions import StoreUnavailable
from ringback.model.message import AccountId, Bulk, Network
from ringback.model.times import Instant
from tests.api.house import JSON, XML, House, app_of, faults

PENDING = {
    "groupId": 1,
    "groupName": "PENDING",
    "id": 26,
    "name": "PENDING_ACCEPTED",
    "description": "Message accepted, pending for delivery.",
}
REJECTED_DESTINATION = {
    "groupId": 5,
    "groupName": "REJECTED",
    "id": 52,
    "name": "REJECTED_DESTINATION",
    "description": "Invalid destination address.",
    "action": "Check to parameter.",
}
DUPLICATE = {
    "groupId": 5,
    "groupName": "REJECTED",
    "id": 23,
    "name": "REJECTED_DUPLICATE_MESSAGE_ID",
    "description": "Rejected duplicate message ID",
}
HI = {"to": "41793026727", "text": "hi"}


def advanced(*destinations: dict[str, str], **more: str) -> dict[str, object]:
    return {"messages": [{"text": "hi", "destinations": list(destinations)}], **more}


async def test_single(house: House) -> None:
    answer = await house.send("single", {"from": "41793026700", "to": "+41 (79) 302-67.27", "text": "hi"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    (message,) = body["messages"]
    assert list(body) == ["bulkId", "messages"]
    assert message == {"to": "+41 (79) 302-67.27", "status": PENDING, "messageId": message["messageId"]}
    assert [uuid.UUID(body["bulkId"]).version, uuid.UUID(message["messageId"]).version] == [7, 7]
    assert house.woken == [None]
    assert await house.kept() == [("41793026727", message["messageId"])]


async def test_multi(house: House) -> None:
    answer = await house.send("multi", {"messages": [{"to": ["1234", "5678"], "text": "a"}, {**HI}]})
    messages = answer.json()["messages"]
    assert [message["to"] for message in messages] == ["1234", "5678", "41793026727"]
    assert await house.kept() == [(message["to"], message["messageId"]) for message in messages]


async def test_numbers_that_cannot_be_dialled_and_used_ids_are_refused_one_by_one(house: House) -> None:
    await house.send("advanced", advanced({"to": "1234", "messageId": "old"}))
    answer = await house.send(
        "advanced",
        advanced(
            {"to": "1111", "messageId": "new"},
            {"to": "Alphanumeric", "messageId": "later"},
            {"to": "2222", "messageId": "new"},
            {"to": "3333", "messageId": "old"},
            {"to": "4444", "messageId": "later"},
            bulkId="mine/1",
        ),
    )
    assert answer.json() == {
        "bulkId": "mine/1",
        "messages": [
            {"to": "1111", "status": PENDING, "messageId": "new"},
            {"to": "Alphanumeric", "status": REJECTED_DESTINATION},
            {"to": "2222", "status": DUPLICATE, "messageId": "new"},
            {"to": "3333", "status": DUPLICATE, "messageId": "old"},
            {"to": "4444", "status": PENDING, "messageId": "later"},
        ],
    }
    assert sorted(await house.kept()) == [("1111", "new"), ("1234", "old"), ("4444", "later")]


async def test_the_same_number_twice_is_two_messages(house: House) -> None:
    await house.send("single", {"to": ["1234", "1234"], "text": "hi"})
    assert [to for to, _ in await house.kept()] == ["1234", "1234"]


async def test_nothing_that_can_be_dialled(house: House) -> None:
    answer = await house.send("single", {"to": "12", "text": "hi"})
    assert answer.json()["messages"] == [{"to": "12", "status": REJECTED_DESTINATION}]
    assert await house.kept() == []


async def test_a_bulk_id_is_used_once(house: House) -> None:
    await house.send("advanced", advanced({"to": "1234"}, bulkId="b"))
    answer = await house.send("advanced", advanced({"to": "5678"}, bulkId="b"))
    assert faults(answer) == {"bulkId": ["was used before"]}
    assert len(await house.kept()) == 1


async def test_xml_in_and_out(house: House) -> None:
    body = b"<request><to>1234</to><text>hi</text></request>"
    answer = await house.send("single", body, **XML)
    assert answer.headers["content-type"] == "application/xml"
    root = ElementTree.fromstring(answer.content)  # noqa: S314 - it is ours
    assert root.tag == "sendResponse"
    assert [child.tag for child in root] == ["bulkId", "messages"]
    assert root.findtext("messages/message/status/name") == "PENDING_ACCEPTED"
    assert root.findtext("messages/message/messageId") == (await house.kept())[0][1]


async def test_errors_in_xml(house: House) -> None:
    answer = await house.send("single", b"<request><to>1234</to><text> </text></request>", **XML)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/xml"
    assert answer.text == (
        "<requestError><serviceException><messageId>BAD_REQUEST</messageId><text>Bad request</text>"
        "<validationErrors><validationError><path>text</path><messages><message>must not be blank</message></messages>"
        "</validationError></validationErrors></serviceException></requestError>"
    )


REFUSED = {
    "malformed": (b'{"to"', JSON, 400, "BAD_REQUEST"),
    "malformed XML": (b"<request>", XML, 400, "BAD_REQUEST"),
    "an entity": (b"<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><request>&x;</request>", XML, 400, "BAD_"),
    "a form": (
        b"to=1234&text=hi",
        {"Content-Type": "application/x-www-form-urlencoded"},
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    "no content type": (b"{}", {"Content-Type": ""}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    "no form that we speak": (b"{}", {"Accept": "text/html"}, 406, "NOT_ACCEPTABLE"),
    "10 MB": (b" " * 10_000_000, JSON, 413, "CONTENT_TOO_LARGE"),
    "a length that lies": (b" " * (LARGEST_BODY + 1), {"Content-Length": "5"}, 413, "CONTENT_TOO_LARGE"),
}


@pytest.mark.parametrize(("body", "headers", "status", "name"), REFUSED.values(), ids=REFUSED.keys())
async def test_refused_whole(house: House, body: bytes, headers: dict[str, str], status: int, name: str) -> None:
    answer = await house.send("advanced", body, **headers)
    assert answer.status_code == status
    assert f"{name}" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert house.woken == []
    assert await house.kept() == []


async def test_one_fault_and_nothing_is_kept(house: House) -> None:
    answer = await house.send("multi", {"messages": [HI, {**HI, "text": " "}]})
    assert faults(answer) == {"messages[1].text": ["must not be blank"]}
    assert await house.kept() == []


async def test_a_body_without_a_length_is_counted_and_not_read_to_its_end(house: House) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b" " * 1_000_000

    answer = await house.client.post("/tts/3/single", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert given < 12


async def test_without_credentials_the_body_is_not_even_looked_at(house: House) -> None:
    async with house.without_credentials() as client:
        answer = await client.post("/tts/3/single", content=b"{", headers=JSON)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="ringback"'
    assert answer.json() == {
        "requestError": {"serviceException": {"messageId": "UNAUTHORIZED", "text": "Invalid login details"}}
    }


async def test_twenty_thousand_destinations_are_answered_in_order(house: House) -> None:
    numbers = [f"4179{number:07d}" for number in range(20_000)]
    answer = await house.send("single", {"text": "hi", "to": numbers})
    messages = answer.json()["messages"]
    assert [message["to"] for message in messages] == numbers
    assert [message["messageId"] for message in messages] == sorted({message["messageId"] for message in messages})
    assert len(await house.kept()) == 20_000


async def test_twenty_thousand_and_one(house: House) -> None:
    answer = await house.send("multi", {"messages": [{"text": "hi", "to": ["1234"] * 20_001}]})
    assert faults(answer) == {"messages": ["at most 20000 destinations in a request"]}
    assert await house.kept() == []


async def test_others_are_answered_while_a_large_body_is_checked(house: House) -> None:
    large = asyncio.create_task(house.send("single", {"text": "hi", "to": ["1234"] * 20_000}))
    await asyncio.sleep(0)
    assert (await house.send("single", HI)).status_code == 200
    assert not large.done()
    assert (await large).status_code == 200


async def test_a_store_that_refuses_is_503(house: House) -> None:
    class Full:
        """A store whose disk is full."""

        accounts = house.store.accounts

        async def accept(self, account: AccountId, bulk: Bulk, now: Instant) -> set[str]:
            raise StoreUnavailable("disk full")

    full: Any = Full()
    woken: list[None] = []
    authenticator = Authenticator(full)
    messages = Messages(full, authenticator, Network.SANDBOX, lambda: woken.append(None), lambda: 1_000)
    app = app_of(messages=messages)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        answer = await client.post("/tts/3/single", json=HI, headers=dict(house.client.headers))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "SERVICE_UNAVAILABLE" in answer.text
    assert woken == []
