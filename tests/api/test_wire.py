"""Request bodies: everything that the contract allows is taken, and every fault is named by its path."""

from typing import Any

import msgspec
import pytest

from ringback.api.errors import ApiError
from ringback.api.wire import SendRequest, Wanted, parse_advanced, parse_multi, parse_single
from ringback.model.message import Notify, Voice, VoiceMessage
from ringback.model.schedule import DeliveryTimeWindow, Retry, SendingSpeed

JSON, XML = "application/json", "application/xml"
NOW = 1_436_288_400_000  # Tuesday, 2015-07-07T17:00:00Z


def single(body: bytes | dict[str, Any]) -> SendRequest:
    return parse_single(body if isinstance(body, bytes) else msgspec.json.encode(body), JSON, NOW)


def faults_of(parse: Any, body: bytes | Any, content_type: str = JSON) -> dict[str, list[str]]:
    with pytest.raises(ApiError) as refusal:
        parse(body if isinstance(body, bytes) else msgspec.json.encode(body), content_type, NOW)
    assert refusal.value.status == 400
    return dict(refusal.value.faults)


FULL = VoiceMessage(
    text="Press 1, please.",
    language="en-gb",
    voice=Voice("Emma", "female"),
    caller="41793026700",
    record=True,
    max_dtmf=3,
    dtmf_timeout=5,
    ring_timeout=30,
    call_timeout=120,
    callback_data="",
    pause=10,
    repeat_dtmf="5*",
    speech_rate=1.5,
    notify=Notify("https://example.com/reports?x=1", "xml", 2),
    send_at=NOW + 3_600_123,
    validity=90,
    window=DeliveryTimeWindow((0, 1, 6), 9 * 60 + 30, 20 * 60),
    retry=Retry(2, 20, 3),
    sending_speed=SendingSpeed(10, "minute"),
)


def test_every_field_in_json() -> None:
    body = {
        "bulkId": "b/1",
        "messages": [
            {
                "from": "41793026700",
                "destinations": [{"to": "+41 79", "messageId": 'a/"b"'}, {"to": "41793026727"}],
                "text": "Press 1, please.",
                "language": "en-gb",
                "voice": {"name": "Emma", "gender": "female"},
                "record": True,
                "maxDtmf": 3,
                "dtmfTimeout": 5,
                "ringTimeout": 30,
                "callTimeout": 120,
                "callbackData": "",
                "machineDetection": "disable",
                "pause": 10,
                "repeatDtmf": "5*",
                "speechRate": 1.5,
                "notifyUrl": "https://example.com/reports?x=1",
                "notifyContentType": "application/xml",
                "notifyContentVersion": 2,
                "sendAt": "2015-07-07T20:00:00.123+02:00",
                "validityPeriod": 90,
                "deliveryTimeWindow": {
                    "days": ["SUNDAY", "monday", "TUESDAY", "TUESDAY"],
                    "from": {"hour": 9, "minute": 30},
                    "to": {"hour": 20, "minute": 0},
                },
                "retry": {"minPeriod": 2, "maxPeriod": 15, "maxCount": 3},
                "sendingSpeed": {"speed": 10, "timeUnit": "minute"},
                "callTransfers": [],
                "unknown": {"deep": [1]},
            }
        ],
        "unknown": 1,
    }
    wanted = (Wanted("+41 79", 'a/"b"'), Wanted("41793026727"))
    assert parse_advanced(msgspec.json.encode(body), JSON, NOW) == SendRequest("b/1", ((FULL, wanted),))


