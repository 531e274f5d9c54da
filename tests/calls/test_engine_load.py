"""Forty calls at once, recorded, with keys, while something holds the event loop: nobody hears a gap."""

import asyncio
import threading

import pytest
import structlog

from ringback.audio.recordings import Recordings
from ringback.model.call import Cause
from tests.calls import scenario as s
from tests.calls.conftest import StartEngine
from tests.calls.said import call, channels, likeness, samples, sound
from tests.calls.test_engine import RINGS, Phone
from tests.eventually import eventually_async

CALLS = 40
SPEAKS = f'<nop><action><exec play_pcap_audio="{s.KEYS}/g711a.pcap"/></action></nop>'


@pytest.mark.slow
@pytest.mark.parametrize("held_s", [0, 1.2])
async def test_forty_calls_at_once(
    start_engine: StartEngine, sipp: Phone, recordings: Recordings, held_s: float
) -> None:
    talks = (s.answers(), SPEAKS, s.waits(7_000), s.presses("1"), s.hung_up_on())
    with sipp(s.invited(), RINGS, s.waits(300), *talks, calls=CALLS) as phone:
        engine = await start_engine(phone.port, channels=CALLS)
        with structlog.testing.capture_logs() as logs:
            placing = [
                asyncio.create_task(engine.place(call(f"3859810{n:02}", "6", record=True, max_dtmf=1)))
                for n in range(CALLS)
            ]
            await eventually_async(lambda: len(phone.messages("ACK ")) == CALLS, 20, "forty answers")
            await asyncio.wait(placing, timeout=1)
            threading.Event().wait(held_s)
            results = await asyncio.gather(*placing)
        await phone.ended_well()
    assert {(result.cause, result.dtmf) for result in results} == {(Cause.ANSWERED, ("1",))}
    assert [log for log in logs if log["event"] == "audio starved"] == []
    for result in results:
        path = recordings.path(result.recording or "")
        assert path
        assert likeness(channels(path)[1], samples(sound(6)))[0] > 0.95
