"""The docs say what the code does."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from ringback.api.errors import ApiError
from ringback.api.message_fields import LATER
from ringback.calls.phones.people import BEHAVIOURS
from ringback.config import Config, flag, load, variable
from ringback.model import status
from ringback.model.tariff import Rate, charged, parse_deck
from ringback.welcome import DEMO_USER, demonstration_ended, welcome

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


@pytest.mark.parametrize("key", [field.name for field in msgspec.structs.fields(Config)])
def test_every_setting_is_documented(key: str) -> None:
    assert f"| `{key}` | `{variable(key)}` | `{flag(key)}` |" in page("running.md")


def test_no_setting_is_documented_that_there_is_not() -> None:
    documented = set(re.findall(r"^\| `([a-z_]+)` \| `RINGBACK_", page("running.md"), re.MULTILINE))
    assert documented == {field.name for field in msgspec.structs.fields(Config)}


def test_every_status_is_documented() -> None:
    rows = [f"| {s.id} | {s.group_id} {s.group_name} | {s.name} | {s.description} |" for s in of_model(status.Status)]
    assert table("## Statuses") == rows


def test_every_error_is_documented() -> None:
    assert table("## Errors") == [error_row(error) for error in of_model(status.Error)]


@pytest.mark.parametrize("code", [400, 401, 404, 405, 406, 413, 415, 416, 422, 429, 500, 503])
def test_every_http_error_is_documented(code: int) -> None:
    assert f"| {code} | {ApiError(code, '').message_id} |" in page("errors.md")


@pytest.mark.parametrize("field", [*LATER, "machineDetection"])
def test_every_refused_field_is_documented(field: str) -> None:
    assert f"`{field}`" in page("sending.md").partition("<!-- refused -->")[2].partition("<!-- /refused -->")[0]


def test_the_sandbox_s_digits_in_the_first_call_are_its_own() -> None:
    told = re.findall(r"(busy|nobody|an answering machine) at …(\d\d)", page("first-call.md"))
    words = {"busy": "busy", "nobody": "nobody", "an answering machine": "answering machine"}
    assert len(told) == len(words)
    assert all(words[what] in BEHAVIOURS[digits].does for what, digits in told)


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8"))
    assert [to for to in targets if not (path.parent / to).exists()] == []


def test_the_welcome_can_be_copied() -> None:
    config = load({"demo": True, "http": "127.0.0.1:9000"}, {})
    text = welcome(config)
    assert "http://127.0.0.1:9000/docs" in text
    assert DEMO_USER in text
    assert "curl -u 'Aladdin:open sesame' -H 'Accept: application/xml' http://127.0.0.1:9000/tts/3/reports" in text
    assert "curl -u 'Aladdin:open sesame'" in demonstration_ended(config)


def test_without_the_demonstration_no_password_is_shown() -> None:
    config = load({"trunk": "sip:me:s3cret@pbx"}, {})
    assert "sesame" not in welcome(config)
    assert "s3cret" not in welcome(config)
    assert "sip:me@pbx" in welcome(config)


def test_on_a_trunk_no_number_is_offered_for_copying() -> None:
    assert "385981178" in welcome(load({}, {}))
    assert "385981178" not in welcome(load({"trunk": "sip:me:s3cret@pbx"}, {}))


def test_the_deck_on_the_page_of_prices_can_be_used_and_charges_what_the_table_says() -> None:
    text = page("prices.md")
    deck = parse_deck(text.partition("```csv\n")[2].partition("```")[0])
    decks = [Rate("", None, Decimal(1), "EUR", *steps) for steps in ((1, 1), (60, 1), (30, 6))]
    assert {(rate.first_increment, rate.next_increment) for rate in deck.rates.values()} == {(1, 1), (60, 1), (30, 6)}
    rows = re.findall(r"^\| (nobody answered|[0-9.]+ s) \| \d+ \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    assert len(rows) == 4
    for lasted, *seconds in rows:
        milliseconds = None if lasted == "nobody answered" else int(Decimal(lasted.removesuffix(" s")) * 1_000)
        assert [charged(milliseconds, rate) for rate in decks] == [int(said) for said in seconds]


def of_model(kind: Callable[..., status.Status | status.Error]) -> list[status.Status | status.Error]:
    return [found for found in vars(status).values() if isinstance(found, kind)]


def error_row(error: status.Error) -> str:
    goes_with = "" if error == status.NO_ERROR else status.status_of(error).name
    group = f"{error.group_id} {error.group_name}"
    permanent = str(error.permanent).lower()
    return f"| {error.id} | {group} | {error.name} | {error.description} | {permanent} | {goes_with} |"


def table(heading: str) -> list[str]:
    lines = page("errors.md").partition(heading + "\n")[2].partition("\n## ")[0].splitlines()
    return [line for line in lines if re.match(r"\| \d", line)]