def test_every_field_in_xml() -> None:
    body = (
        "<request><bulkId>b/1</bulkId><messages><message><from>41793026700</from><destinations>"
        "<destination><to>+41 79</to><messageId>a/&quot;b&quot;</messageId></destination>"
        "<destination><to>41793026727</to></destination></destinations>"
        "<text>Press 1, please.</text><language>en-gb</language>"
        "<voice><name>Emma</name><gender>female</gender></voice><record> true </record><maxDtmf>3</maxDtmf>"
        "<dtmfTimeout>5</dtmfTimeout><ringTimeout>30</ringTimeout><callTimeout>120</callTimeout><callbackData/>"
        "<machineDetection>disable</machineDetection><pause>10</pause><speechRate>1.5</speechRate><unknown/>"
        "<repeatDtmf>5*</repeatDtmf><notifyUrl>https://example.com/reports?x=1</notifyUrl>"
        "<notifyContentType>application/xml</notifyContentType><notifyContentVersion>2</notifyContentVersion>"
        "<sendAt>2015-07-07T20:00:00.123+02:00</sendAt><validityPeriod>90</validityPeriod><deliveryTimeWindow>"
        "<days><day>MONDAY</day><day>TUESDAY</day><day>SUNDAY</day></days>"
        "<from><hour>9</hour><minute>30</minute></from><to><hour>20</hour><minute>0</minute></to></deliveryTimeWindow>"
        "<retry><minPeriod>2</minPeriod><maxPeriod>20</maxPeriod><maxCount>3</maxCount></retry>"
        "<sendingSpeed><speed>10</speed><timeUnit>minute</timeUnit></sendingSpeed>"
        "</message></messages></request>"
    )
    wanted = (Wanted("+41 79", 'a/"b"'), Wanted("41793026727"))
    full = msgspec.structs.replace(FULL, callback_data=None)  # an empty element is how many write a null
    assert parse_advanced(body.encode(), XML, NOW) == SendRequest("b/1", ((full, wanted),))


@pytest.mark.parametrize("to", ["<to>1234</to>", "<to><to>1234</to></to>"])
def test_a_bare_number_and_a_list_of_one_in_xml(to: str) -> None:
    expected = SendRequest(None, ((VoiceMessage(text="hi"), (Wanted("1234"),)),))
    assert parse_single(f"<request>{to}<text>hi</text></request>".encode(), XML) == expected
    multi = f"<request><messages><messages>{to}<text>hi</text></messages></messages></request>"
    assert parse_multi(multi.encode(), XML) == expected


def test_a_single_destination_without_its_list_in_xml() -> None:
    body = b"<request><messages><text>hi</text><destinations><to>1234</to></destinations></messages></request>"
    assert parse_advanced(body, XML) == SendRequest(None, ((VoiceMessage(text="hi"), (Wanted("1234"),)),))


def test_a_voice_may_be_a_string_that_holds_an_object() -> None:
    request = single({"to": "1234", "text": "hi", "voice": '{"name":"Joanna","gender":"female"}'})
    assert request.messages[0][0].voice == Voice("Joanna", "female")


def test_null_counts_as_absent() -> None:
    body = {"to": "1234", "text": "hi", "audioFileUrl": None, "language": None, "voice": None, "record": None}
    assert single(body).messages[0][0] == VoiceMessage(text="hi")


NOT_YET = "is not available yet: it comes with a later release"
BOTH = "give either text or audioFileUrl, not both"
FORBIDDEN = "holds a character that XML 1.0 forbids (NUL, control characters, lone surrogates)"
WHOLE = "must be a whole number"
ID = "must be 1 to 100 printable characters"
MOMENT = "must be a date and time, such as 2015-07-07T17:00:00.000+01:00"
ZONE = "must say its time zone, such as 2015-07-07T17:00:00.000+01:00"
KEYS = "must be keys of a telephone: 0-9, * and A-D; # ends an entry and can't be collected"

