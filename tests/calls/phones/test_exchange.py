"""What a well-behaved peer does not try: silence, repetition, nonsense, holds. Each by RFC 3261."""

import random
import struct
from collections.abc import Callable

import pytest

from tests.calls.phones.box import Box, Caller
from tests.eventually import eventually

Call = Callable[[str], Caller]


def test_says_200_until_the_ack_comes(call: Call) -> None:
    caller = call("38598602")
    caller.invite(180, 200)
    caller.hear_status(200)
    assert caller.hears_nothing(0.7)  # twice as long as before the first
    caller.hear_status(200)
    caller.say("ACK", 1)
    assert caller.hears_nothing(2.2)
    caller.hang_up()


def test_a_key_is_as_rfc_4733_says(call: Call) -> None:
    caller = call("38598601")
    caller.invite(180, 200)
    caller.say("ACK", 1)
    packets = [caller.packet(lambda packet: packet[1] & 127 == 101) for _ in range(7)]
    kinds, sequences, stamps, events, flags, durations = zip(
        *(struct.unpack("!xBHI4xBBH", packet) for packet in packets), strict=True
    )
    assert kinds == (0x80 | 101, *[101] * 6)
    assert [(sequence - sequences[0]) & 0xFFFF for sequence in sequences] == list(range(7))
    assert (set(stamps), set(events)) == ({stamps[0]}, {1})
    assert [flag >> 7 for flag in flags] == [0, 0, 0, 0, 1, 1, 1]
    assert durations == (160, 320, 480, 640, 800, 800, 800)
    caller.hang_up()


def test_a_stranger_ends_nobodys_call(call: Call) -> None:
    caller, stranger = call("38598602"), call("38598602")
    caller.invite(180, 200)
    caller.say("ACK", 1)
    stranger.call_id, stranger.to_tag, stranger.from_tag = caller.call_id, caller.to_tag, "b"
    stranger.say("BYE", 2)
    stranger.hear_status(481)
    caller.hang_up()


def test_repeats_a_refusal_until_the_ack_comes(call: Call) -> None:
    caller = call("38598603")
    branch = caller.say("INVITE", 1, caller.offer())
    caller.hear_status(486, 486)
    caller.say("ACK", 1, branch=branch)
    assert caller.hears_nothing(1.2)


def test_answers_at_once_without_ringing(call: Call) -> None:
    caller = call("38598613")
    caller.invite(200)
    caller.say("ACK", 1)
    caller.hang_up()


def test_a_bye_that_comes_again_is_answered_again(box: Box, call: Call) -> None:
    caller = call("38598702")
    caller.invite(180, 200)
    caller.say("ACK", 1)
    for _ in range(2):
        caller.say("BYE", 2, branch="z9hG4bKbye")
        caller.hear_status(200)
    assert box.line(event="end", callId=caller.call_id)["by"] == "caller"


def test_repeats_its_bye_until_it_is_answered(call: Call) -> None:
    caller = call("38598709")
    caller.invite(180, 200)
    caller.say("ACK", 1)
    first, second = caller.hear(), caller.hear()
    assert first == second
    assert first.startswith("BYE sip:me@127.0.0.1:")
    assert f'To: "A, B" <sip:38598999@127.0.0.1>;tag=a\r\nCall-ID: {caller.call_id}\r\n' in first
    assert f"From: <sip:38598709@127.0.0.1>{caller.to_tag}\r\n" in first
    caller.raw(first.replace("BYE sip", "x", 1).replace(first.split("\r\n")[0], "SIP/2.0 200 OK").encode())


def test_a_bye_of_no_dialog_ends_no_call(call: Call) -> None:
    caller = call("38598802")
    branch = caller.say("INVITE", 1, caller.offer())
    caller.hear_status(180)
    caller.say("BYE", 2)
    caller.hear_status(481)  # it has no tag of ours: not of the dialog
    caller.say("CANCEL", 1, branch=branch)
    caller.hear_status(200, 487)


def test_one_who_vanishes_answers_nothing(box: Box, call: Call) -> None:
    caller = call("38598716")
    caller.invite(180, 200)
    caller.say("ACK", 1)
    assert box.line(event="end", callId=caller.call_id)["by"] == "nobody"
    caller.say("BYE", 2)
    caller.say("OPTIONS", 3)
    caller.say("INVITE", 4, caller.offer())
    assert caller.hears_nothing(0.7)


