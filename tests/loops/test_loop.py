"""A loop: when it steps, when it rests, and how it stops."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from ringback.loops.loop import Loop
from ringback.model.exceptions import StoreUnavailable
from tests.eventually import eventually_async

LONG = 600.0


class Steps(Loop):
    """A loop that counts its steps and does in each what the test says."""

    def __init__(self, pause: float = LONG) -> None:
        super().__init__("steps", pause)
        self.begun = 0
        self.ended = 0
        self.does: Callable[[int], bool | Exception] = lambda step: False
        self.gate = asyncio.Event()
        self.gate.set()

    async def run_once(self) -> bool:
        self.begun += 1
        await self.gate.wait()
        does = self.does(self.begun)
        if isinstance(does, Exception):
            raise does
        self.ended += 1
        return does

    async def reach(self, begun: int) -> None:
        await eventually_async(lambda: self.begun >= begun, 10, f"step {begun}")

    async def stays(self, begun: int) -> None:
        """Whatever is ready to run has run, and no step more was taken."""
        for _ in range(50):
            await asyncio.sleep(0)
        assert self.begun == begun


@pytest.fixture
async def steps() -> AsyncIterator[Steps]:
    steps = Steps()
    yield steps
    steps.gate.set()
    steps.does = lambda step: False
    await steps.stop()


async def test_it_rests_between_steps_until_it_is_woken(steps: Steps) -> None:
    steps.start()
    await steps.reach(1)
    await steps.stays(1)
    steps.wake()
    await steps.reach(2)
    await steps.stays(2)


async def test_it_goes_on_at_once_while_there_is_more(steps: Steps) -> None:
    steps.does = lambda step: step < 5
    steps.start()
    await steps.reach(5)
    await steps.stays(5)


async def test_it_steps_again_when_the_pause_is_over() -> None:
    steps = Steps(pause=0.01)
    steps.start()
    await steps.reach(3)
    await steps.stop()


async def test_who_wakes_it_during_a_step_is_not_forgotten(steps: Steps) -> None:
    steps.gate.clear()
    steps.start()
    await steps.reach(1)
    steps.wake()
    steps.gate.set()
    await steps.reach(2)
    await steps.stays(2)


async def test_stopping_finishes_the_step_under_way_and_takes_no_other(steps: Steps) -> None:
    steps.does = lambda step: True  # there would be more
    steps.gate.clear()
    steps.start()
    await steps.reach(1)
    stopping = asyncio.create_task(steps.stop())
    for _ in range(50):
        await asyncio.sleep(0)
    assert (stopping.done(), steps.ended) == (False, 0)
    steps.gate.set()
    await stopping
    assert (steps.begun, steps.ended) == (1, 1)


async def test_stopping_does_not_wait_for_the_pause_and_may_be_said_twice(steps: Steps) -> None:
    steps.start()
    await steps.reach(1)
    await asyncio.wait_for(steps.stop(), 5)
    await asyncio.wait_for(steps.stop(), 5)
    steps.wake()
    await steps.stays(1)


async def test_stopping_before_the_start_is_no_fault() -> None:
    await Steps().stop()


@pytest.mark.parametrize("fault", [ValueError("a defect"), StoreUnavailable("the disk is full")])
async def test_a_failing_step_ends_nothing_but_is_followed_by_a_rest(steps: Steps, fault: Exception) -> None:
    steps.does = lambda step: fault if step <= 2 else step < 5
    steps.start()
    await steps.reach(1)
    await steps.stays(1)
    steps.wake()
    await steps.reach(2)
    await steps.stays(2)
    steps.wake()
    await steps.reach(5)
    assert steps.ended == 3


async def test_after_a_fault_it_comes_back_by_itself_sooner_than_its_pause(steps: Steps) -> None:
    steps.does = lambda step: StoreUnavailable("full") if step == 1 else False
    steps.start()
    await steps.reach(2)


async def test_only_what_nobody_foresaw_is_logged(steps: Steps, capfd: pytest.CaptureFixture[str]) -> None:
    steps.does = lambda step: (StoreUnavailable("full"), ValueError("a defect"))[step - 1] if step < 3 else False
    steps.start()
    await steps.reach(1)
    await steps.stays(1)
    said = capfd.readouterr()
    assert "failed" not in said.out + said.err
    steps.wake()
    await steps.reach(2)
    await steps.stays(2)
    said = capfd.readouterr()
    assert "a step failed" in said.out + said.err