FIELDS: list[tuple[str, Any, str]] = [
    ("text", None, "is required where there is no audioFileUrl"),
    ("text", "", "must not be blank"),
    ("text", " \n ", "must not be blank"),
    ("text", "?!… – (,)", "must not be punctuation only"),
    ("text", "a" * 1401, "must be at most 1400 characters"),
    ("text", 5, "must be a string"),
    ("text", "a\u0000", FORBIDDEN),
    ("text", "a\u001b", FORBIDDEN),
    ("text", "a\uffff", FORBIDDEN),
    ("to", None, "is required"),
    ("to", 1234, "must be a string"),
    ("to", [], "must be 1 to 20000 numbers"),
    ("to", "1\u0000", FORBIDDEN),
    ("to", {"to": "1234"}, "must be a string"),
    ("from", "12", "must be 3 to 14 digits"),
    ("from", "1" * 15, "must be 3 to 14 digits"),
    ("from", "+4179", "must be 3 to 14 digits"),
    ("from", "١٢٣", "must be 3 to 14 digits"),
    ("from", 41793026700, "must be a string"),
    ("language", "", "must be a language code, such as en or pt-br"),
    ("language", "../../x", "must be a language code, such as en or pt-br"),
    ("voice", [], "must be an object with name and gender"),
    ("voice", "Joanna", "must be an object with name and gender"),
    ("voice", "[" * 50_000, "must be at most 1000 characters"),
    ("voice", "[" * 900, "must be an object with name and gender"),
    ("voice.gender", "MALE", "must be male or female"),
    ("voice.name", "", "must be 1 to 100 characters"),
    ("record", "true", "must be true or false"),
    ("record", 1, "must be true or false"),
    ("maxDtmf", 0, "must be 1 to 50"),
    ("maxDtmf", 51, "must be 1 to 50"),
    ("maxDtmf", 10**30, "must be 1 to 50"),
    ("maxDtmf", "5", WHOLE),
    ("maxDtmf", 5.0, WHOLE),
    ("maxDtmf", True, WHOLE),
    ("dtmfTimeout", 0, "must be 1 to 60"),
    ("dtmfTimeout", 61, "must be 1 to 60"),
    ("ringTimeout", -1, "must be 1 to 180"),
    ("ringTimeout", 181, "must be 1 to 180"),
    ("callTimeout", 0, "must be 1 to 7200"),
    ("callTimeout", 7201, "must be 1 to 7200"),
    ("callbackData", "x" * 701, "must be at most 700 characters"),
    ("callbackData", "\u0000", FORBIDDEN),
    ("bulkId", "", ID),
    ("bulkId", "x" * 101, ID),
    ("bulkId", "a\nb", ID),
    ("messageId", "a\u0085", ID),
    ("messageId", 5, "must be a string"),
    ("sendAt", "2015-07-07T17:00:00.000", ZONE),
    ("sendAt", "2015-07-07", MOMENT),
    ("sendAt", "2015-02-30T17:00:00Z", MOMENT),
    ("sendAt", "0000-01-01T17:00:00Z", MOMENT),
    ("sendAt", "20150707T170000Z", MOMENT),
    ("sendAt", "now", MOMENT),
    ("sendAt", 1_436_288_400, "must be a string"),
    ("sendAt", "2016-07-08T17:00:00Z", "must be within 366 days from now"),
    ("validityPeriod", 0, "must be 1 or more"),
    ("validityPeriod", -1, "must be 1 or more"),
    ("validityPeriod", "60", WHOLE),
    ("retry", [], "must be an object"),
    ("retry.minPeriod", 0, "must be 1 or more"),
    ("retry.maxPeriod", 0, "must be 1 or more"),
    ("retry.maxCount", -1, "must be 0 or more"),
    ("retry.maxCount", None, "is required"),
    ("retry.minPeriod", 60, "must not be more than maxPeriod"),
    ("sendingSpeed", 5, "must be an object"),
    ("sendingSpeed.speed", 0, "must be 1 to 1000000"),
    ("sendingSpeed.speed", 1_000_001, "must be 1 to 1000000"),
    ("sendingSpeed.speed", None, "is required"),
    ("sendingSpeed.timeUnit", None, "is required"),
    ("sendingSpeed.timeUnit", "week", "must be second, minute, hour or day"),
    ("sendingSpeed.timeUnit", 5, "must be second, minute, hour or day"),
    ("deliveryTimeWindow", "MONDAY", "must be an object"),
    ("deliveryTimeWindow.days", None, "is required"),
    ("deliveryTimeWindow.days", [], "must not be empty"),
    ("deliveryTimeWindow.from", None, "is required: from and to go together"),
    ("deliveryTimeWindow.to", None, "is required: from and to go together"),
    ("deliveryTimeWindow.from", 5, "must be an object"),
    ("deliveryTimeWindow.to", {"hour": 9, "minute": 59}, "must be at least an hour after from"),
    ("deliveryTimeWindow.to", {"hour": 9, "minute": 0}, "must be at least an hour after from"),
    ("callTransfers", [{"if": "anyDtmf", "transferTo": "4179"}], NOT_YET),
    ("notifyUrl", "ftp://example.com/", "must be an http or https URL"),
    ("notifyUrl", "http://[::1", "must be an http or https URL"),
    ("notifyUrl", "https://me:pw@example.com/", "must not hold a user and a password"),
    ("notifyContentType", "text/plain", "must be application/json or application/xml"),
    ("notifyContentVersion", 0, "must be 1 to 2"),
    ("notifyContentVersion", 3, "must be 1 to 2"),
    ("repeatDtmf", "#", KEYS),
    ("repeatDtmf", "", KEYS),
    ("repeatDtmf", "1" * 13, "must be at most 12 keys"),
    ("repeatDtmf", 5, "must be a string"),
    ("machineDetection", "hangup", NOT_YET),
    ("machineDetection", "continue", NOT_YET),
    ("machineDetection", ["disable"], "must be hangup, continue or disable"),
    ("pause", -1, "must be 0 to 10"),
    ("pause", 11, "must be 0 to 10"),
    ("pause", False, WHOLE),
    ("speechRate", "1", "must be a number"),
    ("speechRate", True, "must be a number"),
]


