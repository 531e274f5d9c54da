"""JavaScript in a browser, from configured origins only (contract section 8)."""

from pathlib import Path

import httpx
import pytest

from ringback.api.cors import Cors
from ringback.config import load
from ringback.model.exceptions import ConfigError
from tests.api.door import REPORTS, SESSION, Door

OURS, OTHERS = "https://www.example.com", "https://evil.example"
WANTS = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,prefer"}


@pytest.fixture
def page(door: Door) -> Door:
    door.app = Cors(door.app, [OURS, "http://localhost:3000"])
    return door


def shown(answer: httpx.Response) -> list[str]:
    return sorted(name for name in answer.headers if name.startswith("access-control-"))


async def preflight(page: Door, url: str, origin: str = OURS) -> httpx.Response:
    return await page.ask("", url, "OPTIONS", headers={"Origin": origin, **WANTS})


@pytest.mark.parametrize(
    "url", [REPORTS, REPORTS + "/", "/tts/3/advanced", SESSION, "/voice/1/reports", "/openapi.json"]
)
async def test_a_preflight_is_answered(page: Door, url: str) -> None:
    answer = await preflight(page, url)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == OURS
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE"
    allowed = answer.headers["access-control-allow-headers"]
    assert allowed == "Authorization, Content-Type, Idempotency-Key, Prefer"
    assert "Origin" in answer.headers["vary"]
    assert answer.headers["access-control-allow-credentials"] == "true"  # the founding page's sample asks so


async def test_answers_may_be_read_and_their_headers_too(page: Door) -> None:
    key = page.app_key("Aladdin")
    answer = await page.ask(key, headers={"Origin": OURS, "Prefer": "wait=0"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == OURS
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"Retry-After", "Idempotent-Replayed", "Preference-Applied"} <= set(exposed)


@pytest.mark.parametrize(("method", "url"), [("GET", REPORTS), ("GET", "/tts/3/none"), ("PATCH", "/tts/3/bulks")])
async def test_errors_may_be_read(page: Door, method: str, url: str) -> None:
    answer = await page.ask("", url, method, headers={"Origin": OURS})
    assert answer.status_code in (401, 404, 405)
    assert answer.headers["access-control-allow-origin"] == OURS
    assert "vary" in answer.headers


@pytest.mark.parametrize("origin", [OTHERS, "null", "*", OURS + ":8443", "http://www.example.com", OURS.upper(), ""])
async def test_nothing_for_other_origins(page: Door, origin: str) -> None:
    asked = await page.ask(page.app_key("Aladdin"), headers={"Origin": origin})
    assert (asked.status_code, shown(asked), asked.headers["vary"]) == (200, [], "Origin")
    before = await preflight(page, REPORTS, origin)
    assert (before.status_code, shown(before), before.headers["vary"]) == (405, [], "Origin")


async def test_without_an_origin_caches_are_told_all_the_same(page: Door) -> None:
    answer = await page.ask(page.app_key("Aladdin"))
    assert (answer.status_code, shown(answer), answer.headers["vary"]) == (200, [], "Origin")


async def test_what_is_no_preflight_is_405_and_readable(page: Door) -> None:
    answer = await page.ask("", REPORTS, "OPTIONS", headers={"Origin": OURS})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (405, OURS)


async def test_the_pages_of_docs_are_not_the_api(page: Door) -> None:
    assert shown(await page.ask("", "/docs", headers={"Origin": OURS})) == []
    assert (await preflight(page, "/docs")).status_code == 405


async def test_without_the_setting_there_is_nothing_of_it(door: Door) -> None:
    answer = await door.ask(door.app_key("Aladdin"), headers={"Origin": OURS})
    assert shown(answer) == []
    assert "vary" not in answer.headers


def test_origins_are_read_as_browsers_send_them(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text('cors_origins = ["https://WWW.Example.com:443", "http://[::1]:3000"]')
    assert load({}, {}, file).cors_origins == ("https://www.example.com", "http://[::1]:3000")
    given = load({"cors_origins": "http://localhost:3000, https://a.example"}, {})
    assert given.cors_origins == ("http://localhost:3000", "https://a.example")


@pytest.mark.parametrize(
    "text", ["*", "https://*.example.com", "null", "https://a.example/", "https://a.example/x", "a"]
)
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(ConfigError, match=r"cors_origins in --cors-origins: .* is not an origin"):
        load({"cors_origins": text}, {})
