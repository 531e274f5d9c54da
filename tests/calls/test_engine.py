"""What an engine makes of each thing that a phone can do, against sipp. Every engine passes it."""

import hashlib
import re
import socket
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import pytest

from ringback.model.call import CallResult, Cause
from ringback.model.times import Instant
from tests.calls import scenario as s
from tests.calls.conftest import StartEngine
from tests.calls.said import call, now
from tests.calls.sipp import Sipp, free_port

Phone: TypeAlias = Callable[..., AbstractContextManager[Sipp]]
PASSWORD = "open; sesame 7"
RINGS = s.says("180 Ringing")


async def outcome(start_engine: StartEngine, port: int, **message: Any) -> CallResult:
    engine = await start_engine(port)
    return await engine.place(call(**message))


def seconds(since: Instant | None, until: Instant | None) -> float:
    assert since is not None
    assert until is not None
    return (until - since) / 1_000


async def test_a_call_is_answered_heard_and_hung_up(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), RINGS, s.waits(300), s.answers(), s.hung_up_on()) as phone:
        before = now()
        result = await outcome(start_engine, phone.port, text="1")
        await phone.ended_well()
    assert (result.cause, result.sip_status, result.file_seconds) == (Cause.ANSWERED, None, 1.0)
    assert (result.dtmf, result.recording) == (None, None)
    assert before <= result.ringing_at
    assert seconds(result.ringing_at, result.answered_at) == pytest.approx(0.3, abs=0.15)
    assert seconds(result.answered_at, result.ended_at) == pytest.approx(1.35, abs=0.2)
    assert f"Call-ID: {result.sip_call_id}" in phone.messages("INVITE ")[0]
    assert len(phone.messages("BYE ")) == 1


@pytest.mark.parametrize("status", [302, 404, 408, 480, 484, 486, 487, 500, 503, 600, 603])
@pytest.mark.parametrize("rings", [False, True])
async def test_a_refusal(start_engine: StartEngine, sipp: Phone, status: int, rings: bool) -> None:
    ringing = (RINGS, s.waits(50)) if rings else ()
    with sipp(s.invited(), *ringing, s.says(f"{status} No <way>"), s.hears("ACK")) as phone:
        result = await outcome(start_engine, phone.port)
        await phone.ended_well()
    assert (result.cause, result.sip_status, result.answered_at) == (Cause.REFUSED, status, None)
    assert (result.ringing_at is not None) == rings
    assert result.sip_call_id


@pytest.mark.parametrize("first", ["183 Session Progress", "100 Trying"])
async def test_an_answer_after_progress(start_engine: StartEngine, sipp: Phone, first: str) -> None:
    early = s.offer() if first.startswith("183") else ""
    with sipp(s.invited(), s.says(first, early), s.waits(200), s.answers(), s.hung_up_on()) as phone:
        result = await outcome(start_engine, phone.port)
        await phone.ended_well()
    assert result.cause is Cause.ANSWERED
    assert (result.ringing_at is not None) == bool(early)


async def test_answers_within_a_millisecond(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), s.answers(), s.hung_up_on(), calls=4) as phone:
        engine = await start_engine(phone.port)
        answered = [await engine.place(call(text="0.02")) for _ in range(4)]
        await phone.ended_well()
    assert {result.cause for result in answered} == {Cause.ANSWERED}


async def test_nobody_answers(start_engine: StartEngine, sipp: Phone) -> None:
    gives_up = (s.hears("CANCEL"), s.agrees(), s.refuses_invite("487 Request Terminated"), s.hears("ACK"))
    with sipp(s.invited(), RINGS, *gives_up) as phone:
        result = await outcome(start_engine, phone.port, ring_timeout=1)
        await phone.ended_well()
    assert (result.cause, result.sip_status, result.answered_at) == (Cause.NO_ANSWER, None, None)
    assert seconds(result.ringing_at, result.ended_at) == pytest.approx(1, abs=0.2)


async def test_an_answer_that_crosses_our_cancel_is_hung_up(start_engine: StartEngine, sipp: Phone) -> None:
    crosses = (s.hears("CANCEL"), s.agrees(), s.answers_invite(), s.hears("ACK"), s.hung_up_on())
    with sipp(s.invited(), RINGS, *crosses) as phone:
        result = await outcome(start_engine, phone.port, ring_timeout=1)
        await phone.ended_well()
    assert (result.cause, result.answered_at) == (Cause.NO_ANSWER, None)


