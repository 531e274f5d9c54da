"""Engines to be tested, one after the other: the SIP stack allows one at a time in a process."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ringback.audio.announcements import Announcements
from ringback.audio.files import AudioFiles
from ringback.audio.recordings import Recordings
from ringback.calls.engine import CallEngine
from ringback.calls.sip import SipEngine
from ringback.model.message import Network
from ringback.model.trunk import Trunk
from tests.calls.said import Speaker, announcements, now, opened_files
from tests.calls.sipp import Sipp, running_sipp

StartEngine: TypeAlias = Callable[..., Awaitable[CallEngine]]


def sip_engine(
    trunk: Trunk, recordings: Recordings, channels: int, files: AudioFiles | None = None, **options: Any
) -> CallEngine:
    said = Announcements(Speaker(), files) if files else announcements(Speaker(), recordings)
    return SipEngine(trunk, Network.SANDBOX, said, recordings, channels, clock=now, **options)


ENGINES = {"sip": sip_engine}
"""Whatever phones over a network; a second one is another line here."""


@pytest.fixture
def sipp(tmp_path: Path) -> Callable[..., AbstractContextManager[Sipp]]:
    """Starts a phone that goes through these steps, `calls` times."""
    if not shutil.which("sipp"):
        pytest.skip("sipp is not installed (Debian: sip-tester)")
    return partial(running_sipp, tmp_path / "sipp")


@pytest.fixture
def recordings(tmp_path: Path) -> Recordings:
    return Recordings(tmp_path / "recordings")


@pytest.fixture(params=ENGINES.values(), ids=ENGINES)
async def start_engine(request: pytest.FixtureRequest, recordings: Recordings) -> AsyncIterator[StartEngine]:
    """Starts the engine under test on a trunk at a port of this machine; it is stopped after the test."""
    async with AsyncExitStack() as stack:
        files = await stack.enter_async_context(opened_files(recordings))

        async def start(port: int, channels: int = 2, user: str = "", password: str = "", **options: Any) -> CallEngine:
            trunk = Trunk("127.0.0.1", port, user=user or None, password=password or None)
            engine: CallEngine = request.param(trunk, recordings, channels, files, **options)
            await engine.start()
            stack.push_async_callback(engine.stop, 0)
            return engine

        yield start
    recordings.stop()
