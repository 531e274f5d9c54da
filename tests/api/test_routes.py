"""Every URL: what is there, what is not, and what goes wrong inside (contract sections 1 and 7)."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from ringback.api.auth import Authenticator
from ringback.api.errors import ApiError, body_of, error_of
from ringback.api.files import Files, asked_for
from ringback.model.exceptions import StoreUnavailable
from ringback.model.ids import new_id
from tests.api.house import House, app_of


def exception(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["requestError"]["serviceException"]
    return found


@pytest.mark.parametrize("path", ["/nothing", "/tts/3", "/tts/3/files", "/tts/3/single/x", "/%00"])
async def test_404(house: House, path: str) -> None:
    answer = await house.client.get(path)
    assert (answer.status_code, exception(answer)["messageId"]) == (404, "NOT_FOUND")


async def test_404_in_xml(house: House) -> None:
    answer = await house.client.get("/nothing", headers={"Accept": "text/xml"})
    assert answer.text.startswith("<requestError><serviceException><messageId>NOT_FOUND</messageId><text>")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/tts/3/single", "POST"),
        ("PUT", "/tts/3/multi", "POST"),
        ("DELETE", "/tts/3/files/a/1", "GET, HEAD"),
        ("OPTIONS", "/tts/3/advanced", "POST"),
    ],
)
async def test_405(house: House, method: str, path: str, allow: str) -> None:
    answer = await house.client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert exception(answer)["messageId"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("path", ["/tts/3/reports", "/tts/3/reports/", "/voice/1/reports", "/voice/1/reports/"])
async def test_reports_are_reached(house: House, path: str) -> None:
    assert (await house.client.get(path)).text == '{"results":[]}'


async def test_a_trailing_slash_is_forgiven(house: House) -> None:
    answer = await house.send("single/", {"to": "1234", "text": "hi"})
    assert answer.status_code == 200


async def test_the_page(house: House) -> None:
    async with house.without_credentials() as client:
        answer = await client.get("/", follow_redirects=True)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "'http://here:8080/tts/3/single'" in answer.text
    assert "{{" not in answer.text


async def test_a_recording_is_for_its_account(house: House, tmp_path: Path) -> None:
    name = "ab/ab" + "0" * 30 + ".wav"
    path = tmp_path / "recordings" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"RIFF0123456789")
    app = app_of(files=_files_of(house, {("a/b'\"ü", "1234"): name}))
    url = "/tts/3/files/a%2Fb'%22%C3%BC/1234"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        mine = {"Authorization": f"App {house.keys['Aladdin']}"}
        answer = await client.get(url, headers=mine)
        part = await client.get(url, headers={**mine, "Range": "bytes=4-6"})
        others = await client.get(url, headers={"Authorization": f"App {house.keys['Jasmine']}"})
        nobodys = await client.get(url)
        unknown = await client.get("/tts/3/files/b/1234", headers=mine)
    assert (answer.content, answer.headers["content-type"]) == (b"RIFF0123456789", "audio/wav")
    assert (answer.headers["content-length"], answer.headers["cache-control"]) == ("14", "private")
    assert (part.status_code, part.content) == (206, b"012")
    assert [others.status_code, nobodys.status_code, unknown.status_code] == [404, 401, 404]
    assert exception(unknown)["messageId"] == "NOT_FOUND"


RAW = [
    (b"/tts/3/files/abc/123", ("abc", "123")),
    (b"/tts/3/files/abc/123/", ("abc", "123")),
    (b"/tts/3/files/a%2Fb/123", ("a/b", "123")),
    (b"/tts/3/files/a/b/123", ("a/b", "123")),
    (b"/tts/3/files/%22%27%25/123", ("\"'%", "123")),
    (b"/tts/3/files/a%252Fb/123", ("a%2Fb", "123")),
    (b"/tts/3/files/123", ("", "123")),
    (b"/tts/3/files/%FF/123", ("", "")),
    (None, ("a/b", "123")),
]


@pytest.mark.parametrize(("raw", "asked"), RAW)
def test_what_a_files_url_asks_for(raw: bytes | None, asked: tuple[str, str]) -> None:
    assert asked_for({"raw_path": raw, "path": "/tts/3/files/a/b/123"}) == asked


async def test_what_nobody_foresaw_is_500_and_logged_without_the_body(house: House) -> None:
    class Broken:
        async def single(self, request: Any) -> Any:
            raise ValueError(await request.body())

        multi = advanced = single

    broken: Any = Broken()
    app = app_of(messages=broken)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        with capture_logs() as logs:
            answer = await client.post("/tts/3/single", content=b"secret")
    assert (answer.status_code, exception(answer)["messageId"]) == (500, "GENERAL_ERROR")
    assert [entry["error"] for entry in logs] == ["ValueError"]
    assert "secret" not in str(logs) + answer.text


def test_a_store_that_refuses_is_503_and_may_be_tried_again() -> None:
    error = error_of(StoreUnavailable("disk full: /secret/path"))
    assert (error.status, error.message_id, error.headers) == (503, "SERVICE_UNAVAILABLE", {"Retry-After": "1"})
    assert b"secret" not in body_of(error, "json")


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (403, "FORBIDDEN"),
        (409, "CONFLICT"),
        (413, "CONTENT_TOO_LARGE"),
        (422, "UNPROCESSABLE_CONTENT"),
        (429, "TOO_MANY_REQUESTS"),
        (500, "GENERAL_ERROR"),
    ],
)
def test_names(status: int, name: str) -> None:
    assert ApiError(status, "x").message_id == name


def test_ids_only_grow() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))
    assert {(len(one), one[14], one[19] in "89ab") for one in ids} == {(36, "7", True)}


def _files_of(house: House, names: dict[tuple[str, str], str]) -> Any:
    class Finished:
        """Aladdin's calls are over, and were recorded."""

        async def recording(self, account: int, message_id: str, to: str) -> str | None:
            aladdin = next(row.account.id for row in await house.store.accounts() if row.account.name == "Aladdin")
            return names.get((message_id, to)) if account == aladdin else None

        accounts = house.store.accounts

    finished: Any = Finished()
    return Files(finished, Authenticator(finished), house.recordings)