def test_a_hold_is_silence_and_its_end_is_sound(box: Box, call: Call) -> None:
    caller = call("38598802")
    caller.invite(180, 200)
    caller.say("ACK", 1)
    caller.packet(bool)
    caller.say("INVITE", 2, caller.offer() + b"a=sendonly\r\n")
    assert "a=recvonly" in caller.hear_status(200)
    caller.say("ACK", 2)
    caller.rtp.setblocking(False)
    assert eventually(lambda: emptied(caller), 2, "no more sound")
    caller.rtp.settimeout(0.2)
    with pytest.raises(TimeoutError):
        caller.rtp.recv(2048)
    caller.say("INVITE", 3, caller.offer())
    assert "a=sendrecv" in caller.hear_status(200)
    caller.say("ACK", 3)
    caller.packet(bool)
    caller.say("INVITE", 3, caller.offer())
    caller.hear_status(500)  # out of order (RFC 3261 section 14.2)
    caller.hang_up(4)
    invites = box.lines(event="invite", callId=caller.call_id)
    assert [line.get("again", False) for line in invites] == [False, True, True, True]


def emptied(caller: Caller) -> bool:
    try:
        caller.rtp.recv(2048)
    except BlockingIOError:
        return True
    return False


def test_offers_when_the_caller_does_not(call: Call) -> None:
    caller = call("38598801")
    answer = caller.invite(180, 200, body=b"")
    assert "RTP/AVP 0 8 101" in answer
    caller.say("ACK", 1, caller.offer())
    assert caller.packet(lambda packet: packet[1] & 127 == 101)[12] == 1
    caller.hang_up()


def test_routes_of_a_dialog_are_kept(call: Call) -> None:
    caller = call("38598809")
    host, port = caller.sip.getsockname()
    route = f"<sip:{host}:{port};lr>"
    answer = caller.invite(180, 200, more=f"Record-Route: {route}, <sip:far@example.com;lr>\r\n")
    assert f"Record-Route: {route}, <sip:far@example.com;lr>\r\n" in answer
    caller.say("ACK", 1)
    assert f"Route: {route}\r\nRoute: <sip:far@example.com;lr>\r\n" in caller.hear()


@pytest.mark.parametrize(
    ("method", "more", "body", "status"),
    [
        ("OPTIONS", "", b"", 200),
        ("SUBSCRIBE", "", b"", 405),
        ("BYE", "", b"", 481),
        ("CANCEL", "", b"", 481),
        ("INVITE", "Require: 100rel\r\n", b"", 420),
        ("INVITE", "Content-Type: text/plain\r\n", b"hello", 415),
        ("INVITE", "", b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/SAVP 0\r\n", 488),
        ("INVITE", "", b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 9\r\n", 488),
    ],
)
def test_refuses_what_it_does_not_do(call: Call, method: str, more: str, body: bytes, status: int) -> None:
    caller = call("38598902")
    caller.say(method, 1, body, more=more)
    answer = caller.hear_status(status)
    assert ("Allow: INVITE, ACK" in answer) == (status in (200, 405))
    caller.say("ACK", 1, branch=answer.split("branch=")[1].split(";")[0])


def test_malformed_requests_are_refused_or_dropped(call: Call) -> None:
    caller = call("38598902")
    caller.raw(b"INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h;rport\r\n\r\n")
    caller.hear_status(400)
    noise = random.Random(7)
    for size in (0, 1, 2, 4, 100, 1400, 60_000):
        caller.raw(noise.randbytes(size))
    caller.raw(b"ACK sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h;rport\r\n\r\n")
    assert caller.hears_nothing(0.2)
    caller.say("OPTIONS", 1)
    caller.hear_status(200)


def test_noise_on_the_sound_port_is_dropped(box: Box, call: Call) -> None:
    caller = call("38598902")
    answer = caller.invite(180, 200)
    caller.say("ACK", 1)
    port = int(answer.split("m=audio ")[1].split()[0])
    noise = random.Random(8)
    for size in (0, 1, 11, 12, 13, 100):
        caller.rtp.sendto(b"\xbf\x00" + noise.randbytes(size), ("127.0.0.1", port))
    caller.rtp.sendto(struct.pack("!BBHIIBBH", 64, 101, 1, 9, 9, 4, 10, 160), ("127.0.0.1", port))  # version 1
    caller.rtp.sendto(struct.pack("!BBHIIBBH", 128, 101, 1, 0, 9, 5, 10, 160), ("127.0.0.1", port))
    caller.rtp.sendto(struct.pack("!BBHIIBBH", 128, 101, 2, 0, 9, 5, 138, 320), ("127.0.0.1", port))
    assert box.line(event="heard", callId=caller.call_id)["key"] == "5"
    caller.hang_up()
    assert box.line(event="end", callId=caller.call_id)["heard"] == "5"


def test_many_calls_at_once_each_get_their_key(box: Box, call: Call) -> None:
    callers = [call(f"3859{n:03}78") for n in range(40)]
    for caller in callers:
        caller.invite(180)
    for caller in callers:
        caller.hear_status(200)
        caller.say("ACK", 1)
    for caller in callers:
        assert caller.packet(lambda packet: packet[1] & 127 == 101)[12] == 1
        caller.hang_up()
        assert box.line(event="key", callId=caller.call_id)["key"] == "1"
