"""How an engine counts its channels, stops, is called off, and dies."""

import asyncio
import json
import re
import socket
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from ringback.audio.recordings import Recordings
from ringback.audio.speech import Sound, VoiceOffer
from ringback.calls.sip import SipEngine
from ringback.model.call import Cause
from ringback.model.exceptions import ConfigError
from ringback.model.message import Network, Voice
from ringback.model.trunk import Trunk
from tests.calls import scenario as s
from tests.calls.conftest import StartEngine
from tests.calls.said import Speaker, announcements, call, now
from tests.calls.sipp import free_port
from tests.calls.test_engine import RINGS, Phone
from tests.eventually import eventually_async

GIVES_UP = (s.hears("CANCEL"), s.agrees(), s.refuses_invite("487 Request Terminated"), s.hears("ACK"))


async def test_two_calls_at_once_take_two_channels(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), RINGS, s.waits(200), s.answers(), s.hung_up_on(), calls=2) as phone:
        engine = await start_engine(phone.port, channels=3)
        assert engine.free_channels() == 3
        placing = [asyncio.create_task(engine.place(call(to, caller="111"))) for to in ("38598101", "38598102")]
        await asyncio.sleep(0)
        assert engine.free_channels() == 1
        results = await asyncio.gather(*placing)
        assert engine.free_channels() == 3
        await phone.ended_well()
    assert {result.cause for result in results} == {Cause.ANSWERED}
    first, second = phone.messages("INVITE ")
    assert {first[:20], second[:20]} == {"INVITE sip:38598101@", "INVITE sip:38598102@"}


async def test_stop_lets_a_live_call_end(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), s.answers(), s.hung_up_on()) as phone:
        engine = await start_engine(phone.port)
        placing = asyncio.create_task(engine.place(call(text="1")))
        await eventually_async(lambda: phone.messages("ACK "), 5, "the answer")
        stopping = asyncio.create_task(engine.stop(30))
        await asyncio.sleep(0)
        assert engine.free_channels() == 0
        result = await placing
        await asyncio.wait_for(stopping, 2)
        await phone.ended_well()
    assert result.cause is Cause.ANSWERED
    assert result.answered_at
    assert result.ended_at - result.answered_at > 1_000


class Ponderer:
    """Implements `Speech`, and never finds the words."""

    async def start(self) -> None: ...

    async def say(self, text: str, language: str, voice: Voice, rate: float = 1.0) -> Sound:
        await asyncio.Event().wait()
        raise AssertionError

    def voices(self, language: str) -> list[VoiceOffer]:
        return []

    async def stop(self) -> None: ...


async def test_who_was_not_rung_yet_waits_for_the_next_start(recordings: Recordings) -> None:
    trunk = Trunk("127.0.0.1", free_port())
    engine = SipEngine(trunk, Network.SANDBOX, announcements(Ponderer(), recordings), recordings, 1, clock=now)
    await engine.start()
    placing = asyncio.create_task(engine.place(call()))
    await asyncio.sleep(0)
    await asyncio.wait_for(engine.stop(30), 2)
    assert (await placing).cause is Cause.NOT_PLACED


async def test_stop_hangs_up_what_is_left(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), s.answers(), s.hung_up_on()) as phone:
        engine = await start_engine(phone.port)
        placing = asyncio.create_task(engine.place(call(text="30")))
        await eventually_async(lambda: phone.messages("ACK "), 5, "the answer")
        await asyncio.wait_for(engine.stop(0.3), 3)
        result = await placing
        await phone.ended_well()
    assert (result.cause, len(phone.messages("BYE "))) == (Cause.BROKEN, 1)


@pytest.mark.parametrize(
    ("first", "cause"),
    [
        ((RINGS,), Cause.NO_ANSWER),
        ((s.waits(300), RINGS), Cause.UNREACHABLE),
        ((s.says("100 Trying"),), Cause.UNREACHABLE),
    ],
)
async def test_stop_gives_up_what_rings(
    start_engine: StartEngine, sipp: Phone, first: tuple[str, ...], cause: Cause
) -> None:
    """Also what does not ring yet: no CANCEL may leave before something was heard (RFC 3261 section 9.1)."""
    with sipp(s.invited(), *first, *GIVES_UP) as phone:
        engine = await start_engine(phone.port)
        placing = asyncio.create_task(engine.place(call(ring_timeout=30)))
        await phone.invited()
        if len(first) == 1:
            await eventually_async(lambda: phone.messages("SIP/2.0 1"), 5, "the first answer")
            await asyncio.wait([placing], timeout=0.1)
        await asyncio.wait_for(engine.stop(0), 5)
        result = await placing
        await phone.ended_well()
    assert result.cause is cause


async def test_nothing_is_dialled_after_stop(start_engine: StartEngine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
        trunk.bind(("127.0.0.1", 0))
        trunk.setblocking(False)
        engine = await start_engine(trunk.getsockname()[1])
        early = asyncio.create_task(engine.place(call()))  # its speech is not ready yet
        await asyncio.sleep(0)
        await engine.stop(0)
        assert (await early).cause is Cause.NOT_PLACED
        assert (await engine.place(call(caller="222"))).cause is Cause.NOT_PLACED
        with pytest.raises(BlockingIOError):
            trunk.recv(1)
        await engine.stop(0)


async def test_a_call_that_is_called_off_is_hung_up(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), s.answers(), s.hung_up_on()) as phone:
        engine = await start_engine(phone.port)
        placing = asyncio.create_task(engine.place(call(text="30", record=True)))
        await eventually_async(lambda: phone.messages("ACK "), 5, "the answer")
        placing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await placing
        assert engine.free_channels() == 2
        await phone.ended_well()


