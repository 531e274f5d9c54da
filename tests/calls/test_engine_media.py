"""What is heard, recorded and pressed, between the engine and phones that we did not write."""

import asyncio
import shutil
from pathlib import Path

import pytest

from ringback.audio.recordings import Recordings
from ringback.model.call import Cause
from tests.calls import scenario as s
from tests.calls.conftest import StartEngine
from tests.calls.debian_baresip import running_baresip
from tests.calls.said import call, channels, likeness, samples, sound
from tests.calls.test_engine import Phone
from tests.eventually import eventually_async

no_baresip = pytest.mark.skipif(not shutil.which("baresip"), reason="baresip is not installed (Debian: baresip)")


@no_baresip
@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
async def test_a_call_to_debians_baresip(
    start_engine: StartEngine, tmp_path: Path, recordings: Recordings, codec: str
) -> None:
    theirs, ours = sound(6, seed=2), sound(2)
    with running_baresip(tmp_path / "baresip", theirs, codec) as phone:
        engine = await start_engine(phone.port)
        placing = asyncio.create_task(engine.place(call(text="2", record=True, max_dtmf=1, dtmf_timeout=8)))
        await eventually_async(lambda: "Call established" in phone.log(), 10, "the answer")
        await asyncio.wait([placing], timeout=2.3)
        phone.press("7")
        result = await placing
        await eventually_async(lambda: "terminated (duration" in phone.log(), 5, "the end")
        assert "SIP/2.0 200 OK" in phone.log().partition("BYE sip:")[2]
        dumped = phone.heard()
        assert dumped
        (heard,) = channels(dumped)
    assert (result.cause, result.dtmf) == (Cause.ANSWERED, ("7",))
    assert likeness(heard, samples(ours))[0] > 0.98
    assert result.recording
    path = recordings.path(result.recording)
    assert path
    left, right = channels(path)
    there, _ = likeness(left, samples(theirs)[:8_000])
    assert there > 0.9
    assert likeness(right, samples(ours))[0] > 0.99


async def test_a_key_of_sipps(start_engine: StartEngine, sipp: Phone) -> None:
    with sipp(
        s.invited(),
        s.answers(),
        s.waits(300),
        s.presses("4"),
        s.waits(400),
        s.presses("2"),
        s.waits(400),
        s.presses("pound"),
        s.hung_up_on(),
    ) as phone:
        engine = await start_engine(phone.port)
        result = await engine.place(call(text="0.2", max_dtmf=5))
        await phone.ended_well()
    assert result.dtmf == ("42",)


async def test_keys_by_sip_info(start_engine: StartEngine, sipp: Phone) -> None:
    keys = (s.informs("4", 1), s.informs("d", 2), s.informs("#", 3))
    with sipp(s.invited(), s.answers(), *keys, s.hung_up_on()) as phone:
        engine = await start_engine(phone.port)
        result = await engine.place(call(text="0.2", max_dtmf=5))
        await phone.ended_well()
    assert result.dtmf == ("4D",)


async def test_held_and_taken_back_in_mid_speech(
    start_engine: StartEngine, sipp: Phone, recordings: Recordings
) -> None:
    """Two re-INVITEs: the stack makes new streams. The speech goes on where it was, nothing of it is lost."""
    hold = (s.waits(500), s.invites_again("inactive", 1), s.waits(500), s.invites_again("sendrecv", 2))
    with sipp(s.invited(), s.answers(), *hold, s.hung_up_on()) as phone:
        engine = await start_engine(phone.port)
        result = await engine.place(call(text="3", record=True))
        await phone.ended_well()
    assert result.cause is Cause.ANSWERED
    assert result.recording
    path = recordings.path(result.recording)
    assert path
    _, right = channels(path)
    assert likeness(right, samples(sound(3))[2 * 8_000 :])[0] > 0.95
    assert result.answered_at
    assert result.ended_at - result.answered_at > 3_300
