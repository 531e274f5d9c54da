"""Bodies that can't be read, or hold what can't be meant: each says why, and where."""

import pytest

from ringback.api.wire import parse_advanced, parse_single
from tests.api.test_wire import FORBIDDEN, XML, faults_of, single

MALFORMED = [
    (b"", "malformed JSON: Expecting value at line 1, column 1"),
    (b'{"to":', "malformed JSON: Expecting value at line 1, column 7"),
    (b"\xff", "malformed JSON: not UTF-8 at byte 0"),
    (b'{"maxDtmf":NaN}', "malformed JSON: NaN is not a JSON value"),
    (b'{"maxDtmf":-Infinity}', "malformed JSON: -Infinity is not a JSON value"),
    (b'{"maxDtmf":' + b"9" * 5000 + b"}", "malformed JSON: a number is too long"),
    (b"[" * 100_000, "malformed JSON: nested too deeply"),
    (b"[" + b"[]," * 150_000 + b"[]]", "more than 150000 objects and lists, or 500000 commas"),
    (b"[" + b"1," * 500_001 + b"1]", "more than 150000 objects and lists, or 500000 commas"),
    (b"[]", "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b'{"to":"1234"} x', "malformed JSON: Extra data at line 1, column 15"),
    ('{"text":"a"}'.encode("utf-16"), "malformed JSON: not UTF-8 at byte 0"),
]


@pytest.mark.parametrize(("body", "fault"), MALFORMED, ids=[fault for _, fault in MALFORMED])
def test_malformed_json(body: bytes, fault: str) -> None:
    assert faults_of(parse_single, body) == {"body": [fault]}


def test_malformed_xml() -> None:
    assert list(faults_of(parse_single, b"<!DOCTYPE request><request/>", XML)) == ["body"]
    assert faults_of(parse_single, b"<request/>", XML).keys() == {"to", "text"}


def test_a_lone_surrogate_is_named_by_its_path() -> None:
    assert faults_of(parse_single, rb'{"to":"1234","text":"a\ud800"}') == {"text": [FORBIDDEN]}
    single(rb'{"to":"1234","text":"a\ud83d\ude00"}')


def test_a_name_that_stands_twice_is_named_by_its_path() -> None:
    body = b'{"messages":[{"text":"a","text":"b","destinations":[{"to":"1234","to":"5678"}]}]}'
    twice = {"messages[0].text": ["stands twice"], "messages[0].destinations[0].to": ["stands twice"]}
    assert faults_of(parse_advanced, body) == twice
    assert list(faults_of(parse_single, rb'{"to":"1234","text":"a","\ud800":1,"\ud800":2}')) == ["?"]
