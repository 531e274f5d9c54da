"""A message that was sent in the sandbox is never placed on a trunk, nor the other way round."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.eventually import eventually
from tests.journey.server import body

ROUTE = (5, "REJECTED", 19, "REJECTED_ROUTE_NOT_AVAILABLE", "Route not available")


class Carrier:
    """A trunk that hears everything and answers nothing."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.heard: list[bytes] = []
        self.trunk = f"sip:127.0.0.1:{self._socket.getsockname()[1]};transport=udp"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while packet := self._socket.recv(65_536):
            self.heard.append(packet)

    def invited(self) -> set[str]:
        """The numbers that were called."""
        lines = [packet.split(b"\r\n")[0].decode() for packet in self.heard]
        return {line.split(":")[1].split("@")[0] for line in lines if line.startswith("INVITE ")}

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join(10)
        self._socket.close()


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    one = Carrier()
    yield one
    one.close()


def test_what_was_sent_in_the_sandbox_is_never_placed_on_a_trunk(serve: Any, carrier: Carrier) -> None:
    server = serve(flags=["--channels", "1"])
    server.add("Jasmine")
    with server.customer("Jasmine") as jasmine:
        under_way, *waiting = jasmine.phone(body(["41798000102", *(f"4179800{n}203" for n in range(5))]))
    eventually(lambda: server.invites()["41798000102"], 20, "the first is called")
    server.kill("parent")
    server.ended()
    server.nothing_left()
    server.flags = ["--trunk", carrier.trunk, "--drain-seconds", "2"]
    server.start()
    assert "calling by the trunk" in server.out.text
    with server.customer("Jasmine") as jasmine:
        reports = {report["messageId"]: report for report in jasmine.collect(6)}
        for one in waiting:
            assert tuple(reports[one]["status"].values())[:5] == ROUTE
            assert reports[one]["duration"] == 0
        cut = reports[under_way]
        assert (cut["status"]["name"], cut["error"]["id"]) == ("EXPIRED_UNKNOWN", 255)
        assert carrier.invited() == set()
        jasmine.phone(body("41798000301", ringTimeout=2))  # what is sent now does go there
        eventually(lambda: carrier.invited() == {"41798000301"}, 20, "the carrier is called")
        (report,) = jasmine.collect(1)
    assert report["error"]["id"] == 5408
    assert server.invites() == {"41798000102": 1}


def test_what_was_sent_on_a_trunk_is_never_placed_in_the_sandbox(serve: Any, carrier: Carrier) -> None:
    server = serve(flags=["--channels", "1", "--trunk", carrier.trunk])
    server.add("Jasmine")
    with server.customer("Jasmine") as jasmine:
        under_way, *waiting = jasmine.phone(body(["41798000401", "41798000501", "41798000601"]))
    eventually(carrier.invited, 20, "the carrier is called")
    server.kill("parent")
    server.ended()
    server.nothing_left()
    server.flags = []
    server.start()
    with server.customer("Jasmine") as jasmine:
        reports = {report["messageId"]: report for report in jasmine.collect(3)}
    assert {reports[one]["status"]["name"] for one in waiting} == {ROUTE[3]}
    assert reports[under_way]["status"]["name"] == "EXPIRED_UNKNOWN"
    assert server.invites() == {}
    assert len(carrier.invited()) == 1
