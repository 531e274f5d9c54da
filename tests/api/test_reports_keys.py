"""`Idempotency-Key` on a GET: the same batch again, byte for byte, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.api.test_reports import NONE, XML, Desk, ids, opened, refusal
from tests.eventually import eventually_async


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


def replayed(answer: httpx.Response) -> str | None:
    return answer.headers.get("idempotent-replayed")


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
async def test_the_same_key_gets_the_same_bytes_also_after_more_arrived(desk: Desk, accept: str) -> None:
    await desk.stock(3)
    first = await desk.ask("limit=2", Idempotency_Key="k", Accept=accept)
    await desk.stock(3)
    again = await desk.ask("limit=2", Idempotency_Key="k", Accept=accept)
    assert first.content == again.content
    assert first.content.count(b"messageId") == (2 if accept.endswith("json") else 4)
    assert (replayed(first), replayed(again)) == (None, "true")
    assert first.headers["content-type"] == again.headers["content-type"] == accept
    assert len(await desk.ids()) == 4


@pytest.mark.parametrize(
    ("query", "headers"),
    [("limit=3", {}), ("", {}), ("limit=2&x=y", {}), ("limit=2", XML), ("messageId=b", {})],
)
async def test_the_same_key_with_another_question_is_422(desk: Desk, query: str, headers: dict[str, str]) -> None:
    order = await desk.stock(4)
    first = await desk.ask("limit=2", Idempotency_Key="k")
    other = await desk.ask(query, Idempotency_Key="k", **headers)
    assert other.status_code == 422
    assert b"UNPROCESSABLE_CONTENT" in other.content
    assert (await desk.ask("limit=2", Idempotency_Key="k")).content == first.content
    assert await desk.ids() == order[2:]


async def test_another_key_gets_the_next_batch(desk: Desk) -> None:
    order = await desk.stock(4)
    answers = [await desk.ask("limit=2", Idempotency_Key=key) for key in ("one", "two", "one", "two", "three")]
    assert [ids(answer) for answer in answers] == [order[:2], order[2:], order[:2], order[2:], []]


async def test_another_accounts_same_key_is_another_key(desk: Desk) -> None:
    mine, hers = await desk.stock(2), await desk.stock(1, name="Jasmine")
    assert await desk.ids(Idempotency_Key="k") == mine
    first = await desk.ask(Idempotency_Key="k", name="Jasmine")
    assert (ids(first), replayed(first)) == (hers, None)
    assert (await desk.ask("limit=1", Idempotency_Key="k", name="Jasmine")).status_code == 422


async def test_empty_answers_are_not_remembered(desk: Desk) -> None:
    empty = await desk.ask("bulkId=later", Idempotency_Key="k")
    assert (empty.content, replayed(empty)) == (NONE, None)
    order = await desk.stock(2, bulk="later")
    found = await desk.ask("bulkId=later", Idempotency_Key="k")
    assert (ids(found), replayed(found)) == (order, None)
    assert ids(await desk.ask("bulkId=later", Idempotency_Key="k")) == order


async def test_errors_are_not_remembered(desk: Desk) -> None:
    order = await desk.stock(1)
    assert (await desk.ask("limit=0", Idempotency_Key="k")).status_code == 400
    assert (await desk.ask(Idempotency_Key="k", Accept="text/html")).status_code == 406
    assert await desk.ids(Idempotency_Key="k") == order


async def test_of_many_at_once_one_takes_and_all_get_the_same(desk: Desk) -> None:
    order = await desk.stock(6)
    answers = await asyncio.gather(*(desk.ask("limit=2", Idempotency_Key="k") for _ in range(8)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert ids(answers[0]) == order[:2]
    assert [replayed(answer) for answer in answers].count("true") == 7
    assert await desk.ids() == order[2:]


async def test_the_second_waits_while_the_first_waits(desk: Desk) -> None:
    first = asyncio.create_task(desk.ask(Idempotency_Key="k", Prefer="wait=30"))
    await eventually_async(lambda: desk.waiting._bells, 10, "a place in the queue")
    second = asyncio.create_task(desk.ask(Idempotency_Key="k"))
    assert await desk.ids() == []
    assert [task.done() for task in (first, second)] == [False, False]
    order = await desk.stock(1)
    answers = await asyncio.gather(first, second)
    assert answers[0].content == answers[1].content
    assert [replayed(answer) for answer in answers] == [None, "true"]
    assert ids(answers[0]) == order
    assert await desk.ids() == []


@pytest.mark.parametrize("key", ["", '""', "two words", "x" * 256, "ä", '"' + "x" * 256 + '"'])
async def test_a_malformed_key_is_400_and_takes_nothing(desk: Desk, key: str) -> None:
    order = await desk.stock(1)
    answer = await desk.plain(
        "GET", "", [("Authorization", f"App {desk.keys['Aladdin']}"), ("Idempotency-Key", key.encode())]
    )
    assert refusal(answer) == (400, "BAD_REQUEST")
    assert "Idempotency-Key" in answer.text
    assert await desk.ids() == order


async def test_two_keys_in_one_request_are_400(desk: Desk) -> None:
    order = await desk.stock(1)
    keys = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    answer = await desk.plain("GET", "", [("Authorization", f"App {desk.keys['Aladdin']}"), *keys])
    assert refusal(answer) == (400, "BAD_REQUEST")
    assert await desk.ids() == order


@pytest.mark.parametrize("key", ["x" * 255, "!~", "a,b;c", '"'])
async def test_any_visible_ascii_is_a_key(desk: Desk, key: str) -> None:
    order = await desk.stock(1)
    assert await desk.ids(Idempotency_Key=key) == order == await desk.ids(Idempotency_Key=key)


async def test_a_key_in_quotes_is_the_same_key(desk: Desk) -> None:
    order = await desk.stock(1)
    assert await desk.ids(Idempotency_Key='"k"') == order == await desk.ids(Idempotency_Key="k")


async def test_a_key_that_waits_holds_up_no_other_account(desk: Desk) -> None:
    first = asyncio.create_task(desk.ask(Idempotency_Key="k", Prefer="wait=30"))
    await eventually_async(lambda: desk.waiting._bells, 10, "a place in the queue")
    hers = await desk.stock(1, name="Jasmine")
    assert await asyncio.wait_for(desk.ids(Idempotency_Key="k", name="Jasmine"), 5) == hers
    assert not first.done()
    mine = await desk.stock(1)
    assert ids(await first) == mine
