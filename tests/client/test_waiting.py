"""The iterator waits for what comes, and can be stopped."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringback_client import Message, NoAnswer, Reports, Ringback
from tests.client.answering import Answering, Given
from tests.client.lossy import Lossy
from tests.eventually import eventually
from tests.journey.server import PASSWORD, Server


def in_a_thread(reports: Reports) -> tuple[threading.Thread, list[Any]]:
    """It iterates beside; what it gets, and `None` at the end."""
    got: list[Any] = []

    def run() -> None:
        got.extend(reports)
        got.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, got


def test_it_waits_for_a_report(town: Server, client: Ringback, tmp_path: Path) -> None:
    before = town.connections()
    with client.reports(tmp_path / "bookmark", wait=3) as reports:
        thread, got = in_a_thread(reports)
        eventually(lambda: town.connections() > before, 10, "it asks")
        (sent,) = client.send(Message("41799100303", "Hi")).messages
        eventually(lambda: got, 20, "the report")
        assert got[0].message_id == sent.message_id
        reports.stop()
        thread.join(40)
    assert got[1:] == [None]


def test_without_a_wait_it_ends_when_nothing_is_left(client: Ringback, tmp_path: Path) -> None:
    with client.reports(tmp_path / "bookmark", wait=0) as reports:
        assert [*reports] == []


def test_it_asks_for_what_was_asked_of_it(tmp_path: Path) -> None:
    with Answering(Given(200, b'{"results":[]}')) as server, Ringback(server.url + "/voice/", api_key="k") as client:
        with client.reports(tmp_path / "bookmark", wait=7, limit=3, bulk_id="b &", message_id="é") as reports:
            thread, _ = in_a_thread(reports)
            eventually(lambda: len(server.asked) > 1, 10, "it asks over and over")
            reports.stop()
            thread.join(10)
        first, second = server.asked[:2]
    assert first.path == second.path == "/voice/tts/3/reports?bulkId=b+%26&messageId=%C3%A9&limit=3"
    assert first.headers["Prefer"] == "wait=7"
    assert first.headers["Authorization"] == "App k"
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]


def test_stop_leaves_the_rest_for_the_next_time(client: Ringback, tmp_path: Path) -> None:
    sent = client.send(*[Message("41799100303", "Hi") for _ in range(3)])
    with client.reports(tmp_path / "bookmark", wait=10) as reports:
        first = next(reports)
        reports.stop()
        assert [*reports] == []
    with client.reports(tmp_path / "bookmark", wait=10) as reports:
        rest = [next(reports).message_id for _ in range(2)]
    assert {first.message_id, *rest} == {one.message_id for one in sent.messages}


def test_stop_ends_the_pauses_too(tmp_path: Path) -> None:
    with Answering(Given(503, b"", {"Retry-After": "50"})) as server, Ringback(server.url, api_key="k") as client:
        with client.reports(tmp_path / "bookmark") as reports:
            thread, got = in_a_thread(reports)
            eventually(lambda: server.asked, 10, "it asks")
            begun = time.monotonic()
            reports.stop()
            thread.join(60)
        assert got == [None]
    assert time.monotonic() - begun < 40


def test_leaving_by_an_interrupt_while_waiting_loses_nothing(
    town: Server, account: str, client: Ringback, lossy: Callable[..., Lossy], tmp_path: Path
) -> None:
    """The answer that is lost is the one under way when the caller leaves."""
    (sent,) = client.send(Message("41799100303", "Hi")).messages
    eventually(lambda: sent.message_id in town.finished(), 20, "the call is over")
    proxy = lossy(town.port, 1, losses=1, fates=["lost"])
    with Ringback(proxy.url, user=account, password=PASSWORD, patience=0) as leaver:

        def leave() -> None:
            with leaver.reports(tmp_path / "bookmark", wait=5) as reports:
                with pytest.raises(NoAnswer):
                    next(reports)
                proxy.losses = 0
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            leave()
        with client.reports(tmp_path / "another", wait=0) as others:
            assert [*others] == []
        with leaver.reports(tmp_path / "bookmark", wait=0) as reports:
            assert [report.message_id for report in reports] == [sent.message_id]
