"""Reading strangers' messages: right where they are right, `SipError` and nothing else where they are not."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.calls.phones.sdp import agree, describe
from ringback.calls.phones.wire import Request, SipError, address_of, parse, respond, tag_of, uri_of, user_of

SOURCE = ("127.0.0.1", 5070)
INVITE = (
    b"INVITE sip:385981178@127.0.0.1:5060;user=phone SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;rport , SIP / 2.0 / UDP far;branch=z9hG4bK0\r\n"
    b"VIA: SIP/2.0/UDP farther;branch=z9hG4bK00\r\n"
    b'f: "Quoted <, \\" ;tag=no" <sip:385%39%39@h;tag=no>;x=y;tag=abc\r\n'
    b"t: <sip:385981178@h>\r\ni: id@h\r\nCSeq:  7  \r\n INVITE\r\n"
    b"Subject: bytes \xff\xc3\xa9 are echoed\r\nm: <sip:a@10.0.0.1:5062>\r\nl: 4\r\n\r\nbodymore"
)
OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
    b"m=video 6000 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 96 8 0 97\r\n"
    b"a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/8000\r\na=inactive\r\nm=audio 4002 RTP/AVP 0\r\n"
)


def parsed(datagram: bytes) -> Request:
    message = parse(datagram, SOURCE)
    assert isinstance(message, Request)
    return message


def test_reads_a_request_in_all_its_forms() -> None:
    request = parsed(INVITE)
    assert (request.method, request.call_id, request.cseq, request.body) == ("INVITE", "id@h", 7, b"body")
    assert (request.from_tag, request.to_tag) == ("abc", "")
    assert user_of(uri_of(request.headers.first("from") or "")) == "38599"
    assert user_of(request.uri) == "385981178"
    assert request.answer_to == SOURCE
    assert request.headers.every("via") == [
        "SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;rport=5070;received=127.0.0.1",
        "SIP / 2.0 / UDP far;branch=z9hG4bK0",
        "SIP/2.0/UDP farther;branch=z9hG4bK00",
    ]


def test_a_response_echoes_what_it_must() -> None:
    answer = respond(parsed(INVITE).headers, 200, "ours")
    assert b"\r\nTo: <sip:385981178@h>;tag=ours\r\n" in answer
    assert b'\r\nFrom: "Quoted <, \\" ;tag=no" <sip:385%39%39@h;tag=no>;x=y;tag=abc\r\n' in answer
    assert b"\r\nCSeq: 7   INVITE\r\n" in answer
    assert answer.count(b"\r\nVia: ") == 3
    assert answer.endswith(b"\r\nContent-Length: 0\r\n\r\n")


def test_without_rport_the_answer_goes_to_the_port_of_the_via() -> None:
    assert parsed(INVITE.replace(b";rport", b"")).answer_to == ("127.0.0.1", 5062)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"l: 4", b"l: 9"),
        (b"l: 4", b"l: -1"),
        (b"l: 4", b"l: \xd9\xa4"),
        (b"INVITE\r\nSub", b"BYE\r\nSub"),
        (b" 7 ", b" 2147483648 "),
        (b"i: id@h\r\n", b""),
    ],
)
def test_a_request_that_lies_can_be_refused(good: bytes, bad: bytes) -> None:
    with pytest.raises(SipError) as fault:
        parse(INVITE.replace(good, bad), SOURCE)
    assert fault.value.headers
    assert respond(fault.value.headers, fault.value.status, "x").startswith(b"SIP/2.0 400 Bad Request\r\n")


@given(st.binary(max_size=300))
def test_noise_is_only_ever_a_sip_error(noise: bytes) -> None:
    survives(noise)


@given(st.integers(0, len(INVITE)), st.integers(0, 20), st.binary(max_size=20), st.binary(max_size=60))
def test_a_damaged_request_is_only_ever_a_sip_error(at: int, cut: int, put: bytes, sdp: bytes) -> None:
    survives(INVITE[:at] + put + INVITE[at + cut :])
    at = min(at, len(OFFER))
    survives_sdp(OFFER[:at] + put + OFFER[at + cut :] + sdp)


@given(st.text(max_size=60))
def test_any_header_value_can_be_looked_into(text: str) -> None:
    assert isinstance(tag_of(text) + uri_of(text) + user_of(text), str)
    address_of(text)


@pytest.mark.parametrize("filling", [b"<", b'"', b'"\\', b'<"', b";tag=", b",", b"a@", b" "])
def test_long_nonsense_is_quickly_done(filling: bytes) -> None:
    nonsense = (filling * 4000)[:4000]
    head, _, rest = INVITE.partition(b"v: ")
    survives(head + b"v: " + nonsense + b"\r\nVia: " + rest)
    survives(INVITE.replace(b"t: <", b"t: " + nonsense + b"<"))
    survives_sdp(b"c=IN IP4 1.1.1.1\r\nm=audio 1 RTP/AVP 0" + nonsense)


def survives(datagram: bytes) -> None:
    try:
        message = parse(datagram, SOURCE)
    except SipError as fault:
        if fault.headers:
            respond(fault.headers, fault.status, "x")
        return
    if isinstance(message, Request):
        respond(message.headers, 200, "x")
        user_of(message.uri).encode()


def survives_sdp(sdp: bytes) -> None:
    with contextlib.suppress(SipError):
        describe(("127.0.0.1", 4000), agree(sdp), 1)


def test_answers_an_offer_line_by_line() -> None:
    agreed = agree(OFFER)
    assert (agreed.to, agreed.codec, agreed.keys, agreed.sends) == (("10.0.0.1", 4000), 8, 97, False)
    media = [line for line in describe(("127.0.0.1", 4000), agreed, 1).split(b"\r\n") if line[:2] == b"m="]
    assert media == [b"m=video 0 RTP/AVP 31", b"m=audio 4000 RTP/AVP 8 97", b"m=audio 0 RTP/AVP 0"]


def test_a_hold_of_the_old_way_is_one() -> None:
    assert not agree(OFFER.replace(b"10.0.0.1\r\nt", b"0.0.0.0\r\nt").replace(b"inactive", b"sendrecv")).sends
