"""The phones' process: it is brought back where it was, and it never outlives who started it."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.calls.phones.network import PhoneNetwork, PhonesFailed
from tests.calls.phones.box import Caller
from tests.eventually import eventually, eventually_async


@pytest.fixture
async def deaths() -> list[int]:
    return []


@pytest.fixture
async def network(tmp_path: Path, deaths: list[int]) -> AsyncIterator[PhoneNetwork]:
    network = PhoneNetwork(tmp_path / "phones.log", on_death=deaths.append)
    await network.start()
    yield network
    await network.stop()


def answers(port: int) -> bool:
    caller = Caller(port, "1")
    try:
        caller.say("OPTIONS", 1)
        return caller.hear(0.5).startswith("SIP/2.0 200")
    except TimeoutError:
        return False
    finally:
        caller.close()


async def test_comes_back_on_the_same_port(network: PhoneNetwork, deaths: list[int]) -> None:
    port, first = network.port, network.pid
    assert first
    assert answers(port)
    os.kill(first, signal.SIGKILL)
    await eventually_async(lambda: network.pid not in (None, first), 10, "another process")
    await eventually_async(lambda: answers(port), 10, "an answer on the same port")
    assert (network.port, deaths) == (port, [-signal.SIGKILL])


async def test_ctrl_c_is_not_for_it_and_sigterm_is(network: PhoneNetwork, deaths: list[int]) -> None:
    assert network.pid
    os.kill(network.pid, signal.SIGINT)
    assert answers(network.port)
    os.kill(network.pid, signal.SIGTERM)
    await eventually_async(lambda: deaths == [-signal.SIGTERM], 10, "its death")


async def test_is_gone_when_stop_returns(network: PhoneNetwork, deaths: list[int]) -> None:
    pid = network.pid
    await network.stop()
    assert (network.pid, deaths) == (None, [])
    assert pid
    assert not alive(pid)


async def test_a_taken_port_is_said(network: PhoneNetwork, tmp_path: Path) -> None:
    with pytest.raises(PhonesFailed, match=str(network.port)):
        await PhoneNetwork(tmp_path / "other.log", port=network.port).start()


def test_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = """
import asyncio, pathlib, sys
from ringback.calls.phones.network import PhoneNetwork
async def main():
    network = PhoneNetwork(pathlib.Path(sys.argv[1]))
    await network.start()
    print(network.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    command = [sys.executable, "-c", parent, str(tmp_path / "phones.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        assert alive(pid)
        process.kill()
    eventually(lambda: not alive(pid), 5, "the phones' end")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
