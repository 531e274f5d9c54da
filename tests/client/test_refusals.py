"""What the server says no to, what anything on the way says, and how long the client is patient."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from ringback_client import (
    BadRequest,
    Forbidden,
    KeyUsed,
    Message,
    NoAnswer,
    NotFound,
    Refused,
    Ringback,
    ServerFault,
    TooManyRequests,
    Unauthorized,
    UnexpectedAnswer,
)
from tests.client.answering import Answering, Given
from tests.journey.server import Server, free_port

BULK = Given(200, b'{"bulkId":"b","sendAt":"2026-02-12T09:58:20.323+0100","status":"PENDING","new":{}}')
MOVED_TO = datetime(2026, 2, 12, 8, 58, 20, 323000, UTC)


def no(status: int, **headers: str) -> Given:
    told = {"requestError": {"serviceException": {"messageId": "NO", "text": "It can't be", "new": 1}}}
    return Given(status, json.dumps(told).encode(), headers)


def asking(server: Answering, **more: Any) -> Ringback:
    return Ringback(server.url, api_key="k", **more)


def test_every_fault_is_named_by_its_path(client: Ringback) -> None:
    with pytest.raises(BadRequest, match=r"400 Bad request; .*messages\[1\].pause: must be") as caught:
        client.send(Message("41799100103", "Hi"), Message("41799100103", "...", pause=99))
    assert [*caught.value.validation_errors] == ["messages[1].text", "messages[1].pause"]
    assert (caught.value.status, caught.value.message_id) == (400, "BAD_REQUEST")


def test_a_stranger_is_let_in_nowhere(town: Server, account: str) -> None:
    with Ringback(town.url, user=account, password="wrong") as stranger, pytest.raises(Unauthorized, match="401"):
        stranger.bulk("b")


def test_what_there_is_not(client: Ringback) -> None:
    with pytest.raises(NotFound, match="404 There is no such bulk"):
        client.cancel("b")


def test_a_key_is_for_one_send(client: Ringback) -> None:
    sent = client.send(Message("41799100103", "Hi"), idempotency_key="k")
    assert client.send(Message("41799100103", "Hi"), idempotency_key="k") == sent
    with pytest.raises(KeyUsed) as caught:
        client.send(Message("41799100103", "Ho"), idempotency_key="k")
    assert caught.value.idempotency_key == "k"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, Forbidden), (404, NotFound), (409, Refused), (500, ServerFault), (503, ServerFault), (429, TooManyRequests)],
)
def test_each_refusal_has_its_class(status: int, kind: type[Refused]) -> None:
    with Answering(no(status)) as server, asking(server, patience=0) as client, pytest.raises(Refused) as caught:
        client.bulk("b")
    assert type(caught.value) is kind
    assert str(caught.value) == f"{status} It can't be"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 413, 415, 422])
def test_a_refusal_for_good_is_not_asked_again(status: int) -> None:
    with Answering(no(status)) as server, asking(server) as client:
        with pytest.raises(Refused):
            client.send(Message("1234", "Hi"))
        assert len(server.asked) == 1


@pytest.mark.parametrize("page", [b"", b"<h1>Bad Gateway", b"[]", b'{"requestError":3}', b"\xff"])
def test_a_gateway_s_own_page_is_no_surprise(page: bytes) -> None:
    with Answering(Given(502, page), Given(502, page), BULK) as server, asking(server) as client:
        assert client.bulk("b").status == "PENDING"
    with Answering(Given(502, page)) as server, asking(server, patience=0) as impatient:  # and nobody waits
        with pytest.raises(ServerFault) as problem:
            impatient.bulk("b")
        assert "502 Bad Gateway" in str(problem.value)


def test_a_gateway_s_400_leaves_a_take_open(tmp_path: Path) -> None:
    """The answer before it may have been lost with reports in it: they are asked for under the same key."""
    page, empty = Given(400, b"<h1>Bad Request"), Given(200, b'{"results":[]}')
    with Answering(Given(502), page, empty) as server, asking(server) as client:
        with client.reports(tmp_path / "mark", wait=0) as reports:
            with pytest.raises(BadRequest):
                next(reports)
            assert list(reports) == []
        assert len({asked.headers["Idempotency-Key"] for asked in server.asked}) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_heeded(status: int) -> None:
    with Answering(no(status, **{"Retry-After": "1"}), BULK) as server, asking(server) as client:
        client.bulk("b")
        first, second = server.asked[:2]
    assert second.at - first.at >= 1


def test_a_retry_after_beyond_patience_is_said_at_once() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with Answering(no(429, **{"Retry-After": later}), no(429, **{"Retry-After": "121"})) as server:
        with asking(server) as client:
            for seconds in (3600, 121):
                with pytest.raises(TooManyRequests) as caught:
                    client.bulk("b")
                assert caught.value.retry_after == pytest.approx(seconds, abs=10)
        assert len(server.asked) == 2


def test_a_send_is_the_same_bytes_under_the_same_key_each_time() -> None:
    sent = Given(200, b'{"bulkId":"b","messages":[]}')
    with Answering(no(503), Given(200, b'{"bulkId":'), sent) as server, asking(server) as client:
        client.send(Message("1234", "Hi"))
        client.send(Message("1234", "Hi"))
    *first, second = [(asked.body, asked.headers["Idempotency-Key"]) for asked in server.asked]
    assert len(first) == 3
    assert len({*first}) == 1
    assert second[0] == first[0][0]
    assert second[1] != first[0][1]


def test_what_never_answers_is_said_when_patience_is_over() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Ringback(url, api_key="k", patience=0.5) as client, pytest.raises(NoAnswer, match=url) as caught:
        client.send(Message("1234", "Hi"))
    assert caught.value.idempotency_key


def test_another_server_s_answer_is_not_taken_for_ringback_s() -> None:
    with Answering(Given(200, b'{"hello":1}')) as server, asking(server) as client:
        with pytest.raises(UnexpectedAnswer, match="/tts/3/bulks"):
            client.bulk("b")
        assert len(server.asked) == 1
        with pytest.raises(UnexpectedAnswer) as caught:
            client.send(Message("1234", "Hi"))
        assert caught.value.idempotency_key == server.asked[-1].headers["Idempotency-Key"]


@pytest.mark.parametrize("act", ["pause", "resume", "cancel"])
def test_a_change_that_was_made_and_whose_answer_was_lost_is_no_refusal(act: str) -> None:
    status = {"pause": "PAUSED", "resume": "PENDING", "cancel": "CANCELED"}[act]
    now = Given(200, json.dumps({"bulkId": "b", "status": status}).encode())
    with Answering(Given(502), no(400), now) as server, asking(server) as client:
        assert getattr(client, act)("b") == status
    with Answering(no(400), now) as server, asking(server) as client, pytest.raises(BadRequest):
        getattr(client, act)("b")
    other = Given(200, b'{"status":"FINISHED"}')
    with Answering(Given(502), no(400), other) as server, asking(server) as client, pytest.raises(BadRequest):
        getattr(client, act)("b")


def test_a_move_that_was_made_and_whose_answer_was_lost_is_no_refusal() -> None:
    with Answering(Given(502), no(400), BULK) as server, asking(server) as client:
        assert client.move_bulk("b", MOVED_TO) == MOVED_TO
    with Answering(Given(502), no(400), BULK) as server, asking(server) as client, pytest.raises(BadRequest):
        client.move_bulk("b", MOVED_TO + timedelta(minutes=1))
    with Answering(no(400), BULK) as server, asking(server) as client, pytest.raises(BadRequest):
        client.move_bulk("b", MOVED_TO)


@pytest.mark.parametrize("who", [{}, {"user": "a"}, {"password": "a"}, {"api_key": "k", "user": "a", "password": "a"}])
def test_who_asks_has_to_be_said(who: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="say who you are"):
        Ringback("http://127.0.0.1", **who)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://a:b@127.0.0.1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Ringback(url, api_key="k")


def test_a_key_that_is_no_header_is_said_at_once() -> None:
    begun = time.monotonic()
    with Answering(BULK) as server, asking(server) as client, pytest.raises(ValueError, match="can't be asked"):
        client.send(Message("1234", "Hi"), idempotency_key="a\nb")
    assert time.monotonic() - begun < 30
