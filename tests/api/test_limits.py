"""What an account may do at most: requests a second, destinations that wait (issue 3, item 11)."""

import asyncio
from collections import Counter

import httpx
import pytest

from tests.api.door import REPORTS, SESSION, Door, basic
from tests.api.house import faults

SEND = {"messages": [{"destinations": [{"to": "41790000001"}], "text": "hi"}]}


def too_many(answer: httpx.Response) -> str:
    assert answer.status_code == 429, answer.text
    assert answer.json()["requestError"]["serviceException"]["messageId"] == "TOO_MANY_REQUESTS"
    wait: str = answer.headers["retry-after"]
    assert wait.isdigit()
    assert int(wait) >= 1
    return wait


async def test_a_second_s_worth_then_429_until_there_is_room(door: Door) -> None:
    await door.add("Abu", requests_per_second=3)
    key = door.app_key("Abu")
    assert [await door.status(key) for _ in range(4)] == [200, 200, 200, 429]
    assert too_many(await door.ask(key)) == "1"
    door.seconds = 0.34
    assert [await door.status(key) for _ in range(2)] == [200, 429]
    door.seconds = 10
    assert [await door.status(key) for _ in range(4)] == [200, 200, 200, 429]


ENDPOINTS = [
    ("GET", REPORTS),
    ("GET", "/voice/1/reports"),
    ("POST", "/tts/3/single"),
    ("POST", "/tts/3/multi"),
    ("POST", "/tts/3/advanced"),
    ("GET", "/tts/3/bulks?bulkId=b"),
    ("PUT", "/tts/3/bulks?bulkId=b"),
    ("GET", "/tts/3/bulks/status?bulkId=b"),
    ("PUT", "/tts/3/bulks/status?bulkId=b"),
    ("GET", "/tts/3/files/a/1"),
    ("GET", "/tts/3/logs"),
    ("GET", "/tts/3/voices/en"),
    ("GET", "/ringback/1/ledger"),
    ("DELETE", SESSION),
]


@pytest.mark.parametrize(("method", "url"), ENDPOINTS)
async def test_on_every_endpoint(door: Door, method: str, url: str) -> None:
    await door.add("Abu", requests_per_second=1)
    assert await door.status(door.app_key("Abu")) == 200
    too_many(await door.ask(door.app_key("Abu"), url, method))


async def test_signing_in_is_a_request(door: Door) -> None:
    await door.add("Abu", requests_per_second=1)
    credentials = {"username": "Abu", "password": "open sesame"}
    assert (await door.sign_in(credentials)).status_code == 200
    too_many(await door.sign_in(credentials))


async def test_all_credentials_of_an_account_count_together(door: Door) -> None:
    await door.add("Abu", requests_per_second=2)
    token = await door.token("Abu")
    assert await door.status(basic("Abu")) == 200
    assert await door.status(door.app_key("Abu")) == 429
    assert await door.status(token) == 429


async def test_nobody_else_notices(door: Door) -> None:
    await door.add("Abu", requests_per_second=1)
    asked = [door.status(door.app_key("Abu")) for _ in range(20)]
    others = [door.status(door.app_key(name)) for name in ("Aladdin", "Jasmine") for _ in range(20)]
    answers = await asyncio.gather(*asked, *others)
    assert Counter(answers[:20]) == {200: 1, 429: 19}
    assert answers[20:] == [200] * 40


async def test_a_limit_is_set_and_taken_away_while_it_runs(door: Door) -> None:
    key = door.app_key("Aladdin")
    await door.store.change_account("Aladdin", limits={"requests_per_second": 1})
    assert [await door.status(key) for _ in range(3)] == [200, 429, 429]
    await door.store.change_account("Aladdin", limits={"requests_per_second": None})
    assert [await door.status(key) for _ in range(3)] == [200, 200, 200]


async def test_a_change_of_accounts_gives_nobody_a_new_second(door: Door) -> None:
    await door.add("Abu", requests_per_second=1)
    assert await door.status(door.app_key("Abu")) == 200
    door.authenticator.forget()
    assert await door.status(door.app_key("Abu")) == 429
    door.seconds = 2
    door.authenticator.forget()
    assert door.authenticator._limits._buckets == {}


async def test_too_many_destinations_waiting_are_429_and_nothing_is_kept(door: Door) -> None:
    await door.add("Abu", waiting=3)

    async def send(count: int) -> httpx.Response:
        body = {"messages": [{"destinations": [{"to": "41790000001"}] * count, "text": "hi"}]}
        return await door.ask(door.app_key("Abu"), "/tts/3/advanced", "POST", json=body)

    assert list(faults(await send(4))) == ["messages"]  # patience would not help
    assert (await send(2)).status_code == 200
    assert int(too_many(await send(2))) >= 1
    assert (await send(1)).status_code == 200
    too_many(await send(1))
    assert len(await door.store.claim(9, 1_750_000_000_000)) == 3
    assert (await send(3)).status_code == 200, "those that are called wait no more"


async def test_faults_come_before_the_limit(door: Door) -> None:
    await door.add("Abu", waiting=1)
    body = {"messages": [{"destinations": [{"to": "1234"}] * 2, "text": ""}]}
    assert faults(await door.ask(door.app_key("Abu"), "/tts/3/advanced", "POST", json=body))
