"""`GET /tts/3/reports`: the contract's section 4, and what every answer carries. On a real store, in process."""

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from ringback.api.auth import Authenticator, hash_password, new_api_key
from ringback.api.reports import Reports
from ringback.api.waiting import Waiting
from ringback.model.account import Account
from ringback.model.exceptions import StoreUnavailable
from ringback.model.message import Bulk, Destination, Network, VoiceMessage
from ringback.store.sqlite import SqliteStore
from tests.store.builders import NOW, a_bulk, an_end, finish_all, with_reports

URL = "/tts/3/reports"
PASSWORD = hash_password("open sesame")
NONE = b'{"results":[]}'
NONE_XML = b"<reportResponse><results/></reportResponse>"
XML = {"Accept": "application/xml"}


class Desk:
    """The endpoint with its store and two accounts; it asks as Aladdin unless told otherwise."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.waiting = Waiting()
        self.auth = Authenticator(store)
        self.app = Reports(store, self.auth, self.waiting, lambda: NOW)
        self.accounts: dict[str, Account] = {}
        self.keys: dict[str, str] = {}
        self._serial = 0

    async def open(self) -> None:
        self.store.on_arrival = self.waiting.ring
        self.store.on_accounts_changed = self.auth.forget
        for name in ("Aladdin", "Jasmine"):
            self.keys[name], kept = new_api_key()
            self.accounts[name] = await self.store.add_account(name, PASSWORD, kept, "UTC")

    async def stock(self, *ids: str | int, bulk: str | None = None, name: str = "Aladdin") -> list[str]:
        """Finished messages of those ids, or so many, in a bulk of their own; oldest finished first."""
        self._serial += 1
        bulk = bulk or f"bulk-{self._serial}"
        names = ids[0] if isinstance(ids[0], int) else [str(one) for one in ids]
        return await with_reports(self.store, self.accounts[name].id, bulk, names)

    async def accepted(self, bulk: str, ids: list[str]) -> None:
        await self.store.accept(self.accounts["Aladdin"].id, a_bulk(bulk, ids), NOW)

    async def finish_next(self) -> None:
        (call,) = await self.store.claim(1, NOW)
        await self.store.finish(*an_end(call))

    async def ask(
        self, query: str = "", *, name: str = "Aladdin", method: str = "GET", body: bytes = b"", **headers: str
    ) -> httpx.Response:
        """`headers` are given with _ for -; every answer is held to what all answers have."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.plain(
            method, query, {"Authorization": f"App {self.keys[name]}"} | named, body.decode() or None
        )

    async def plain(self, method: str, query: str, headers: Any, body: str | None = None) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here:8080") as client:
            del client.headers["accept"]
            answer = await client.request(method, f"{URL}?{query}", headers=headers, content=body)
        assert answer.headers.get_list("cache-control") == ["no-store"]
        assert answer.headers["content-type"] in ("application/json", "application/xml")
        return answer

    async def ids(self, query: str = "", **options: Any) -> list[str]:
        return ids(await self.ask(query, **options))


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [report["messageId"] for report in answer.json()["results"]]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["requestError"]["serviceException"]["messageId"]


