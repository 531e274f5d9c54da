"""The supervisor, with a stand-in for the server, as real processes."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringback import supervisor
from ringback.config import Config, load
from ringback.model.exceptions import ConfigError
from tests.eventually import eventually

STAND_IN = Path(__file__).with_name("stand_in_server.py")
PARENT = """
import sys
from pathlib import Path
from ringback import config, log, supervisor
from ringback.model.exceptions import RingbackError
log.set_up("info", "json")
try:
    found = config.received(sys.stdin.buffer.readline())
    sys.exit(supervisor.serve(found, (sys.executable, *sys.argv[1:])))
except RingbackError as error:
    sys.exit(str(error))
"""
Serve = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load({"data": str(tmp_path / "data"), "http": f"127.0.0.1:{_free_port()}"}, {})


@pytest.fixture
def serve(config: Config, diary: Path) -> Iterator[Serve]:
    started = []

    def start(behaviour: str = "serves") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PARENT, str(STAND_IN), str(diary), behaviour]
        parent = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append(parent)
        assert parent.stdin
        parent.stdin.write(config.line())
        parent.stdin.close()
        parent.stdin = None
        return parent

    yield start
    for parent in started:
        parent.kill()
        parent.wait()
        if parent.stderr:
            parent.stderr.close()
    for line in _lines(diary, "up"):
        eventually(lambda line=line: not any(map(_alive, _processes(line))), 10, "all of them are gone")


def test_the_configuration_reaches_the_server_and_sigterm_ends_it(serve: Serve, diary: Path, config: Config) -> None:
    parent = serve()
    up = _up(diary)
    assert up.endswith(str(config.http))
    parent.terminate()
    assert parent.wait(10) == 0
    assert _lines(diary, "got") == ["got SIGTERM"]
    assert not any(map(_alive, _processes(up)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_other_signals_are_handed_on_once(serve: Serve, diary: Path, number: signal.Signals) -> None:
    parent = serve()
    _up(diary)
    parent.send_signal(number)
    assert parent.wait(10) == 0
    assert _lines(diary, "got") == [f"got {number.name}"]


def test_a_reload_is_handed_on_as_often_as_it_is_asked_for_and_stops_nothing(serve: Serve, diary: Path) -> None:
    parent = serve()
    up = _up(diary)
    for times in (1, 2):
        parent.send_signal(supervisor.RELOAD)
        eventually(lambda times=times: _lines(diary, "got") == ["got SIGUSR1"] * times, 5, "it is handed on")
    assert all(map(_alive, _processes(up)))
    parent.terminate()
    assert parent.wait(10) == 0


def test_a_reload_before_the_server_heeds_it_kills_nobody(serve: Serve, diary: Path, config: Config) -> None:
    parent = serve("deaf")
    eventually(lambda: supervisor.owner(config.data) == parent.pid, 10, "the folder has its owner")
    parent.send_signal(supervisor.RELOAD)
    _up(diary)
    assert _lines(diary, "kept") + _lines(diary, "got") == ["kept SIGUSR1", "got SIGUSR1"]
    assert parent.poll() is None


def test_the_owner_of_a_folder(serve: Serve, diary: Path, config: Config) -> None:
    assert supervisor.owner(config.data) is None
    parent = serve()
    _up(diary)
    assert supervisor.owner(config.data) == parent.pid
    assert supervisor.owner(config.data) == parent.pid  # asking changes nothing
    parent.terminate()
    parent.wait(10)
    assert supervisor.owner(config.data) is None


def test_the_server_is_in_a_group_of_its_own_so_that_ctrl_c_reaches_it_once(serve: Serve, diary: Path) -> None:
    serve()
    server = _processes(_up(diary))[0]
    assert os.getpgid(server) == server
    assert os.getsid(server) == server


def test_a_killed_server_is_started_again_and_leaves_nothing_behind(serve: Serve, diary: Path) -> None:
    serve()
    first = _processes(_up(diary))
    os.kill(first[0], signal.SIGKILL)
    again = _processes(_up(diary, 2))
    assert again[0] != first[0]
    assert not any(map(_alive, first))


def test_a_killed_parent_takes_everything_along(serve: Serve, diary: Path) -> None:
    parent = serve()
    processes = _processes(_up(diary))
    parent.kill()
    eventually(lambda: not any(map(_alive, processes)), 5, "the server and its child are gone")


def test_right_after_a_killed_parent_serve_starts(serve: Serve, diary: Path) -> None:
    first = serve()
    _up(diary)
    first.kill()
    serve()
    _up(diary, 2)


def test_the_folder_is_locked_until_the_server_is_gone_too(serve: Serve, diary: Path, config: Config) -> None:
    parent = serve()
    server = _processes(_up(diary))[0]
    os.kill(server, signal.SIGSTOP)  # so that it can't see that its parent is gone
    parent.kill()
    parent.wait()
    assert not _free(config.data / "serve.lock")
    os.kill(server, signal.SIGCONT)
    eventually(lambda: _free(config.data / "serve.lock"), 5, "the lock is free")


def test_a_server_that_keeps_dying_is_given_up(serve: Serve, diary: Path) -> None:
    parent = serve("dies")
    _, said = parent.communicate(timeout=30)
    assert parent.returncode == 70
    assert _lines(diary, "died") == ["died"] * 5
    assert b"exit code 3" in said


def test_a_bad_configuration_is_not_tried_again(serve: Serve, diary: Path) -> None:
    assert serve("bad-config").wait(10) == 78
    assert _lines(diary, "refused") == ["refused"]


def test_asked_twice_it_kills(serve: Serve, diary: Path) -> None:
    parent = serve("stubborn")
    up = _up(diary)
    parent.send_signal(signal.SIGINT)
    eventually(lambda: _lines(diary, "got"), 5, "the first Ctrl-C is heard")
    assert parent.poll() is None
    parent.send_signal(signal.SIGINT)
    assert parent.wait(10) == 128 + signal.SIGKILL
    assert not any(map(_alive, _processes(up)))


def test_a_second_serve_is_refused_by_name(serve: Serve, diary: Path, config: Config) -> None:
    first = serve()
    _up(diary)
    second = serve()
    _, said = second.communicate(timeout=10)
    assert second.returncode == 1
    assert f"process {first.pid}, is serving {config.data}" in said.decode()
    assert len(_lines(diary, "up")) == 1


def test_an_address_in_use_is_refused_early(serve: Serve, diary: Path, config: Config) -> None:
    with socket.create_server((config.http.host, config.http.port)):
        parent = serve()
        _, said = parent.communicate(timeout=10)
    assert f"can't serve at {config.http}" in said.decode()
    assert not diary.exists()


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path, serve: Serve, diary: Path) -> None:
    (tmp_path / "data").write_text("")
    _, said = serve().communicate(timeout=10)
    assert "the data folder" in said.decode()
    assert ConfigError.__name__ not in said.decode()


def _up(diary: Path, times: int = 1) -> str:
    return eventually(lambda: _lines(diary, "up")[times - 1 : times], 10, f"the server is up, time {times}")[0]


def _lines(diary: Path, word: str) -> list[str]:
    lines = diary.read_text().splitlines() if diary.exists() else []
    return [line for line in lines if line.split()[0] == word]


def _processes(up: str) -> list[int]:
    return [int(word) for word in up.split()[1:3]]


def _alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
