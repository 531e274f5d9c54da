"""The scripted engine keeps the promises of `CallEngine` that need no network."""

import asyncio

import pytest

from ringback.calls.engine import CallEngine
from ringback.calls.scripted import ScriptedEngine
from ringback.model.call import Call, CallResult, Cause
from ringback.model.message import Network
from tests.calls.said import call


def clock() -> int:
    return 5_000


async def test_answers_by_default() -> None:
    engine: CallEngine = ScriptedEngine(1, clock=clock)
    await engine.start()
    assert engine.network is Network.SANDBOX
    assert await engine.place(call(max_dtmf=1)) == CallResult(Cause.ANSWERED, 5_000, 3_000, 4_000, ("1",))
    assert (await engine.place(call())).dtmf is None


async def test_the_outcome_is_a_function_of_the_call() -> None:
    def outcome(placed: Call) -> CallResult:
        return CallResult(Cause.REFUSED, clock(), sip_status=486 if placed.to.endswith("3") else 603)

    engine = ScriptedEngine(1, clock=clock, outcome=outcome, network=Network.TRUNK)
    one, other = call("3"), call("5")
    assert [(await engine.place(placed)).sip_status for placed in (one, other, one)] == [486, 603, 486]
    assert engine.placed == [one, other, one]
    assert engine.network is Network.TRUNK


async def test_a_held_call_takes_its_channel_until_released() -> None:
    engine = ScriptedEngine(2, clock=clock, hold=True)
    one, other = call("1"), call("2")
    placing = [asyncio.create_task(engine.place(placed)) for placed in (one, other)]
    await asyncio.sleep(0)
    assert (engine.free_channels(), engine.live) == (0, [one, other])
    engine.release(one)
    engine.release(one)
    await placing[0]
    assert (engine.free_channels(), engine.live) == (1, [other])
    engine.release()
    await placing[1]
    assert engine.free_channels() == 2


async def test_stop_waits_then_ends_what_is_left_and_places_no_more() -> None:
    engine = ScriptedEngine(2, clock=clock, hold=True)
    placing = asyncio.create_task(engine.place(call()))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(engine.stop(30))
    await asyncio.sleep(0)
    assert (engine.free_channels(), placing.done()) == (0, False)
    engine.release()
    await asyncio.wait_for(stopping, 1)
    assert placing.done()
    assert (await engine.place(call())).cause is Cause.NOT_PLACED
    assert len(engine.placed) == 1
    await engine.stop(30)


async def test_stop_does_not_wait_longer_than_its_grace() -> None:
    engine = ScriptedEngine(1, clock=clock, hold=True)
    placing = asyncio.create_task(engine.place(call()))
    await asyncio.sleep(0)
    await asyncio.wait_for(engine.stop(0.01), 1)
    assert (await placing).cause is Cause.ANSWERED


async def test_a_call_that_is_called_off_frees_its_channel() -> None:
    engine = ScriptedEngine(1, clock=clock, hold=True)
    placing = asyncio.create_task(engine.place(call()))
    await asyncio.sleep(0)
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    assert engine.free_channels() == 1