async def test_hung_up_by_the_phone_in_mid_speech(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), s.answers(), s.waits(700), s.hangs_up()) as phone:
        result = await outcome(start_engine, phone.port, text="5")
        await phone.ended_well()
    assert result.cause is Cause.ANSWERED
    assert seconds(result.answered_at, result.ended_at) == pytest.approx(0.7, abs=0.15)
    assert not phone.messages("BYE ")[1:]


async def test_call_timeout_ends_the_call(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), s.answers(), s.hung_up_on()) as phone:
        result = await outcome(start_engine, phone.port, text="9", call_timeout=1)
        await phone.ended_well()
    assert result.cause is Cause.ANSWERED
    assert seconds(result.answered_at, result.ended_at) == pytest.approx(1, abs=0.2)


async def test_nobody_listens_there(start_engine: StartEngine) -> None:
    before = now()
    result = await outcome(start_engine, free_port(), ring_timeout=30)
    assert (result.cause, result.ringing_at) == (Cause.UNREACHABLE, None)
    assert seconds(before, now()) < 3


async def test_no_answer_to_the_invite_at_all(start_engine: StartEngine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.bind(("127.0.0.1", 0))
        before = now()
        result = await outcome(start_engine, hole.getsockname()[1], ring_timeout=1)
        assert (result.cause, result.ringing_at) == (Cause.UNREACHABLE, None)
        assert seconds(before, result.ended_at) == pytest.approx(1, abs=0.3)


async def test_a_text_that_nobody_can_say_rings_nowhere(start_engine: StartEngine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
        trunk.bind(("127.0.0.1", 0))
        trunk.setblocking(False)
        result = await outcome(start_engine, trunk.getsockname()[1], text="unspeakable")
        assert result.cause is Cause.BAD_AUDIO_FILE
        with pytest.raises(BlockingIOError):
            trunk.recv(1)


@pytest.mark.parametrize(("caller", "shown"), [("385981178", "385981178"), (None, "ringback")])
async def test_the_caller_id_is_what_the_phone_shows(
    start_engine: StartEngine, sipp: Phone, caller: str | None, shown: str
) -> None:
    with sipp(s.invited(), s.says("486 Busy Here"), s.hears("ACK")) as phone:
        await outcome(start_engine, phone.port, caller=caller)
        await phone.ended_well()
    invite = phone.messages("INVITE ")[0]
    assert f"From: <sip:{shown}@127.0.0.1:{phone.port}>;" in invite
    assert "P-Asserted-Identity" not in invite


async def test_too_many_caller_ids_are_asserted(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), s.says("486 Busy Here"), s.hears("ACK"), calls=3) as phone:
        engine = await start_engine(phone.port, user="trunk", most_callers=1)
        for caller in ("111", "222", "111"):
            await engine.place(call(caller=caller))
        await phone.ended_well()
    first, second, third = phone.messages("INVITE ")
    assert f"From: <sip:111@127.0.0.1:{phone.port}>" in first
    assert f"From: <sip:trunk@127.0.0.1:{phone.port}>" in second
    assert f"P-Asserted-Identity: <sip:222@127.0.0.1:{phone.port}>" in second
    assert f"From: <sip:111@127.0.0.1:{phone.port}>" in third


def digest(invite: str, user: str, password: str) -> str:
    """What a challenge is answered with (RFC 2617 section 3.2.2)."""
    said = dict(re.findall(r'(\w+)="?([^",\r]+)', re.search(r"Authorization: Digest (.*)", invite)[1]))
    assert said["username"] == user
    one, two = (md5(f"{user}:trunk:{password}"), md5(f"INVITE:{said['uri']}"))
    right = md5(f"{one}:{said['nonce']}:{said['nc']}:{said['cnonce']}:auth:{two}")
    return "right" if said["response"] == right else "wrong"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def process_list() -> str:
    return subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("accepted", [True, False])
async def test_digest(
    start_engine: StartEngine, sipp: Phone, status: int, accepted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    challenge = (s.challenges(status), s.hears("ACK"))
    then = (s.answers(), s.hung_up_on()) if accepted else challenge
    with sipp(s.invited(), *challenge, s.invited(), *then) as phone:
        engine = await start_engine(phone.port, user="trunk", password=PASSWORD)
        result = await engine.place(call(caller="111"))
        await phone.ended_well()
    assert digest(phone.messages("INVITE ")[1], "trunk", PASSWORD) == "right"
    assert result.cause is (Cause.ANSWERED if accepted else Cause.REFUSED)
    assert result.sip_status == (None if accepted else status)
    assert PASSWORD not in caplog.text + process_list() + "".join(phone.messages()) + repr(engine)
