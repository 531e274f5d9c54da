"""Every report arrives in the caller's hands exactly once: lost answers, killed callers."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringback_client import Ringback
from tests.client.lossy import LOSSES, Lossy
from tests.client.shelf import fill
from tests.eventually import eventually
from tests.journey.conftest import put_away
from tests.journey.server import PASSWORD, Server, clean_environment

ROOT = Path(__file__).parent.parent.parent
SEED = int(os.environ.get("CLIENT_SEED", "3"))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """A server with accounts that have 60 reports each to collect, one for each loss; the reports' order."""
    folder = tmp_path_factory.mktemp("shelf") / "data"
    order = fill(folder, list(LOSSES), 60)
    server = Server(folder).start()
    yield server, order
    put_away(server)


def on_the_tape(serve: Any, tmp_path: Path, count: int) -> tuple[Server, list[str]]:
    order = fill(tmp_path / "data", ["Jasmine"], count)
    return serve(), order


def collected(url: str, bookmark: Path, user: str = "Jasmine", **more: Any) -> list[str]:
    with Ringback(url, user=user, password=PASSWORD) as client, client.reports(bookmark, wait=0, **more) as left:
        return [report.message_id for report in left]


def test_each_once_and_in_order_though_answers_get_lost(
    serve: Any, tmp_path: Path, lossy: Callable[..., Lossy]
) -> None:
    server, order = on_the_tape(serve, tmp_path, 180)
    proxy = lossy(server.port, SEED)
    assert collected(proxy.url, tmp_path / "bookmark", limit=9) == order
    print(SEED, proxy.fates)
    assert collected(server.url, tmp_path / "another") == []


@pytest.mark.parametrize("fate", LOSSES)
def test_each_once_whatever_the_loss(
    fate: str, shelf: tuple[Server, list[str]], tmp_path: Path, lossy: Callable[..., Lossy]
) -> None:
    server, order = shelf
    proxy = lossy(server.port, SEED, losses=0.4, fates=[fate])
    assert collected(proxy.url, tmp_path / "bookmark", fate, limit=9) == order
    assert collected(server.url, tmp_path / "another", fate) == []


class Caller:
    """A process that collects, and is killed at random and begun again."""

    def __init__(self, url: str, folder: Path) -> None:
        self.out = folder / "out"
        self._command = [sys.executable, "-m", "tests.client.collector", url, "Jasmine", str(folder / "mark"), self.out]

    def begin(self) -> None:
        env = clean_environment(PYTHONPATH=os.pathsep.join([str(ROOT / "client" / "src"), str(ROOT / "src")]))
        self._runs = self.lines().count("begins") + 1
        self.process = subprocess.Popen(self._command, cwd=ROOT, env=env)
        eventually(lambda: self.lines().count("begins") == self._runs, 30, "it has begun")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait(30) == -signal.SIGKILL

    def lines(self) -> list[str]:
        return self.out.read_text().split() if self.out.exists() else []

    def seen(self) -> int:
        return len(self.lines()) - self.lines().count("begins")

    def runs(self) -> list[list[str]]:
        """The reports that each run was given."""
        runs: list[list[str]] = []
        for line in self.lines():
            runs.append([]) if line == "begins" else runs[-1].append(line)
        return runs


def in_hand(runs: list[list[str]]) -> list[str]:
    """All reports; one that a run was killed at may come again, as the next run's first, and counts once."""
    got: list[str] = []
    for run in runs:
        got += run[1:] if got and run and run[0] == got[-1] else run
    return got


def killed_callers(server: Server, proxy: Lossy, folder: Path, order: list[str], kills: int, seed: int) -> None:
    rng, caller = random.Random(seed), Caller(proxy.url, folder)
    for kill in range(kills):
        caller.begin()
        enough = caller.seen() + rng.randrange(1 + len(order) // (kills + 1))
        eventually(lambda: caller.seen() >= enough, 60, f"the moment of kill {kill}")  # noqa: B023
        caller.kill()
    caller.begin()
    eventually(lambda: caller.lines()[-1] == order[-1], 60, "the last report")
    caller.process.send_signal(signal.SIGINT)
    caller.process.wait(30)
    runs = caller.runs()
    print(f"{seed}: {proxy.fates}, again {sum(map(len, runs)) - len(order)}, runs {[len(run) for run in runs]}")
    assert in_hand(runs) == order
    assert sum(bool(run) for run in runs) > 1
    assert collected(server.url, folder / "another") == []


@pytest.mark.timeout(120)
def test_each_once_though_the_caller_is_killed(serve: Any, tmp_path: Path, lossy: Callable[..., Lossy]) -> None:
    server, order = on_the_tape(serve, tmp_path, 200)
    killed_callers(server, lossy(server.port, SEED), tmp_path, order, 5, SEED)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_once_though_the_caller_is_killed_often(serve: Any, tmp_path: Path, lossy: Callable[..., Lossy]) -> None:
    seed = SEED if "CLIENT_SEED" in os.environ else random.randrange(10**6)
    server, order = on_the_tape(serve, tmp_path, 3_000)
    killed_callers(server, lossy(server.port, seed), tmp_path, order, 80, seed)
