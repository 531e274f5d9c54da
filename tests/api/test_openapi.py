"""The OpenAPI document: valid, whole, and true of the server that serves it."""

import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from ringback.api.auth import Authenticator
from ringback.api.logs import log_query
from ringback.api.reports import Reports
from ringback.api.schema import operations
from ringback.api.schema.operation import Operation
from ringback.api.waiting import Waiting
from tests.api.described import DOCUMENT, OPERATIONS, ROUTES, Json, contents, faults_of, resolved
from tests.api.house import NOW, House

FOUNDING = Path(__file__).parents[1] / "journey" / "founding"
PAGES = {"/", "/docs", "/openapi.json"}
WITNESSES = {"Idempotency-Key": "k" * 256, "Prefer": "wait=1", "Range": "bytes=1-"}


def test_it_is_openapi_3_1() -> None:
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []


async def test_it_is_served_to_anybody(house: House) -> None:
    async with house.without_credentials() as client:
        answer = await client.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.json()["servers"] == [{"url": "/"}]
    assert answer.json()["paths"] == DOCUMENT["paths"]
    assert DOCUMENT["servers"] == [{"url": "http://here:8080"}]


async def test_every_route_is_described_and_nothing_else(house: House) -> None:
    """The router's own list, apart from the pages for people; the front answers the reports without it."""
    served: dict[str, set[str]] = {}
    for route in house.app._rest.routes:  # type: ignore[attr-defined]
        served.setdefault(route.path, set()).update(route.methods - {"HEAD"})
    by_pattern: dict[str, set[str]] = {}
    for one in ROUTES:
        if one.endpoint:
            by_pattern.setdefault(one.pattern or one.path, set()).add(one.method)
    assert {path: methods for path, methods in served.items() if path not in PAGES} == by_pattern
    assert {f"{one.method} {one.path}" for one in ROUTES} == set(OPERATIONS)


def test_nothing_is_described_that_has_no_route() -> None:
    described = [value for value in vars(operations).values() if isinstance(value, Operation)]
    assert {one.name for one in described} == {one.operation.name for one in ROUTES}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_route_is_there_and_asks_who_it_is(full: House, name: str) -> None:
    method, path = name.split()
    async with full.without_credentials() as client:
        answer = await client.request(method, re.sub(r"\{\w+\}", "1234", path))
        unsigned = OPERATIONS[name].get("security") == []
        assert (answer.status_code == 401) is not unsigned, answer.text
        other = await client.request("PATCH", re.sub(r"\{\w+\}", "1234", path))
        assert other.status_code == 405


def test_names_are_good_for_methods_of_a_client() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name) for name in names)


def test_all_that_is_referred_to_is_there_and_the_other_way_round() -> None:
    text = repr(DOCUMENT)
    used = set(re.findall(r"'\$ref': '#/components/(\w+)/(\w+)'", text))
    there = {(kind, name) for kind in ("schemas", "responses") for name in DOCUMENT["components"][kind]}
    assert used == there


EXAMPLES = [
    (f"{name} {media} {key}", media, content["schema"], example["value"])
    for name, operation in OPERATIONS.items()
    for media, content in contents(operation)
    for key, example in content.get("examples", {}).items()
]


@pytest.mark.parametrize(("media", "schema", "value"), [one[1:] for one in EXAMPLES], ids=[one[0] for one in EXAMPLES])
def test_examples_are_what_they_are_examples_of(media: str, schema: Json, value: Any) -> None:
    if media == "application/json":
        assert faults_of(value, schema) == []
        return
    root = ElementTree.fromstring(value)  # noqa: S314 - our own
    assert root.tag == schema["xml"]["name"]
    assert {child.tag for child in root} <= set(resolved({"$ref": schema["$ref"]})["properties"])


@pytest.mark.parametrize("media", ["application/json", "application/xml"])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith("POST /tts/3/")])
async def test_examples_of_sends_are_accepted(house: House, name: str, media: str) -> None:
    for example in OPERATIONS[name]["requestBody"]["content"][media]["examples"].values():
        answer = await house.client.post(
            name.split()[1],
            headers={"Content-Type": media},
            **({"content": example["value"]} if "xml" in media else {"json": example["value"]}),
        )
        assert answer.status_code == 200, answer.text
        assert answer.text.count("PENDING_ACCEPTED") == len(answer.json()["messages"])
        assert (
            faults_of(answer.json(), OPERATIONS[name]["responses"]["200"]["content"]["application/json"]["schema"])
            == []
        )


@pytest.mark.parametrize("sample", ["all", "limit-2"])
@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_founding_page_s_samples_are_shipped_to_the_letter(sample: str, form: str) -> None:
    shipped = (files("ringback.api.schema") / "samples" / f"reports-{sample}.{form}").read_bytes()
    assert shipped == (FOUNDING / sample / f"response.{form}").read_bytes()
    content = OPERATIONS["GET /tts/3/reports"]["responses"]["200"]["content"]
    assert sample in content[f"application/{form}"]["examples"]


class Asked(dict[str, str]):
    """Parameters that note which of them are read."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__(given)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


LOGS = {
    "from": "41793026700",
    "to": "41793026727",
    "bulkId": "b",
    "messageId": "m",
    "generalStatus": "PENDING",
    "sentSince": "2015-07-07T17:00:00.000+0100",
    "sentUntil": "2015-07-07T17:00:00.000+0100",
    "limit": "7",
    "mcc": "219",
    "mnc": "01",
}


def test_the_filters_of_logs_that_are_described_are_read() -> None:
    assert set(LOGS) == {one["name"] for one in OPERATIONS["GET /tts/3/logs"]["parameters"]}
    unfiltered = log_query(b"")
    for name, value in LOGS.items():
        assert log_query(urlencode({name: value}).encode()) != unfiltered, name


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "GET /tts/3/logs"])
async def test_the_query_parameters_that_are_described_are_those_that_are_read(
    full: House, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked({})
    for module in [module for name, module in sys.modules.items() if name.startswith("ringback.api.")]:
        if hasattr(module, "parameters"):
            monkeypatch.setattr(module, "parameters", lambda _query: asked)
    method, path = name.split()
    json = {"sendAt": "2030-01-01T00:00:00Z", "status": "PAUSED"} if method == "PUT" else None
    query = {"unknown": name}  # the answer to a question is remembered
    await full.client.request(method, re.sub(r"\{\w+\}", "1234", path), params=query, json=json)
    assert asked.names == {one["name"] for one in OPERATIONS[name]["parameters"] if one["in"] == "query"}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_the_headers_that_are_described_are_read(full: House, name: str) -> None:
    method, path = name.split()
    described = {one["name"] for one in OPERATIONS[name]["parameters"] if one["in"] == "header"}
    url = re.sub(r"\{\w+\}", "1234", path)
    ask = {"json": {"to": "1234", "text": "Hi."}} if method in ("POST", "PUT") else {}
    answers = {
        header: await full.client.request(method, url, headers={header: value}, **ask)  # type: ignore[arg-type]
        for header, value in WITNESSES.items()
    }
    assert ("Idempotency-Key" in answers["Idempotency-Key"].text) is ("Idempotency-Key" in described)
    assert ("preference-applied" in answers["Prefer"].headers) is ("Prefer" in described)
    assert described <= set(WITNESSES)


@pytest.fixture
async def full(house: House) -> House:
    """The house with its endpoint of reports."""
    house.app._reports = Reports(house.store, Authenticator(house.store), Waiting(), lambda: NOW)  # type: ignore[attr-defined]
    return house