WHOLE_OBJECTS: dict[str, dict[str, Any]] = {
    "retry": {"minPeriod": 1, "maxPeriod": 2, "maxCount": 1},
    "sendingSpeed": {"speed": 1, "timeUnit": "second"},
    "deliveryTimeWindow": {"days": ["MONDAY"], "from": {"hour": 9, "minute": 0}, "to": {"hour": 10, "minute": 0}},
}


@pytest.mark.parametrize(("field", "value", "fault"), FIELDS)
def test_a_fault_is_named(field: str, value: Any, fault: str) -> None:
    body: dict[str, Any] = {"to": "1234", "text": "hi"}
    name, _, inner = field.partition(".")
    body[name] = WHOLE_OBJECTS.get(name, {}) | {inner: value} if inner else value
    assert faults_of(parse_single, body) == {field: [fault]}


EDGES: dict[str, list[Any]] = {
    "text": ["a" * 1400, "5", "ä", "你好"],
    "from": ["123", "1" * 14],
    "maxDtmf": [1, 50],
    "dtmfTimeout": [1, 60],
    "ringTimeout": [1, 180],
    "callTimeout": [1, 7200],
    "callbackData": ["x" * 700, "a\tb\n"],
    "sendAt": [
        "2015-07-07T17:00Z",
        "1970-01-01T00:00:00+0100",
        "2016-07-07T17:00:00.000000Z",
        "2015-07-08t01:00:00-11",
    ],
    "pause": [0, 10],
    "speechRate": [0, -5, 1, 0.5, 2.0, 10**399],
    "repeatDtmf": ["0123456789*A", "1#", "123#"],
    "notifyContentVersion": [1, 2],
    "validityPeriod": [1, 2880, 10**9],
    "retry": [{"minPeriod": 1, "maxPeriod": 1, "maxCount": 0}, {"minPeriod": 2000, "maxPeriod": 10**9, "maxCount": 9}],
    "sendingSpeed": [{"speed": 1, "timeUnit": "day"}, {"speed": 10**6, "timeUnit": "SECOND"}],
    "audioFileUrl": [None],
    "messageId": ["x", "x" * 100, "a/b'\"%2F é"],
    "to": ["Alphanumeric", "", ["1234", "5678"]],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in EDGES.items() for value in values])
