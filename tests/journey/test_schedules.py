"""Sending later, moving, pausing and cancelling, on the running server and its phones."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.eventually import eventually
from tests.journey.server import Customer, Server
from tests.journey.server import body as asking_for_keys

BULK, STATUS = "/tts/3/bulks", "/tts/3/bulks/status"


def body(to: Any, **more: Any) -> dict[str, Any]:
    """A message that asks for no keys: its calls are short."""
    return asking_for_keys(to, **{"maxDtmf": None, "text": "Hi."} | more)


def later(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat(timespec="milliseconds")


def put(customer: Customer, path: str, bulk_id: str, **wish: Any) -> dict[str, Any]:
    answer = customer.put(path, params={"bulkId": bulk_id}, json=wish)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_message_is_sent_when_it_was_scheduled_and_not_before(town: Server, customer: Customer) -> None:
    at = later(seconds=3)
    customer.phone(body("41790000102", sendAt=at))
    (report,) = customer.collect(1)
    sent = datetime.strptime(report["sentAt"], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert timedelta(0) <= sent - datetime.fromisoformat(at) < timedelta(seconds=10)


def test_a_bulk_that_is_paused_moved_and_resumed_rings_once(town: Server, customer: Customer) -> None:
    customer.phone({"bulkId": "later"} | body(["41790000202", "41790000302"], sendAt=later(hours=1)))
    assert put(customer, STATUS, "later", status="PAUSED") == {"bulkId": "later", "status": "PAUSED"}
    put(customer, BULK, "later", sendAt=later(seconds=-1))
    assert customer.get(STATUS, params={"bulkId": "later"}).json()["status"] == "PAUSED"
    assert put(customer, STATUS, "later", status="PENDING")["status"] == "PENDING"
    assert {report["to"] for report in customer.collect(2)} == {"41790000202", "41790000302"}
    assert customer.get(STATUS, params={"bulkId": "later"}).json()["status"] == "FINISHED"
    invites = town.invites()
    assert (invites["41790000202"], invites["41790000302"]) == (1, 1)


def test_a_cancelled_bulk_rings_nobody_and_is_reported(town: Server, customer: Customer) -> None:
    customer.phone({"bulkId": "never"} | body(["41790000402", "41790000502"], sendAt=later(seconds=2)))
    assert put(customer, STATUS, "never", status="CANCELED") == {"bulkId": "never", "status": "CANCELED"}
    ends = [(report["status"]["name"], report["error"]["id"], report["duration"]) for report in customer.collect(2)]
    assert ends == [("EXPIRED_EXPIRED", 4100, 0)] * 2
    customer.phone(body("41790000602", sendAt=later(seconds=3)))
    customer.collect(1)  # by now the cancelled ones would have rung
    assert town.invites()["41790000402"] == town.invites()["41790000502"] == 0


def test_schedules_survive_a_kill(serve: Any) -> None:
    server: Server = serve()
    server.add("Jasmine")
    with server.customer("Jasmine") as client:
        client.phone({"bulkId": "kept"} | body("41790000702", sendAt=later(seconds=6)))
        client.phone({"bulkId": "gone"} | body("41790000802", sendAt=later(seconds=6)))
        put(client, STATUS, "gone", status="PAUSED")
        server.errors_are_expected = True
        server.kill("server")
        server.until_ready(2)
        assert client.get(STATUS, params={"bulkId": "gone"}).json()["status"] == "PAUSED"
        (report,) = client.collect(1)
        assert report["bulkId"] == "kept"
        put(client, STATUS, "gone", status="PENDING")
        assert client.collect(1)[0]["bulkId"] == "gone"
    eventually(lambda: server.invites()["41790000702"] == 1, 5, "one INVITE")


def test_a_sending_speed(town: Server, customer: Customer) -> None:
    numbers = [f"4179000{n}02" for n in range(10, 14)]
    customer.phone(body(numbers, sendingSpeed={"speed": 1, "timeUnit": "second"}))
    sent = sorted(report["sentAt"] for report in customer.collect(4, within_s=60))
    moments = [datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%f%z") for at in sent]
    assert moments[-1] - moments[0] >= timedelta(seconds=2.9)
