"""A disk that takes nothing more, as the kernel tells it (RLIMIT_FSIZE of the running server, without root)."""

import resource
from typing import Any

import pytest

from tests.eventually import eventually
from tests.journey.server import Customer, Server, body

FREE = resource.RLIM_INFINITY


def disk(server: Server, most: int) -> None:
    """From now on the server process can't write beyond `most` bytes of any file."""
    hard = resource.prlimit(server.server_pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.server_pid, resource.RLIMIT_FSIZE, (most, hard))


def refused(answer: Any) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["requestError"]["serviceException"]["messageId"] == "SERVICE_UNAVAILABLE"


@pytest.mark.parametrize("most", [0, 4096])
def test_it_refuses_clearly_does_nothing_half_and_recovers_without_a_restart(serve: Any, most: int) -> None:
    server = serve()
    server.errors_are_expected = True
    server.add("Jasmine")
    before = server.server_pid
    with server.customer("Jasmine") as jasmine:
        ready = jasmine.phone(body(["41799100103", "41799100203"]))
        eventually(lambda: len(server.finished()) == 2, 20, "two reports wait")
        disk(server, most)
        refused(jasmine.post("/tts/3/advanced", json=body([{"to": "41799100303", "messageId": "mine"}])))
        refused(jasmine.get("/tts/3/reports"))
        refused(jasmine.get("/tts/3/reports", headers={"Idempotency-Key": "k"}))
        disk(server, FREE)
        recovered(jasmine, ready)
        assert jasmine.phone(body([{"to": "41799100303", "messageId": "mine"}])) == ["mine"]
        assert [report["messageId"] for report in jasmine.collect(1)] == ["mine"]
    assert server.invites()["41799100303"] == 1
    assert server.server_pid == before


def recovered(jasmine: Customer, ready: list[str]) -> None:
    """The reports that could not be handed out are handed out now, each once."""
    eventually(lambda: jasmine.head("/tts/3/reports").status_code == 405, 10, "it answers")
    found: list[Any] = []

    def take() -> bool:
        answer = jasmine.get("/tts/3/reports", headers={"Idempotency-Key": "k2"})
        found.extend(answer.json()["results"] if answer.status_code == 200 else [])
        return bool(found)

    eventually(take, 10, "the reports are handed out")
    assert sorted(report["messageId"] for report in found) == sorted(ready)


def test_a_call_that_ends_while_the_disk_is_full_keeps_its_true_end(serve: Any) -> None:
    server = serve()
    server.errors_are_expected = True
    server.add("Jasmine")
    with server.customer("Jasmine") as jasmine:
        jasmine.phone(body("41799100413"))
        eventually(lambda: any(line["event"] == "answer" for line in server.diary()), 20, "it is answered")
        disk(server, 0)
        eventually(lambda: any(line["event"] == "end" for line in server.diary()), 20, "the call is over")
        eventually(server.faults, 20, "its end is refused by the disk")
        disk(server, FREE)
        (report,) = jasmine.collect(1)
    assert (report["error"]["name"], report["dtmfCodes"]) == ("VOICE_ANSWERED", "1")
    assert server.invites()["41799100413"] == 1