def test_the_edge_is_allowed(field: str, value: Any) -> None:
    single({"to": "1234", "text": "hi", field: value})


def test_every_fault_is_named_at_once() -> None:
    body = {
        "bulkId": "",
        "messages": [
            {"text": " ", "destinations": [{"to": "1234"}, {"messageId": ""}, 5]},
            {"destinations": []},
            {"text": "hi", "audioFileUrl": "http://x/y.wav", "destinations": [{"to": "Alphanumeric"}]},
            "message",
        ],
    }
    assert faults_of(parse_advanced, body) == {
        "bulkId": [ID],
        "messages[0].text": ["must not be blank"],
        "messages[0].destinations[1].to": ["is required"],
        "messages[0].destinations[1].messageId": [ID],
        "messages[0].destinations[2]": ["must be an object"],
        "messages[1].text": ["is required where there is no audioFileUrl"],
        "messages[1].destinations": ["must not be empty"],
        "messages[2].text": [BOTH],
        "messages[2].audioFileUrl": [BOTH],
        "messages[3]": ["must be an object"],
    }


def test_an_audio_file_is_an_http_url() -> None:
    assert single({"to": "1234", "audioFileUrl": "https://x/"}).messages[0][0].audio_file_url == "https://x/"
    nowhere = ("http://x:99999/", "http://x:0/", "http://x:y/", " http://x/", "http://x/\r\nHost: y")
    for url in ("", "ftp://x/y", "http://", "http://[", "https://x/" + "a" * 2048, *nowhere):
        wrong = {"audioFileUrl": ["must be an http or https URL"]}
        assert faults_of(parse_single, {"to": "1234", "audioFileUrl": url}) == wrong


def test_what_is_not_built_is_refused_beside_the_messages_too() -> None:
    body = {"machineDetection": "hangup", "messages": [{"text": "hi", "destinations": [{"to": "1234"}]}]}
    assert faults_of(parse_advanced, body) == {"machineDetection": [NOT_YET]}


def test_a_message_id_is_for_one_number() -> None:
    body = {"messages": [{"text": "hi", "to": ["1234", "5678"], "messageId": "a"}]}
    assert list(faults_of(parse_multi, body)) == ["messages[0].messageId"]


@pytest.mark.parametrize("messages", [None, [], {}, "x", 5])
def test_messages_must_be_a_list(messages: Any) -> None:
    assert list(faults_of(parse_multi, {"messages": messages})) == ["messages"]


def test_twenty_thousand_destinations_and_one_more() -> None:
    def body(first: int, second: int) -> dict[str, Any]:
        messages = [{"text": "hi", "destinations": [{"to": "1234"}] * count} for count in (first, second)]
        return {"messages": messages}

    taken = parse_advanced(msgspec.json.encode(body(10_000, 10_000)), JSON)
    assert sum(len(wanted) for _, wanted in taken.messages) == 20_000
    too_many = {"messages": ["at most 20000 destinations in a request"]}
    assert faults_of(parse_advanced, body(10_000, 10_001)) == too_many
    assert faults_of(parse_multi, {"messages": [{"text": "hi", "to": "1234"}] * 20_001}) == too_many
    assert list(faults_of(parse_single, {"text": "hi", "to": ["1234"] * 20_001})) == ["to"]


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/json; charset=latin-1"])
def test_other_types_are_415(content_type: str | None) -> None:
    with pytest.raises(ApiError) as refusal:
        parse_single(b"{}", content_type)
    assert refusal.value.status == 415
