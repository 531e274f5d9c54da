"""When a report is pushed again, when it is not any more, and how it is signed."""

import hashlib
import hmac
import time
from pathlib import Path
from typing import Any

import pytest

from ringback.model.message import Notify
from ringback.model.push import MOST_RETRIES, PATIENCE, Push, headers, next_try, place_of, signature
from ringback.model.times import HOUR, MINUTE

SINCE = 1_750_000_000_000


def a_push(**facts: object) -> Push:
    return Push(**{**PLAIN, **facts})  # type: ignore[arg-type]


PLAIN = {
    "account": 1,
    "message_id": "m",
    "json": "{}",
    "beside": "{}",
    "notify": Notify("http://there.example.com/x?secret=hush"),
    "place": "http://there.example.com",
    "tries": 0,
    "since": SINCE,
}


@pytest.mark.parametrize(("failed", "minutes"), [(1, 2), (2, 5), (3, 10), (10, 101), (19, 362)])
def test_retry_n_waits_a_minute_and_n_times_n_minutes(failed: int, minutes: int) -> None:
    assert next_try(a_push(tries=failed - 1), SINCE + 7) == SINCE + 7 + minutes * MINUTE


def test_the_schedule_of_a_receiver_that_never_answers() -> None:
    """Nineteen retries fit into 48 hours; then it waits until they are over."""
    now, waits = SINCE, []
    for tries in range(MOST_RETRIES):
        due_at = next_try(a_push(tries=tries), now)
        assert due_at is not None
        waits.append((due_at - now) // MINUTE)
        now = due_at
    assert waits[:-1] == [1 + n * n for n in range(1, 20)]
    assert now == SINCE + PATIENCE
    assert next_try(a_push(tries=19), now) is None


def test_it_falls_back_after_twenty_retries_or_48_hours() -> None:
    assert next_try(a_push(tries=19), SINCE) == SINCE + 401 * MINUTE
    assert next_try(a_push(tries=20), SINCE) is None
    assert next_try(a_push(), SINCE + 48 * HOUR - 1) == SINCE + 48 * HOUR
    assert next_try(a_push(), SINCE + 48 * HOUR) is None


def test_a_receiver_can_check_the_signature() -> None:
    header = signature("s3cret", b"the body", SINCE)
    parts = dict(part.split("=", 1) for part in header.split(","))
    assert parts["t"] == "1750000000"
    expected = hmac.new(b"s3cret", b"1750000000.the body", hashlib.sha256).hexdigest()
    assert hmac.compare_digest(parts["v1"], expected)
    assert header not in (signature("s3cret", b"the b0dy", SINCE), signature("s3crets", b"the body", SINCE))


def test_the_check_that_the_docs_show_works() -> None:
    page = (Path(__file__).parents[2] / "docs" / "push.md").read_text("utf-8")
    shown: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], shown)  # noqa: S102 - our own docs
    check, now = shown["is_from_ringback"], time.time_ns() // 1_000_000
    assert check(signature("s3cret", b"the body", now), b"the body", "s3cret")
    assert not check(signature("s3cret", b"the body", now), b"the b0dy", "s3cret")
    assert not check(signature("s3cret", b"the body", now - HOUR), b"the body", "s3cret")
    assert signature("s3cret", b'{"results":[]}', 1_435_762_800_000) in page


def test_what_a_push_says_beside_its_body() -> None:
    assert headers(a_push(), b"x", SINCE) == {"Content-Type": "application/json", "Idempotency-Key": "m"}
    xml = a_push(notify=Notify("http://a", "xml"), message_id='ž "1"\u2028', secret="s")
    assert headers(xml, b"x", SINCE) == {
        "Content-Type": "application/xml",
        "Idempotency-Key": "%C5%BE%20%221%22%E2%80%A8",
        "Ringback-Signature": signature("s", b"x", SINCE),
    }


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://user:pw@Host.example.com:8443/a?secret=hush#x", "https://host.example.com:8443"),
        ("http://[::1]/x", "http://[::1]"),
        ("http://there.example.com", "http://there.example.com"),
        ("http://[::1", "?"),
        ("http://there.example.com:x/", "?"),
    ],
)
def test_a_place_is_no_more_of_a_url_than_a_log_may_say(url: str, place: str) -> None:
    assert place_of(url) == place
