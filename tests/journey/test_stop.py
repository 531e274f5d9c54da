"""SIGTERM: no new calls, live ones end, answers under way are sent, and nothing is left behind."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.eventually import eventually
from tests.journey.server import Server, body

TALK = "One moment, please. This message takes some time to say, so that it is not over before it is asked to stop."


def answered(server: Server, count: int) -> None:
    def so_many() -> bool:
        return sum(line["event"] == "answer" for line in server.diary()) >= count

    eventually(so_many, 20, f"{count} phones are answered")


def stopping(server: Server) -> bool:
    return any(json.loads(line)["event"] == "stopping" for line in server.err.lines if line.startswith("{"))


def test_live_calls_finish_answers_are_sent_and_nobody_is_called_any_more(serve: Any) -> None:
    server = serve(flags=["--channels", "3"])
    server.add("Jasmine")
    with server.customer("Jasmine") as jasmine:
        sent = jasmine.phone(body([f"4179900{n}202" for n in range(5)], text=TALK, maxDtmf=None))
    answered(server, 3)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waits, server)
        eventually(lambda: server.connections() > 0, 10, "the waiter is connected")
        with server.customer("Jasmine") as other:
            for _ in range(20):
                other.take(messageId="nobody's")
        server.note_session()
        server.parent.terminate()
        eventually(lambda: stopping(server), 10, "it says that it stops")
        called = server.invites()
        answer = waiting.result(30)
    assert (answer.status_code, answer.json()) == (200, {"results": []})
    assert server.ended() == 0
    server.nothing_left()
    assert server.invites() == called
    assert len(called) == len(server.finished()) == 3
    server.start()
    with server.customer("Jasmine") as jasmine:
        reports = jasmine.collect(5, 50)
    assert sorted(report["messageId"] for report in reports) == sorted(sent)
    assert {report["error"]["name"] for report in reports} == {"VOICE_ANSWERED"}
    assert min(report["duration"] for report in reports) >= 4  # none was cut short
    assert set(server.invites().values()) == {1}


def waits(server: Server) -> httpx.Response:
    with server.customer("Jasmine") as patient:
        return patient.get("/tts/3/reports", headers={"Prefer": "wait=50"})


def test_the_time_to_finish_is_bounded(serve: Any) -> None:
    server = serve(flags=["--drain-seconds", "1"])
    server.add("Jasmine")
    with server.customer("Jasmine") as jasmine:
        sent = jasmine.phone(body(["41799001002", "41799001104"], text=TALK * 8, ringTimeout=60))
    answered(server, 1)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 1 + 10
    server.nothing_left()
    ends = [line for line in server.diary() if line["event"] == "end"]
    assert [line["by"] for line in ends] == ["caller", "caller"]  # both were told, by BYE and by CANCEL
    server.start()
    with server.customer("Jasmine") as jasmine:
        reports = jasmine.collect(2)
    assert sorted(report["messageId"] for report in reports) == sorted(sent)
    assert set(server.invites().values()) == {1}


def test_a_second_signal_ends_it_at_once(serve: Any) -> None:
    server = serve()
    server.errors_are_expected = True  # it says that it kills
    server.add("Jasmine")
    with server.customer("Jasmine") as jasmine:
        jasmine.phone(body("41799001202", text=TALK * 8))
    answered(server, 1)
    server.note_session()
    server.parent.terminate()
    eventually(lambda: stopping(server), 10, "it says that it stops")
    began = time.monotonic()
    server.parent.terminate()
    assert server.ended() != 0
    assert time.monotonic() - began < 3
    server.nothing_left()
    server.start()
    with server.customer("Jasmine") as jasmine:
        (report,) = jasmine.collect(1)
    assert (report["status"]["name"], report["error"]["id"]) == ("EXPIRED_UNKNOWN", 255)


@pytest.mark.parametrize("who", ["speech_pid", "phones_pid"])
def test_a_child_that_is_killed_is_replaced(serve: Any, who: str) -> None:
    server = serve()
    server.errors_are_expected = True
    server.add("Jasmine")
    before = getattr(server, who)
    os.kill(before, signal.SIGKILL)
    if who == "phones_pid":
        eventually(lambda: new_child(server, who, before), 20, "there are new phones")
    with server.customer("Jasmine") as jasmine:
        jasmine.phone(body("41799001313", text="Something that was never said before. Press one."))
        (report,) = jasmine.collect(1, 20)
    assert report["error"]["name"] == "VOICE_ANSWERED"
    assert new_child(server, who, before)


def new_child(server: Server, who: str, before: int) -> bool:
    try:
        return bool(getattr(server, who) != before)
    except ValueError:  # there is none just now
        return False


def test_a_closed_terminal_stops_it_as_sigterm_does(serve: Any) -> None:
    server = serve()
    server.add("Jasmine")
    with server.customer("Jasmine") as customer:
        (message,) = customer.phone(body("99900000102"))
    eventually(server.invites, 10, "a call")
    assert server.stop(signal.SIGHUP) == 0
    server.start()
    with server.customer("Jasmine") as customer:
        (report,) = customer.collect(1)
    assert (report["messageId"], report["status"]["name"]) == (message, "DELIVERED_TO_HANDSET")


def test_nobody_else_on_the_machine_reads_what_was_said(serve: Any, tmp_path: Any) -> None:
    tmp_path.chmod(0o755)
    data = tmp_path / "open"
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    server = Server(data, demo=True).start()
    try:
        with server.customer() as customer:
            customer.collect(1)
        open_to_others = [path.name for path in data.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    finally:
        server.stop()
    assert open_to_others == []
