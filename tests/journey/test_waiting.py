"""`Prefer: wait`: an answer that waits for its report, in turn, and never for a client that has gone."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import httpx

from tests.eventually import eventually
from tests.journey.server import Customer, Server, basic, body

URL = "/tts/3/reports"


class Waiter:
    """A waiting GET in a thread of its own."""

    def __init__(self, town: Server, name: str, seconds: int = 30, **query: Any) -> None:
        self.answer: httpx.Response | None = None
        self._ask: Callable[[], httpx.Response] = lambda: ask(town, name, seconds, query)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.answer = self._ask()

    @property
    def ids(self) -> list[str]:
        answer = eventually(lambda: self.answer, 20, "the waiter is answered")
        assert answer.status_code == 200
        return [report["messageId"] for report in answer.json()["results"]]


def ask(town: Server, name: str, seconds: int, query: dict[str, Any]) -> httpx.Response:
    with town.customer(name) as client:
        return client.get(URL, params=query, headers={"Prefer": f"wait={seconds}"})


def in_place(town: Server, before: int, customer: Customer) -> None:
    """Returns when one connection more than `before` is open, and what was asked by it is surely heard."""
    eventually(lambda: town.connections() > before, 10, "the waiter is connected")
    for _ in range(20):
        customer.take(messageId="nobody's")


def test_the_answer_comes_when_the_call_ends(customer: Customer, town: Server) -> None:
    sent = customer.phone(body("41796000113"))
    answer = customer.get(URL, headers={"Prefer": "respond-async, wait=20"})
    assert [report["messageId"] for report in answer.json()["results"]] == sent
    assert answer.headers["preference-applied"] == "wait=20"
    assert answer.headers["cache-control"] == "no-store"
    assert 1 < answer.elapsed.total_seconds() < 10


def test_with_nothing_it_is_empty_when_the_time_is_up(customer: Customer) -> None:
    answer = customer.get(URL, headers={"Prefer": "wait=1"})
    assert (answer.json(), answer.headers["preference-applied"]) == ({"results": []}, "wait=1")
    assert 1 <= answer.elapsed.total_seconds() < 3


def test_more_than_60_is_60_and_what_waits_is_answered_at_once(customer: Customer, town: Server) -> None:
    (sent,) = customer.phone(body("41796000203"))
    eventually(lambda: sent in town.finished(), 20, "the call is over")
    answer = customer.get(URL, headers={"Prefer": "wait=3600"})
    assert answer.headers["preference-applied"] == "wait=60"
    assert len(answer.json()["results"]) == 1
    assert answer.elapsed.total_seconds() < 1


def test_waiters_are_served_in_the_order_in_which_they_came(customer: Customer, town: Server) -> None:
    waiters = []
    for _ in range(4):
        before = town.connections()
        waiters.append(Waiter(town, customer.name, limit=1))
        in_place(town, before, customer)
    for number, waiter in enumerate(waiters):
        assert [one.answer for one in waiters[number:]] == [None] * (4 - number)
        sent = customer.phone(body(f"4179600{number}303"))
        assert waiter.ids == sent
    assert customer.take() == []


def test_a_waiter_takes_only_what_it_asked_for(customer: Customer, town: Server) -> None:
    before = town.connections()
    waiter = Waiter(town, customer.name, bulkId="wanted")
    in_place(town, before, customer)
    other = customer.phone(body("41796000403"))
    eventually(lambda: other[0] in town.finished(), 20, "the other call is over")
    assert waiter.answer is None
    sent = customer.phone(body("41796000503") | {"bulkId": "wanted"})
    assert waiter.ids == sent
    assert [report["messageId"] for report in customer.take()] == other


def test_a_client_that_has_gone_away_takes_nothing(customer: Customer, town: Server) -> None:
    before = town.connections()
    request = f"GET {URL} HTTP/1.1\r\nHost: x\r\nPrefer: wait=60\r\nAuthorization: {basic(customer.name)}\r\n\r\n"
    gone = [socket.create_connection(("127.0.0.1", town.port)) for _ in range(3)]
    for peer in gone:
        peer.sendall(request.encode())
    in_place(town, before + 2, customer)
    for peer in gone:
        peer.close()
    sent = customer.phone(body(["41796000603", "41796000703", "41796000803"]))
    assert sorted(report["messageId"] for report in customer.collect(3)) == sorted(sent)


def test_a_key_that_waits_is_replayed(customer: Customer, town: Server) -> None:
    headers = {"Prefer": "wait=20", "Idempotency-Key": "waiting"}
    sent = customer.phone(body("41796000903"))
    first, again = (customer.get(URL, headers=headers) for _ in range(2))
    assert [report["messageId"] for report in first.json()["results"]] == sent
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"


def test_two_with_one_key_get_the_same_and_only_one_takes(customer: Customer, town: Server) -> None:
    before = town.connections()
    asked = {"Idempotency-Key": "both", "Prefer": "wait=20"}
    answers: list[httpx.Response] = []

    def one() -> None:
        with town.customer(customer.name) as client:
            answers.append(client.get(URL, headers=asked))

    threads = [threading.Thread(target=one, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    in_place(town, before + 1, customer)
    sent = customer.phone(body("41796001003"))
    for thread in threads:
        thread.join(30)
    assert answers[0].content == answers[1].content
    assert [report["messageId"] for report in answers[0].json()["results"]] == sent
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in answers) == ["", "true"]
