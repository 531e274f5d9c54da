"""A child process answers, dies, hangs, and never outlives us."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.audio.child import Child, ChildFailed


@pytest.fixture
async def child(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Child]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    child = Child("fragile", limit_s=10)
    yield child
    await child.stop()


async def test_requests_of_any_size_are_answered_in_order(child: Child) -> None:
    bodies = [os.urandom(size) for size in (0, 1, 70_000, 3_000_000)]
    answers = await asyncio.gather(*(child.ask({"n": n}, body) for n, body in enumerate(bodies)))
    assert answers == [({"n": n}, body) for n, body in enumerate(bodies)]


async def test_what_kills_it_twice_fails_and_the_next_is_answered(child: Child) -> None:
    with pytest.raises(ChildFailed, match="twice"):
        await child.ask({"die": True})
    assert await child.ask({"a": 1}) == ({"a": 1}, b"")


async def test_a_request_given_up_does_not_leave_its_answer_to_the_next(child: Child) -> None:
    await child.start()
    assert child.pid
    os.kill(child.pid, signal.SIGSTOP)
    given_up = asyncio.create_task(child.ask({"n": 1}))
    await asyncio.wait([given_up], timeout=0.1)
    given_up.cancel()
    await asyncio.wait([given_up])
    assert await child.ask({"n": 2}) == ({"n": 2}, b"")


async def test_one_that_can_not_start_fails() -> None:
    with pytest.raises(ChildFailed):
        await Child("ringback.audio.no_such_module", limit_s=10).ask({})


async def test_stopped_it_takes_no_more(child: Child) -> None:
    await child.start()
    await child.stop()
    with pytest.raises(ChildFailed, match="stopped"):
        await child.ask({})