async def test_called_off_while_its_invite_leaves(start_engine: StartEngine, sipp: Phone) -> None:
    """At whatever point it is cancelled: either nothing was sent, or it is hung up."""
    with sipp(s.invited(), RINGS, *GIVES_UP, calls=100) as phone:
        engine = await start_engine(phone.port)
        await engine.place(call(ring_timeout=1))
        for turns in range(14):
            placing = asyncio.create_task(engine.place(call()))
            for _ in range(turns):
                await asyncio.sleep(0)
            placing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await placing
        await engine.stop(0)
        assert len(phone.messages("INVITE ")) > 1
        assert len(phone.messages("CANCEL ")) == len(phone.messages("INVITE "))


async def test_too_many_channels_are_refused(start_engine: StartEngine) -> None:
    with pytest.raises(ConfigError, match="channels: at most 250"):
        await start_engine(free_port(), channels=251)


DYING = """
import asyncio, json, sys
from pathlib import Path
from baresip._native import ffi, lib
from ringback.audio.recordings import Recordings
from ringback.audio.speech import Sound, VoiceOffer
from ringback.model.trunk import Trunk
from tests.calls.conftest import sip_engine
from tests.calls.said import Speaker, announcements, call, now

async def main():
    deaths = []
    recordings = Recordings(Path(sys.argv[2]))
    engine = sip_engine(Trunk("127.0.0.1", int(sys.argv[1])), recordings, 3, on_dead=lambda: deaths.append(1))
    await engine.start()
    placing = [asyncio.create_task(engine.place(call(text="30", record=True, max_dtmf=1))) for _ in range(2)]
    await asyncio.to_thread(sys.stdin.readline)
    lib.bp_cmd(lib.BP_CMD_STOP, 0, ffi.NULL)  # its thread ends, as if by a fault of its own
    causes = [(await one).cause for one in placing]
    print(json.dumps([deaths, causes, engine.free_channels(), (await engine.place(call())).cause]))
    await engine.stop(1)
    recordings.stop()

asyncio.run(main())
"""


async def test_a_stack_that_dies_leaves_its_calls_unknown(sipp: Phone, tmp_path: Path) -> None:
    with sipp(s.invited(), RINGS, s.answers(), s.hung_up_on(), calls=9) as phone:
        command = [sys.executable, "-c", DYING, str(phone.port), str(tmp_path / "recordings")]
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        await eventually_async(lambda: len(phone.messages("ACK ")) == 2, 10, "two answers")
        out, _ = await process.communicate(b"die\n")
    assert json.loads(out.splitlines()[-1]) == [[1], ["unknown", "unknown"], 0, "not-placed"]


STRANGER = """INVITE {uri} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-stranger
From: <sip:stranger@127.0.0.1>;tag=s
To: <{uri}>
Call-ID: stranger
CSeq: 1 INVITE
Contact: <sip:stranger@127.0.0.1:{port}>
Content-Length: 0

"""


async def test_nobody_can_call_us(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(s.invited(), RINGS, *GIVES_UP) as phone, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        engine = await start_engine(phone.port)
        placing = asyncio.create_task(engine.place(call(caller="41793026700", ring_timeout=2)))
        contact = re.search(r"Contact: *<(sip:([^@]+)@([^:>]+):([0-9]+)[^>]*)>", await phone.invited())
        assert contact
        stranger.bind(("127.0.0.1", 0))
        stranger.settimeout(3)
        invite = STRANGER.format(uri=contact[1], port=stranger.getsockname()[1]).replace("\n", "\r\n")
        stranger.sendto(invite.encode(), ("127.0.0.1", int(contact[4])))
        answers = [await asyncio.to_thread(stranger.recv, 4096)]
        while answers[-1].startswith(b"SIP/2.0 1"):
            answers.append(await asyncio.to_thread(stranger.recv, 4096))
        await placing
    assert answers[-1].startswith(b"SIP/2.0 486 ")


async def test_nothing_is_left_of_calls_that_ended_within_a_millisecond(sipp: Phone, recordings: Recordings) -> None:
    """Of the SIP engine alone: the stack's call objects missed their end, and listened for ever."""
    with sipp(s.invited(), s.says("486 Busy Here"), s.hears("ACK"), calls=30) as phone:
        said = announcements(Speaker(), recordings)
        engine = SipEngine(Trunk("127.0.0.1", phone.port), Network.SANDBOX, said, recordings, 30, clock=now)
        await engine.start()
        results = await asyncio.gather(*(engine.place(call()) for _ in range(30)))
        await phone.ended_well()
        assert {result.sip_status for result in results} == {486}
        assert len(engine._runtime._listeners) == 1
        assert (engine._dialogs, engine._early, engine._given_up) == ({}, {}, set())
        await engine.stop(0)
    recordings.stop()
