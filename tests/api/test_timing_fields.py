"""When people are called, as a request says it: moments, windows, retries, sending speed."""

from typing import Any

import msgspec
import pytest

from ringback.api.wire import SendRequest, parse_advanced, parse_single
from ringback.model.message import VoiceMessage
from ringback.model.schedule import DeliveryTimeWindow, Retry
from tests.api.test_wire import JSON, NOW, XML, faults_of, single


def message_of(**fields: Any) -> VoiceMessage:
    return single({"to": "1234", "text": "hi"} | fields).messages[0][0]


def test_what_is_too_much_is_clamped() -> None:
    assert message_of(validityPeriod=2881).validity == 2880
    assert (message_of(speechRate=0.1).speech_rate, message_of(speechRate=7).speech_rate) == (0.5, 2.0)
    assert message_of(retry={"minPeriod": 3, "maxPeriod": 1441, "maxCount": 5}).retry == Retry(5, 1440, 4)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-07-07T17:00:00.000+01:00", NOW - 3_600_000),
        ("2015-07-07T17:00:00+0100", NOW - 3_600_000),
        ("2015-07-07T17:00:00.123456Z", NOW + 123),
        ("2015-07-07T17:00:00.123Z", NOW + 123),
        (" 2015-07-07T17:00Z ", NOW),
    ],
)
def test_every_way_of_writing_a_moment(text: str, moment: int) -> None:
    assert message_of(sendAt=text).send_at == moment


def test_a_window_that_never_opens_before_the_validity_ends_is_refused() -> None:
    never = {"deliveryTimeWindow": ["never opens before the validity period ends: nobody could be called"]}
    body = {"to": "1234", "text": "hi", "deliveryTimeWindow": {"days": ["WEDNESDAY"]}}  # in seven hours
    assert faults_of(parse_single, body | {"validityPeriod": 7 * 60}) == never
    assert single(body | {"validityPeriod": 7 * 60 + 1})
    assert single(body | {"validityPeriod": 7 * 60, "sendAt": "2015-07-07T17:01:00Z"})
    assert single(body | {"validityPeriod": 1, "sendingSpeed": {"speed": 1, "timeUnit": "day"}})  # overrides it


def test_a_window_without_hours_and_one_over_midnight() -> None:
    assert message_of(deliveryTimeWindow={"days": ["TUESDAY"]}).window == DeliveryTimeWindow((1,))
    night = {"days": ["TUESDAY"], "from": {"hour": 22, "minute": 0}, "to": {"hour": 6, "minute": 0}}
    assert message_of(deliveryTimeWindow=night).window == DeliveryTimeWindow((1,), 22 * 60, 6 * 60)


@pytest.mark.parametrize("days", ["<days>THURSDAY</days>", "<days><day>THURSDAY</day></days>"])
def test_a_bare_day_and_a_list_of_one_in_xml(days: str) -> None:
    body = f"<request><to>1234</to><text>hi</text><deliveryTimeWindow>{days}</deliveryTimeWindow></request>"
    assert parse_single(body.encode(), XML).messages[0][0].window == DeliveryTimeWindow(
        (3,)
    )  # 1970-01-01 was a Thursday


def test_days_that_are_none_are_named_by_their_place() -> None:
    window = {"days": ["MONDAY", "Funday", 5]}
    wrong = ["must be a day from MONDAY to SUNDAY"]
    assert faults_of(parse_single, {"to": "1234", "text": "hi", "deliveryTimeWindow": window}) == {
        "deliveryTimeWindow.days[1]": wrong,
        "deliveryTimeWindow.days[2]": wrong,
    }


def test_a_sending_speed_is_the_whole_requests() -> None:
    def body(*speeds: int | None, beside: int | None = None) -> dict[str, Any]:
        def speed(n: int | None) -> dict[str, Any]:
            return {} if n is None else {"sendingSpeed": {"speed": n, "timeUnit": "hour"}}

        messages = [{"text": "hi", "destinations": [{"to": "1234"}], **speed(n)} for n in speeds]
        return {"messages": messages, **speed(beside)}

    def speeds(taken: SendRequest) -> list[Any]:
        return [message.sending_speed and message.sending_speed.speed for message, _ in taken.messages]

    def taken(*given: int | None, beside: int | None = None) -> SendRequest:
        return parse_advanced(msgspec.json.encode(body(*given, beside=beside)), JSON, NOW)

    assert speeds(taken(5, None, 5)) == [5, None, 5]
    assert speeds(taken(None, 7, beside=7)) == [7, 7]
    same = {"sendingSpeed": ["must be the same in all messages of a request: it is the bulk's"]}
    assert faults_of(parse_advanced, body(5, 6)) == same
    assert faults_of(parse_advanced, body(5, None, beside=6)) == same
