"""The client's values and the contract's JSON."""

import json
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from ringback_client import (
    CallTransfer,
    DeliveryTimeWindow,
    Destination,
    Error,
    Message,
    Price,
    Retry,
    Ringback,
    SendingSpeed,
    Status,
    Voice,
    answers,
)
from ringback_client.wire import body, decoded, written

PARIS = timezone(timedelta(hours=1))
WHOLE = Message(
    ["385981178", Destination("385981179", "mine")],
    "Hello",
    caller="442032864231",
    language="en",
    voice=Voice("Emma", "female", is_default=True),
    speech_rate=1.5,
    pause=1,
    record=True,
    max_dtmf=2,
    dtmf_timeout=5,
    repeat_dtmf="12",
    machine_detection="disable",
    ring_timeout=30,
    call_timeout=60,
    send_at=datetime(2026, 7, 7, 17, 0, 0, 5678, PARIS),
    validity_period=60,
    retry=Retry(1, 5, 3),
    sending_speed=SendingSpeed(10, "second"),
    delivery_time_window=DeliveryTimeWindow(("MONDAY", "SUNDAY"), time(8, 30), time(17)),
    callback_data="é",
    notify_url="http://127.0.0.1/",
    notify_content_type="application/json",
    notify_content_version=2,
)
FORM = {
    "destinations": [{"to": "385981178"}, {"to": "385981179", "messageId": "mine"}],
    "text": "Hello",
    "from": "442032864231",
    "language": "en",
    "voice": {"name": "Emma", "gender": "female"},
    "speechRate": 1.5,
    "pause": 1,
    "record": True,
    "maxDtmf": 2,
    "dtmfTimeout": 5,
    "repeatDtmf": "12",
    "machineDetection": "disable",
    "ringTimeout": 30,
    "callTimeout": 60,
    "sendAt": "2026-07-07T16:00:00.005+0000",
    "validityPeriod": 60,
    "retry": {"minPeriod": 1, "maxPeriod": 5, "maxCount": 3},
    "sendingSpeed": {"speed": 10, "timeUnit": "second"},
    "deliveryTimeWindow": {
        "days": ["MONDAY", "SUNDAY"],
        "from": {"hour": 8, "minute": 30},
        "to": {"hour": 17, "minute": 0},
    },
    "callbackData": "é",
    "notifyUrl": "http://127.0.0.1/",
    "notifyContentType": "application/json",
    "notifyContentVersion": 2,
}


def test_a_message_has_the_contract_s_names() -> None:
    assert json.loads(body(WHOLE)) == FORM
    assert json.loads(body(Message("1234", audio_file_url="http://a/b.wav"))) == {
        "destinations": [{"to": "1234"}],
        "audioFileUrl": "http://a/b.wav",
    }


def test_a_call_transfer_too() -> None:
    transfer = CallTransfer("385981178", equals="1", call_transfer_max_duration=60)
    assert json.loads(body(transfer)) == {
        "transferTo": "385981178",
        "if": "dtmf",
        "equals": "1",
        "callTransferMaxDuration": 60,
    }


def test_the_server_takes_every_field(client: Ringback) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    whole = {name: getattr(WHOLE, name) for name in WHOLE.__slots__} | {"send_at": tomorrow, "audio_file_url": None}
    whole["delivery_time_window"] = DeliveryTimeWindow(
        ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"), time(0), time(23)
    )
    sent = client.send(Message(**whole))
    assert [(one.to, one.refused) for one in sent.messages] == [("385981178", False), ("385981179", False)]
    client.cancel(sent.bulk_id)


def test_the_same_message_from_a_generator_is_the_same_bytes() -> None:
    message = Message((number for number in ("1234", "5678")), "Hi")
    assert body(message) == body(message) == body(Message(["1234", "5678"], "Hi"))


@pytest.mark.parametrize("naive", [datetime(2026, 1, 1)])  # noqa: DTZ001
def test_a_time_without_its_zone_is_refused(naive: datetime) -> None:
    with pytest.raises(ValueError, match="2026-01-01T00:00:00 says no time zone"):
        body(Message("1234", "Hi", send_at=naive))


def test_times_are_written_as_the_founding_page_does() -> None:
    assert written(datetime(2015, 2, 12, 9, 58, 20, 323999, PARIS)) == "2015-02-12T08:58:20.323+0000"


REPORT = """{"bulkId":"b","messageId":"m","to":"385981178","sentAt":"2015-02-12T09:58:20.323+0100",
"doneAt":"2015-02-12T09:58:20.337+0100","duration":10,"mccMnc":"22801","dtmfCodes":"1,2","later":{"new":1},
"recordedAudioFileUrl":null,"price":{"pricePerSecond":0.0100000000000000000001,"currency":"EUR","later":2},
"status":{"groupId":3,"groupName":"DELIVERED","id":5,"name":"DELIVERED_TO_HANDSET","description":"d","later":3},
"error":{"groupId":0,"groupName":"OK","id":5000,"name":"VOICE_ANSWERED","description":"e","permanent":true}}"""


def test_a_report_is_typed_its_money_exact_and_the_unknown_passed_over() -> None:
    report = answers.report(decoded(REPORT))
    assert report.sent_at == datetime(2015, 2, 12, 8, 58, 20, 323000, UTC)
    assert report.done_at.utcoffset() == timedelta(hours=1)
    assert report.price == Price(Decimal("0.0100000000000000000001"), "EUR")
    assert (report.duration, report.callback_data, report.dtmf_codes) == (10, None, "1,2")
    assert report.status == Status(3, "DELIVERED", 5, "DELIVERED_TO_HANDSET", "d")
    assert report.error == Error(0, "OK", 5000, "VOICE_ANSWERED", "e", permanent=True)


@pytest.mark.parametrize("price", ["null", '{"pricePerSecond":null,"currency":"EUR"}'])
def test_a_report_without_a_price(price: str) -> None:
    assert answers.report(decoded(REPORT) | {"price": decoded(price)}).price is None


def test_a_whole_price_is_a_decimal_too() -> None:
    price = answers.report(decoded(REPORT) | {"price": {"pricePerSecond": 1, "currency": "EUR"}}).price
    assert price == Price(Decimal(1), "EUR")
    assert isinstance(price.per_second, Decimal)


def test_a_log_of_a_message_that_is_not_over() -> None:
    given = {"bulkId": "b", "messageId": "m", "to": "1", "status": decoded(REPORT)["status"], "doneAt": None}
    found = answers.log(given)
    assert (found.sent_at, found.done_at, found.price, found.error, found.caller) == (None, None, None, None, None)
    assert answers.log(given | {"from": "2", "error": decoded(REPORT)["error"]}).error == Error(
        0, "OK", 5000, "VOICE_ANSWERED", "e", permanent=True
    )
