"""Pushing, end to end: a report goes to a receiver's own HTTP server, and is not pulled."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.eventually import eventually
from tests.journey.conftest import Serve
from tests.journey.server import Server, body, tree

FLAGS = ("--private-urls", "127.0.0.0/8")


class Receiver(ThreadingHTTPServer):
    """Takes what is pushed, while it is `well`; else it says nothing until it is."""

    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], str]] = []
        self.asked = 0
        self.well = threading.Event()
        self.well.set()
        super().__init__(("127.0.0.1", 0), Desk)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/reports?secret=hush"


class Desk(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.asked += 1
        said = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.well.wait(60)
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, said))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Not of interest."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, daemon=True)
    thread.start()
    yield receiver
    receiver.well.set()
    receiver.shutdown()
    receiver.server_close()
    thread.join(10)


def pushed(receiver: Receiver, count: int) -> list[tuple[dict[str, str], str]]:
    eventually(lambda: len(receiver.got) >= count, 30, f"{count} reports are pushed")
    return receiver.got


def said_of(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in list(server.err.lines) if line.startswith("{")]


def test_a_report_is_pushed_in_the_form_that_was_asked_for_and_not_pulled(serve: Serve, receiver: Receiver) -> None:
    server = serve(flags=FLAGS)
    server.add("Jasmine")
    with server.customer("Jasmine") as customer:
        forms = [("application/json", 1), ("application/xml", 1), ("application/json", 2), ("application/xml", 2)]
        sent = {}
        for n, (form, version) in enumerate(forms):
            wish = {"notifyUrl": receiver.url, "notifyContentType": form, "notifyContentVersion": version}
            (message_id,) = customer.phone(body(f"4179700{n}103", **wish))
            sent[message_id] = (form, version)
        (pulled,) = customer.phone(body("41797009103"))
        got = {headers["idempotency-key"]: (headers["content-type"], said) for headers, said in pushed(receiver, 4)}
        assert [report["messageId"] for report in customer.collect(1)] == [pulled]
        assert customer.take() == []
    assert set(got) == set(sent)
    for message_id, (form, version) in sent.items():
        content_type, said = got[message_id]
        assert content_type == form
        if form == "application/json":
            (result,) = json.loads(said)["results"]
            assert (result["messageId"], result["error"]["id"]) == (message_id, 5002)
            assert ("voiceCall" in result) is (version == 2)
        else:
            (found,) = tree(said).iter("result")
            assert (found.findtext("messageId"), found.findtext("error/id")) == (message_id, "5002")
            assert (found.find("voiceCall") is not None) is (version == 2)


def test_what_the_operator_does_not_allow_is_not_reached_and_can_be_pulled(serve: Serve, receiver: Receiver) -> None:
    server = serve()
    server.add("Jasmine")
    with server.customer("Jasmine") as customer:
        sent = customer.phone(body("41797010103", notifyUrl=receiver.url))
        assert [report["messageId"] for report in customer.collect(1)] == sent
    assert receiver.asked == 0
    (told,) = [line for line in said_of(server) if line["event"] == "falls back to be pulled"]
    assert told["to"] == f"http://127.0.0.1:{receiver.server_port}"
    assert "hush" not in server.err.text


def test_it_stops_at_once_during_a_push_which_is_made_again(serve: Serve, receiver: Receiver) -> None:
    receiver.well.clear()
    server = serve(flags=FLAGS)
    server.add("Jasmine")
    with server.customer("Jasmine") as customer:
        sent = customer.phone(body("41797011103", notifyUrl=receiver.url))
        eventually(lambda: receiver.asked == 1, 30, "the push is under way")
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 15  # a receiver has 20 s to answer
    receiver.got.clear()
    receiver.well.set()
    server.start()
    eventually(lambda: receiver.asked == 2, 30, "it is pushed again")
    keys = {headers["idempotency-key"] for headers, _ in pushed(receiver, 1)}
    assert keys == set(sent)
    with server.customer("Jasmine") as customer:
        assert customer.take() == []
