"""GET /tts/3/logs over HTTP: what may be asked, what is refused, both forms (contract sections 1, 4 and 7)."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import httpx
import pytest
from infobip_api_client.models.calls_logs_response import CallsLogsResponse

from ringback.api.errors import ApiError
from ringback.api.logs import log_query
from ringback.model.call import CallResult, Cause
from ringback.model.settle import Terms, report_of
from ringback.model.tariff import Rate, RateDeck
from ringback.store.store import LogQuery
from tests.api.house import House, faults
from tests.api.test_sends import advanced

DECK = RateDeck({"": Rate("", "21901", Decimal("0.00000050"), "EUR")})


async def logs(house: House, **asked: Any) -> list[dict[str, Any]]:
    answer = await house.client.get("/tts/3/logs", params=asked)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


async def ids(house: House, **asked: Any) -> list[str]:
    return [result["messageId"] for result in await logs(house, **asked)]


async def with_three(house: House) -> None:
    """One that was answered, one that nobody answered, one that is pending."""
    for name, to in (("heard", "111"), ("missed", "222"), ("pending", "333")):
        await house.send(
            "advanced",
            {
                "bulkId": f"b-{name}",
                "messages": [{"from": "41790", "text": f"<{name}>", "destinations": [{"to": to, "messageId": name}]}],
            },
        )
    for call in await house.store.claim(2, 1_000):
        cause = Cause.ANSWERED if call.to == "111" else Cause.NO_ANSWER
        result = CallResult(cause, ended_at=9_000, invited_at=2_000, answered_at=3_000 if call.to == "111" else None)
        await house.store.finish(call, result, report_of(call, result, Terms(DECK, "http://here")))


async def test_everything_newest_first_as_often_as_asked(house: House) -> None:
    await with_three(house)
    for _ in range(2):
        assert await ids(house) == ["missed", "heard", "pending"]
    heard = (await logs(house, messageId="heard"))[0]
    assert {**heard, "status": heard["status"]["name"], "error": heard["error"]["name"]} == {
        "bulkId": "b-heard",
        "messageId": "heard",
        "from": "41790",
        "to": "111",
        "text": "<heard>",
        "sentAt": "1970-01-01T00:00:02.000+0000",
        "doneAt": "1970-01-01T00:00:09.000+0000",
        "duration": 6,
        "mccMnc": "21901",
        "price": {"pricePerSecond": 5e-7, "currency": "EUR"},
        "status": "DELIVERED_TO_HANDSET",
        "error": "VOICE_ANSWERED",
    }


ASKED = {
    "from": ({"from": "41790"}, ["missed", "heard", "pending"]),
    "another from": ({"from": "41791"}, []),
    "to": ({"to": "+(2)2-2"}, ["missed"]),
    "to that can't be dialled": ({"to": "Alphanumeric"}, []),
    "bulks": ({"bulkId": ["b-heard", "b-pending", "unknown"]}, ["heard", "pending"]),
    "messages": ({"messageId": ["missed", "pending", "unknown"]}, ["missed", "pending"]),
    "both": ({"messageId": ["missed", "pending"], "bulkId": "b-pending"}, ["pending"]),
    "delivered": ({"generalStatus": "DELIVERED"}, ["heard"]),
    "expired": ({"generalStatus": "expired"}, ["missed"]),
    "accepted": ({"generalStatus": "ACCEPTED"}, []),
    "mcc": ({"mcc": "219"}, ["missed", "heard"]),
    "mnc": ({"mnc": "01", "generalStatus": "EXPIRED"}, ["missed"]),
    "another network": ({"mcc": "219", "mnc": "02"}, []),
    "since": ({"sentSince": "1970-01-01T01:00:01.001+01:00"}, ["missed", "heard"]),
    "until": ({"sentUntil": "1970-01-01T00:00:01.000Z"}, ["pending"]),
    "since and until": ({"sentSince": "1970-01-01T00:00:02Z", "sentUntil": "1970-01-01T00:00:01Z"}, []),
    "limit": ({"limit": "1"}, ["missed"]),
    "empty ones": ({"from": "", "limit": "", "mcc": "", "bulkId": ["", " "]}, ["missed", "heard", "pending"]),
    "unknown ones": ({"colour": "red"}, ["missed", "heard", "pending"]),
}


@pytest.mark.parametrize(("asked", "expected"), ASKED.values(), ids=ASKED.keys())
async def test_filters(house: House, asked: dict[str, Any], expected: list[str]) -> None:
    await with_three(house)
    assert await ids(house, **asked) == expected


@pytest.mark.parametrize(
    "written",
    [
        "1970-01-01T01:00:01.000+01:00",
        "1970-01-01T01:00:01.000000+0100",
        "1970-01-01T01:00:01+01",
        "1970-01-01T00:00:01Z",
    ],
)
def test_times_in_every_form_with_or_without_the_plus_encoded(written: str) -> None:
    for sent in (written, quote(written, safe=""), quote(f" {written} ", safe="+")):
        query = f"sentSince={sent}&sentUntil={sent}".encode()
        assert log_query(query) == LogQuery(since=1_000, until=1_000)


async def test_every_fault_is_named(house: House) -> None:
    answer = await house.client.get(
        "/tts/3/logs",
        params={
            "limit": "0",
            "generalStatus": "LOST",
            "sentSince": "2015-07-07T17:00:00",
            "sentUntil": "yesterday",
            "mcc": "21",
            "mnc": "x",
        },
    )
    assert faults(answer) == {
        "limit": ["must be an integer of 1 or more; above 1000 it is taken as 1000"],
        "generalStatus": ["must be one of ACCEPTED, PENDING, UNDELIVERABLE, DELIVERED, EXPIRED, REJECTED"],
        "sentSince": ["must say its time zone, such as 2015-07-07T17:00:00.000+01:00"],
        "sentUntil": ["must be a date and time, such as 2015-07-07T17:00:00.000+01:00"],
        "mcc": ["must be 3 digits"],
        "mnc": ["must be 2 or 3 digits"],
    }


LIMITS = {"1": 1, "1000": 1_000, "1001": 1_000, "9" * 40: 1_000, "+7": 7}


@pytest.mark.parametrize(("given", "taken"), LIMITS.items(), ids=[key[:5] for key in LIMITS])
def test_limits(given: str, taken: int) -> None:
    assert log_query(f"limit={quote(given)}".encode()) == LogQuery(limit=taken)


@pytest.mark.parametrize(
    "query", [b"limit=-1", b"limit=1.5", b"limit=ten", b"from=%FF", b"&".join([b"bulkId=b"] * 1_001)]
)
def test_refused(query: bytes) -> None:
    with pytest.raises(ApiError) as refusal:
        log_query(query)
    assert refusal.value.status == 400


def test_a_thousand_messages_may_be_asked_for() -> None:
    assert len(log_query(b"&".join([b"messageId=m"] * 1_000)).message_ids) == 1_000


async def test_xml(house: House) -> None:
    await with_three(house)
    answer = await house.client.get("/tts/3/logs", headers={"Accept": "application/xml"})
    assert answer.headers["content-type"] == "application/xml"
    root = ElementTree.fromstring(answer.content)  # noqa: S314 - it is ours
    assert root.tag == "logsResponse"
    results = root.findall("results/result")
    assert [result.findtext("messageId") for result in results] == ["missed", "heard", "pending"]
    assert results[1].findtext("text") == "<heard>"
    assert results[1].findtext("price/pricePerMessage") == "0.00000050"
    assert [child.tag for child in results[2]] == "bulkId messageId from to text sentAt status error".split()  # noqa: SIM905
    assert results[2].findtext("status/name") == "PENDING_ACCEPTED"


async def test_empty(house: House) -> None:
    assert (await house.client.get("/tts/3/logs")).content == b'{"results":[]}'
    answer = await house.client.get("/tts/3/logs", headers={"Accept": "text/xml"})
    assert answer.text == "<logsResponse><results/></logsResponse>"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_thousand_are_shown_in_both_forms(house: House) -> None:
    await house.send("single", {"text": "hi", "to": ["1234"] * 1_200})
    assert len(await logs(house, limit="5000")) == 1_000
    assert len(await logs(house)) == 50
    answer = await house.client.get("/tts/3/logs?limit=1000", headers={"Accept": "application/xml"})
    assert answer.text.count("<result>") == 1_000


async def test_another_account_sees_nothing_of_it(house: House) -> None:
    await with_three(house)
    async with house.client_of("Jasmine") as jasmine:
        for query in ("", "?bulkId=b-heard", "?messageId=heard", "?to=111", "?from=41790", "?generalStatus=DELIVERED"):
            assert (await jasmine.get(f"/tts/3/logs{query}")).content == b'{"results":[]}'


async def test_who_may_ask_and_how(house: House) -> None:
    async with house.without_credentials() as client:
        assert (await client.get("/tts/3/logs?limit=0")).status_code == 401
    assert (await house.client.get("/tts/3/logs", headers={"Accept": "text/html"})).status_code == 406
    answer: httpx.Response = await house.client.post("/tts/3/logs", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_what_was_refused_is_in_no_log(house: House) -> None:
    await house.send("advanced", advanced({"to": "Alphanumeric", "messageId": "a"}, {"to": "123", "messageId": "b"}))
    assert await ids(house) == ["b"]


async def test_the_official_client_reads_it(house: House) -> None:
    """Its models are strict about types (contract section 8)."""
    await with_three(house)
    read = CallsLogsResponse.from_json((await house.client.get("/tts/3/logs")).text)
    assert read is not None
    assert read.results is not None
    assert [(log.message_id, log.duration, log.mcc_mnc) for log in read.results] == [
        ("missed", 0, "21901"),
        ("heard", 6, "21901"),
        ("pending", None, None),
    ]
    assert log_query(b"sentSince=1970-01-01T00%3A00%3A01.000000%2B0000").since == 1_000  # as it writes a datetime
