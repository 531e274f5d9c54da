"""`GET /voice/1/reports`: the same queue as `/tts/3/reports`, the same rules, another form."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from infobip_api_client.models.calls_report_response import CallsReportResponse

from ringback.model.message import Bulk, Destination, Network, VoiceMessage
from tests.api import test_reports
from tests.api.test_reports import NONE, NONE_XML, XML, Desk, ids, opened, parsed, refusal
from tests.eventually import eventually_async
from tests.store.builders import NOW, finish_all

FOUNDING, LATER = "/tts/3/reports", "/voice/1/reports"
FORMS = [{"Accept": "application/json"}, {"Accept": "application/xml"}]


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """It asks for the later form."""
    monkeypatch.setattr(test_reports, "URL", LATER)
    async with opened(tmp_path) as desk:
        yield desk


async def founding(desk: Desk, query: str = "", **headers: str) -> httpx.Response:
    """Asks for the founding page's form."""
    named = {"Authorization": f"App {desk.keys['Aladdin']}"} | {k.replace("_", "-"): v for k, v in headers.items()}
    transport = httpx.ASGITransport(desk.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here:8080") as client:
        return await client.get(f"{FOUNDING}?{query}", headers=named)


async def test_a_report_taken_by_one_is_gone_for_the_other(desk: Desk) -> None:
    order = await desk.stock(6)
    assert await desk.ids("limit=2") == order[:2]
    assert ids(await founding(desk, "limit=1")) == order[2:3]
    assert await desk.ids(f"messageId={order[4]}") == order[4:5]
    assert ids(await founding(desk)) == [order[3], order[5]]
    assert (await desk.ask()).content == NONE
    assert (await desk.ask(**XML)).content == NONE_XML


async def test_both_take_at_once_each_in_its_form(desk: Desk) -> None:
    """They share one step of a transaction."""
    order = await desk.stock(4)
    one, other = await asyncio.gather(desk.ask("limit=2"), founding(desk, "limit=2"))
    assert sorted(ids(one) + ids(other)) == sorted(order)
    assert all("voiceCall" in report for report in one.json()["results"])
    assert all("doneAt" in report for report in other.json()["results"])


async def test_a_report_as_the_official_client_reads_it(desk: Desk) -> None:
    message = VoiceMessage(text="x", caller="4144", callback_data="<&>", max_dtmf=1)
    bulk = Bulk("b", Network.SANDBOX, ((message, (Destination("41790000000", "m"),)),))
    await desk.store.accept(desk.accounts["Aladdin"].id, bulk, NOW)
    await finish_all(desk.store)
    read = CallsReportResponse.from_json((await desk.ask()).text)
    assert read
    assert read.results
    (report,) = read.results
    assert (report.bulk_id, report.message_id, report.var_from, report.to) == ("b", "m", "4144", "41790000000")
    assert (report.callback_data, report.price) == ("<&>", None)
    assert report.voice_call
    assert (report.voice_call.duration, report.voice_call.dtmf_codes) == (7, "1")
    assert report.voice_call.answer_time == "2025-06-15T15:06:42.000+0000"
    assert report.voice_call.end_time == "2025-06-15T15:06:49.000+0000"


async def test_xml_says_what_json_says(desk: Desk) -> None:
    await desk.stock("a", "b", bulk="b")
    in_json = (await desk.ask("limit=1")).json()["results"][0]
    answer = await desk.ask(**XML)
    assert answer.text.startswith("<reportResponse><results><result><bulkId>b</bulkId><messageId>b</messageId>")
    result = parsed(answer.content).find("results/result")
    assert result is not None
    assert [child.tag for child in result] == [key for key, value in in_json.items() if value is not None]
    call = {key: value for key, value in in_json["voiceCall"].items() if value is not None}
    assert [child.tag for child in result.findall("voiceCall/*")] == list(call)
    assert result.findtext("voiceCall/duration") == str(call["duration"])


@pytest.mark.parametrize("accept", FORMS)
async def test_a_thousand_at_once(desk: Desk, accept: dict[str, str]) -> None:
    await desk.stock(1_003)
    assert (await desk.ask("limit=1000", **accept)).content.count(b"Text-to-Speech") == 1_000
    assert (await desk.ask("limit=1000", Prefer="wait=1", **accept)).content.count(b"Text-to-Speech") == 3


@pytest.mark.parametrize("accept", FORMS)
async def test_the_same_key_gets_the_same_bytes_and_on_the_other_path_it_is_422(
    desk: Desk, accept: dict[str, str]
) -> None:
    order = await desk.stock(4)
    first = await desk.ask("limit=2", Idempotency_Key="k", **accept)
    again = await desk.ask("limit=2", Idempotency_Key="k", **accept)
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    assert first.content.count(b"Text-to-Speech") == 2
    other = await founding(desk, "limit=2", Idempotency_Key="k", **accept)
    assert other.status_code == 422
    assert ids(await founding(desk)) == order[2:]


async def test_while_a_key_waits_here_the_other_path_waits_its_turn(desk: Desk) -> None:
    here = asyncio.ensure_future(desk.ask(Idempotency_Key="k", Prefer="wait=20"))
    await eventually_async(lambda: bool(desk.waiting._bells), 5, "somebody waits")
    there = asyncio.ensure_future(founding(desk, Idempotency_Key="k"))
    order = await desk.stock(1)
    assert ids(await here) == order
    assert (await here).headers["preference-applied"] == "wait=20"
    assert (await there).status_code == 422


@pytest.mark.parametrize("method", ["HEAD", "POST", "DELETE"])
async def test_other_methods_are_405_and_take_nothing(desk: Desk, method: str) -> None:
    order = await desk.stock("a")
    answer = await desk.ask(method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert await desk.ids() == order


@pytest.mark.parametrize(
    ("query", "headers", "refused"),
    [("limit=0", {}, (400, "BAD_REQUEST")), ("", {"Accept": "text/html"}, (406, "NOT_ACCEPTABLE"))],
)
async def test_what_is_refused_takes_nothing(desk: Desk, query: str, headers: Any, refused: tuple[int, str]) -> None:
    order = await desk.stock("a")
    assert refusal(await desk.ask(query, **headers)) == refused
    assert (await desk.ask(name="Jasmine")).content == NONE
    assert (await desk.plain("GET", "", {})).status_code == 401
    assert await desk.ids() == order
