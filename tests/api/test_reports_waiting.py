"""`Prefer: wait`: held until a report comes, in turn, and never for a client that has gone."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ringback.api.question import patience
from ringback.store.store import Filter
from tests.api.test_reports import NONE, NONE_XML, URL, Desk, ids, opened
from tests.eventually import eventually_async


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


class Client:
    """A request spoken as ASGI, so that it can hang up."""

    def __init__(self, desk: Desk, query: str = "", **headers: str) -> None:
        named = {"authorization": f"App {desk.keys['Aladdin']}", "prefer": "wait=30"}
        named |= {key.replace("_", "-"): value for key, value in headers.items()}
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": URL,
            "query_string": query.encode(),
            "headers": [(key.encode(), value.encode()) for key, value in named.items()],
        }
        self._desk = desk
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.sent: list[dict[str, Any]] = []
        self.task: asyncio.Task[None] | None = None

    def start(self) -> "Client":
        self.task = asyncio.create_task(self._desk.app(self._scope, self._incoming.get, self._send))
        return self

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def waits(self) -> "Client":
        """Started, and in its place; what can run has run."""
        if self.task is None:
            before = places(self._desk)
            self.start()
            await eventually_async(lambda: places(self._desk) > before, 10, "a place in the queue")
        for _ in range(50):
            await self._desk.store.take(0, 1, wanted=Filter(), now=0)
        assert not self.sent
        return self

    def hang_up(self) -> None:
        self._incoming.put_nowait({"type": "http.disconnect"})

    async def answer(self) -> list[str]:
        assert self.task is not None
        await asyncio.wait_for(self.task, 10)
        return [report["messageId"] for report in json.loads(self.sent[1]["body"])["results"]]


def places(desk: Desk) -> int:
    return sum(len(queue) for queue in desk.waiting._bells.values())


async def test_the_answer_comes_when_the_report_does(desk: Desk) -> None:
    waiting = asyncio.create_task(desk.ask(Prefer="wait=30"))
    await eventually_async(lambda: places(desk), 10, "a place in the queue")
    assert not waiting.done()
    await desk.stock("a")
    answer = await asyncio.wait_for(waiting, 10)
    assert ids(answer) == ["a"]
    assert answer.headers["preference-applied"] == "wait=30"
    assert places(desk) == 0


async def test_what_is_there_is_given_at_once(desk: Desk) -> None:
    order = await desk.stock(2)
    answer = await asyncio.wait_for(desk.ask(Prefer="wait=60"), 10)
    assert ids(answer) == order
    assert answer.headers["preference-applied"] == "wait=60"


@pytest.mark.parametrize(("accept", "empty"), [("application/json", NONE), ("application/xml", NONE_XML)])
async def test_when_the_time_is_up_it_is_empty(desk: Desk, accept: str, empty: bytes) -> None:
    answer = await desk.ask(Prefer="wait=1", Accept=accept)
    assert (answer.status_code, answer.content) == (200, empty)
    assert answer.headers["preference-applied"] == "wait=1"
    assert await desk.stock("a") == await desk.ids()


PREFER = [
    ("wait=20", 20),
    ("wait=60", 60),
    ("wait=61", 60),
    ("wait=" + "9" * 400, 60),
    ("wait=007", 7),
    ('wait="5"', 5),
    ("Wait = 5", 5),
    ("respond-async, wait=10", 10),
    ("wait=10; foo=bar, handling=strict", 10),
    ("wait=0", None),
    ("wait=000", None),
    ("wait", None),
    ("wait=", None),
    ("wait=-5", None),
    ("wait=1.5", None),
    ("wait=5s", None),
    ("wait=x", None),
    ("await=5", None),
    ("", None),
    ("return=minimal", None),
]


@pytest.mark.parametrize(("prefer", "seconds"), PREFER, ids=lambda value: str(value)[:20])
async def test_prefer(desk: Desk, prefer: str, seconds: int | None) -> None:
    assert patience(prefer.encode()) == seconds
    await desk.stock("a")
    answer = await asyncio.wait_for(desk.ask(Prefer=prefer), 10)
    assert answer.headers.get("preference-applied") == (seconds and f"wait={seconds}")
    if seconds is None:
        assert (await asyncio.wait_for(desk.ask(Prefer=prefer), 5)).content == NONE


async def test_prefer_may_stand_on_several_lines(desk: Desk) -> None:
    await desk.stock("a")
    lines = [("Prefer", "wait=9"), ("Prefer", "handling=lenient")]
    answer = await desk.plain("GET", "", [("Authorization", f"App {desk.keys['Aladdin']}"), *lines])
    assert answer.headers["preference-applied"] == "wait=9"


async def test_an_error_does_not_wait(desk: Desk) -> None:
    answer = await asyncio.wait_for(desk.ask("limit=0", Prefer="wait=30"), 5)
    assert answer.status_code == 400


MIXED = [
    ["limit=1"] * 4,
    ["bulkId=b&limit=1"] * 4,
    ["limit=1", "bulkId=b&limit=1", "limit=1", "bulkId=b&limit=1"],
    ["bulkId=b&limit=1", "limit=1", "bulkId=b&limit=1", "limit=1"],
    ["limit=1", "limit=1", "messageId=m2", "bulkId=b&limit=1"],
]


@pytest.mark.parametrize("queries", MIXED)
async def test_they_are_served_in_the_order_in_which_they_came(desk: Desk, queries: list[str]) -> None:
    clients = [await Client(desk, query).waits() for query in queries]
    await desk.accepted("b", [f"m{number}" for number in range(4)])
    for number, client in enumerate(clients):
        assert not any(later.sent for later in clients[number:])
        await desk.finish_next()
        assert await client.answer() == [f"m{number}"]
    assert await desk.ids() == []


async def test_a_waiter_takes_only_what_it_asked_for(desk: Desk) -> None:
    client = await Client(desk, "messageId=wanted").waits()
    await desk.stock("other")
    await client.waits()
    await desk.stock("wanted")
    assert await client.answer() == ["wanted"]
    assert await desk.ids() == ["other"]


async def test_another_accounts_report_wakes_nobody(desk: Desk) -> None:
    client = await Client(desk).waits()
    await desk.stock("hers", name="Jasmine")
    await client.waits()
    await desk.stock("mine")
    assert await client.answer() == ["mine"]


async def test_a_client_that_went_away_takes_nothing(desk: Desk) -> None:
    gone = [await Client(desk).waits() for _ in range(2)]
    for client in gone:
        client.hang_up()
    await desk.stock("a")
    for client in gone:
        assert await client.answer() == []
    assert await desk.ids() == ["a"]
    assert places(desk) == 0


async def test_its_place_goes_to_the_next(desk: Desk) -> None:
    first, second = await Client(desk, "limit=1").waits(), await Client(desk, "limit=1").waits()
    first.hang_up()
    await desk.stock("a")
    assert (await first.answer(), await second.answer()) == ([], ["a"])


async def test_one_that_went_away_before_its_first_look_takes_nothing(desk: Desk) -> None:
    await desk.ask()  # signed in
    await desk.stock("a")
    client = Client(desk)
    client.hang_up()
    assert await client.start().answer() == []
    assert await desk.ids() == ["a"]


async def test_one_that_went_away_while_its_key_was_anothers_takes_nothing(desk: Desk) -> None:
    first = await Client(desk, "messageId=nobody", idempotency_key="k").waits()
    second = Client(desk, idempotency_key="k").start()
    for _ in range(50):
        await asyncio.sleep(0)
    second.hang_up()
    await desk.stock("a")
    first.hang_up()
    assert (await first.answer(), await second.answer()) == ([], [])
    assert await desk.ids() == ["a"]


async def test_closing_answers_everybody_at_once(desk: Desk) -> None:
    clients = [await Client(desk, query).waits() for query in ("", "bulkId=x", "limit=1")]
    desk.waiting.close()
    assert [await client.answer() for client in clients] == [[], [], []]
    assert await Client(desk).start().answer() == []  # nobody waits any longer
    assert places(desk) == 0


async def test_closing_gives_what_is_there(desk: Desk) -> None:
    desk.waiting.close()
    await desk.stock("a")
    assert await Client(desk).start().answer() == ["a"]