def parsed(document: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(document)  # noqa: S314  (our own answer)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Desk]:
    store = SqliteStore(folder)
    await store.open()
    desk = Desk(store)
    await desk.open()
    yield desk
    desk.waiting.close()
    desk.auth.close()
    await store.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


async def test_nothing_is_an_empty_list_byte_for_byte(desk: Desk) -> None:
    assert (await desk.ask()).content == NONE
    assert (await desk.ask(**XML)).content == NONE_XML


async def test_each_report_once_oldest_first_50_unless_said(desk: Desk) -> None:
    order = await desk.stock(57)
    assert await desk.ids("limit=2") == order[:2]
    assert await desk.ids() == order[2:52]
    assert await desk.ids() == order[52:]
    assert (await desk.ask()).content == NONE


LIMITS = [("1", 1), ("050", 50), ("%2B7", 7), ("7 ".replace(" ", "%20"), 7), ("", 50), ("1000", 1_000)]
LIMITS += [("1001", 1_000), ("9" * 9, 1_000), ("9" * 30, 1_000), ("9" * 5_000, 1_000), ("0" * 30 + "3", 3)]


@pytest.mark.parametrize(("given", "most"), LIMITS, ids=lambda value: str(value)[:12])
async def test_limit(desk: Desk, given: str, most: int) -> None:
    order = await desk.stock(1_003)
    assert await desk.ids(f"limit={given}") == order[:most]
    assert await desk.ids(f"limit=1&x={given[:20]}") == order[most : most + 1]


BAD_LIMITS = ["0", "-1", "x", "1.5", "1e2", "0x10", "%20", "-0", "00", "--1", "\u0661", "1,2", "9" * 30 + "x"]


@pytest.mark.parametrize("given", BAD_LIMITS)
async def test_a_bad_limit_is_named_and_takes_nothing(desk: Desk, given: str) -> None:
    order = await desk.stock(1)
    answer = await desk.ask(f"limit={given}")
    exception = answer.json()["requestError"]["serviceException"]
    assert (answer.status_code, exception["messageId"], exception["text"]) == (400, "BAD_REQUEST", "Bad request")
    assert list(exception["validationErrors"]) == ["limit"]
    assert await desk.ids() == order


async def test_filters_narrow_and_mean_and(desk: Desk) -> None:
    one = await desk.stock("a", "b", "c", bulk="one")
    two = await desk.stock("d", "e", bulk="two")
    assert await desk.ids("bulkId=one&messageId=d") == []
    assert await desk.ids("bulkId=one&messageId=b") == ["b"]
    assert await desk.ids("messageId=b") == []
    assert await desk.ids("bulkId=two&limit=1") == two[:1]
    assert await desk.ids("bulkId=&messageId=&limit=&colour=red&bulkId=two") == ["e"]
    assert await desk.ids() == [one[0], one[2]]


@pytest.mark.parametrize("query", ["messageId=nobody", "bulkId=nobody", "bulkId=%00", "messageId=%F0%9F%98%80", "&&="])
async def test_what_is_unknown_is_empty(desk: Desk, query: str) -> None:
    if query != "&&=":
        await desk.stock("a")
    answer = await desk.ask(query)
    assert (answer.status_code, answer.content) == (200, NONE)


@pytest.mark.parametrize("query", ["bulkId=%FF", "messageId=%ED%A0%80"])
async def test_a_query_that_is_not_utf_8_is_400(desk: Desk, query: str) -> None:
    await desk.stock("a")
    assert refusal(await desk.ask(query)) == (400, "BAD_REQUEST")
    assert await desk.ids() == ["a"]


async def test_of_a_parameter_given_twice_the_first_that_says_something_counts(desk: Desk) -> None:
    order = await desk.stock("a", "b", "c")
    assert await desk.ids("limit=&limit=1&limit=2") == order[:1]
    assert await desk.ids("messageId=c&messageId=b") == ["c"]


async def test_another_account_gets_none_of_it(desk: Desk) -> None:
    await desk.stock("a", bulk="b")
    for query in ("", "bulkId=b", "messageId=a"):
        assert (await desk.ask(query, name="Jasmine")).content == NONE
    assert await desk.ids() == ["a"]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_405_and_take_nothing(desk: Desk, method: str) -> None:
    await desk.stock("a")
    answer = await desk.ask(method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert await desk.ids() == ["a"]


BAD_CREDENTIALS = [
    None,
    "",
    "Basic",
    "Basic !!",
    "Basic QWxhZGRpbjp4",
    "App",
    "App x",
    "Bearer x",
    "App " + "x" * 5_000,
]


@pytest.mark.parametrize("header", BAD_CREDENTIALS, ids=lambda value: str(value)[:20])
async def test_401_says_how_to_sign_in(desk: Desk, header: str | None) -> None:
    await desk.stock("a")
    answer = await desk.plain("GET", "", {} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="ringback"'
    assert answer.content == (
        b'{"requestError":{"serviceException":{"messageId":"UNAUTHORIZED","text":"Invalid login details"}}}'
    )
    assert await desk.ids() == ["a"]


async def test_the_founding_pages_credentials(desk: Desk) -> None:
    await desk.stock("a")
    basic = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert base64.b64decode(basic[6:]) == b"Aladdin:open sesame"
    assert ids(await desk.plain("GET", "", {"Authorization": basic})) == ["a"]


async def test_401_and_400_in_xml(desk: Desk) -> None:
    refused = await desk.plain("GET", "", XML)
    assert refused.text == (
        "<requestError><serviceException><messageId>UNAUTHORIZED</messageId>"
        "<text>Invalid login details</text></serviceException></requestError>"
    )
    bad = await desk.ask("limit=0", **XML)
    assert parsed(bad.content).findtext(".//path") == "limit"


ACCEPT = [(None, "json"), ("*/*", "json"), ("text/xml", "xml"), ("application/xml", "xml")]
ACCEPT += [("application/json;q=0.5, application/xml", "xml"), ("application/xml;q=0.5,application/json", "json")]
ACCEPT += [("application/xml, application/json", "json"), ("text/html, */*;q=0.1", "json"), ("", "json")]


@pytest.mark.parametrize(("accept", "form"), ACCEPT)
async def test_the_form_follows_accept(desk: Desk, accept: str | None, form: str) -> None:
    answer = await desk.ask(**({} if accept is None else {"Accept": accept}))
    assert answer.headers["content-type"] == f"application/{form}"
    assert answer.content == (NONE if form == "json" else NONE_XML)


async def test_an_accept_of_several_lines_is_one_list(desk: Desk) -> None:
    key = ("Authorization", f"App {desk.keys['Aladdin']}")
    lines = [key, ("Accept", "application/xml"), ("Accept", "text/html")]
    assert (await desk.plain("GET", "", lines)).content == NONE_XML
    assert (await desk.plain("GET", "", [key, key])).status_code == 401


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*, application/xml;q=0"])
async def test_406_takes_nothing(desk: Desk, accept: str) -> None:
    await desk.stock("a")
    assert refusal(await desk.ask(Accept=accept)) == (406, "NOT_ACCEPTABLE")
    assert await desk.ids() == ["a"]


@pytest.mark.parametrize("body", [b"false", b"not json at all", b"x" * 100_000])
async def test_a_gets_body_and_content_type_are_ignored(desk: Desk, body: bytes) -> None:
    await desk.stock("a", "b")
    assert await desk.ids("limit=1", body=body, Content_Type="application/json") == ["a"]
    assert await desk.ids(body=body, Content_Type="image/png") == ["b"]


HOSTILE = "</messageId><!--&amp;]]>\"'\\ Ä😀"


async def test_hostile_ids_and_callback_data_are_text(desk: Desk) -> None:
    for message_id in (HOSTILE, HOSTILE + "2"):
        message = VoiceMessage(text="x", callback_data="<script>&\r\n\t" + HOSTILE)
        bulk = Bulk("b" + message_id, Network.SANDBOX, ((message, (Destination("4179", message_id),)),))
        await desk.store.accept(desk.accounts["Aladdin"].id, bulk, NOW)
        await finish_all(desk.store)
    (in_json,) = json.loads((await desk.ask("limit=1")).content)["results"]
    root = parsed((await desk.ask(**XML)).content)
    assert (in_json["messageId"], in_json["bulkId"]) == (HOSTILE, "b" + HOSTILE)
    assert (root.findtext(".//messageId"), root.findtext(".//bulkId")) == (HOSTILE + "2", "b" + HOSTILE + "2")
    assert in_json["callbackData"] == root.findtext(".//callbackData") == "<script>&\r\n\t" + HOSTILE


async def test_xml_says_what_json_says(desk: Desk) -> None:
    await desk.stock("a", "b", bulk="b")
    in_json = (await desk.ask("limit=1")).json()["results"][0]
    answer = await desk.ask(**XML)
    result = parsed(answer.content).find("results/result")
    assert result is not None
    assert answer.text.startswith("<reportResponse><results><result><bulkId>b</bulkId><messageId>b</messageId>")
    known = {key: value for key, value in in_json.items() if value is not None}
    assert [child.tag for child in result] == list(known)
    assert result.findtext("status/name") == known["status"]["name"]
    assert re.search(r"<permanent>(true|false)</permanent>", answer.text)


class Broken(SqliteStore):
    async def take(self, *_: Any, **__: Any) -> Any:
        raise StoreUnavailable("the disk is full")


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "k"}, {"Prefer": "wait=5"}])
async def test_a_store_that_refuses_is_503_to_be_tried_again(tmp_path: Path, headers: dict[str, str]) -> None:
    store = Broken(tmp_path)
    await store.open()
    desk = Desk(store)
    await desk.open()
    answer = await desk.ask(**headers)
    assert refusal(answer) == (503, "SERVICE_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1
    assert "full" not in answer.text
    desk.auth.close()
    await store.close()
