"""The parent of the server process: starts it, starts it again when it dies, and leaves nothing behind.

Why there is one: docs/decisions/0002. It opens no database and speaks no protocol: little in it can crash.
"""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from .config import Config, reason
from .model.exceptions import ConfigError, StoreInUse
from .settings import Address

SERVER = (sys.executable, "-P", "-m", "ringback.app")  # -P: whatever lies in the current folder is not ours
KEEPS_DYING = 70  # sysexits.h EX_SOFTWARE
BAD_CONFIG = 78  # sysexits.h EX_CONFIG: starting again would change nothing

_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
RELOAD = signal.SIGUSR1
"""Has the rate deck read anew. Not SIGHUP, which a terminal sends when it closes: that ends Ringback."""

_UNBLOCKED = (*_STOP, signal.SIGCHLD)  # in the server; RELOAD only when the server heeds it, or it would kill it
_HEEDED = (*_UNBLOCKED, RELOAD)
_DEATHS, _WITHIN_S = 5, 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_DEAD_OWNER_S = 10.0
_BEYOND_DRAIN_S = 15.0  # to send answers under way and close the store, when all calls have ended

log = structlog.get_logger()


def serve(config: Config, server: Sequence[str] = SERVER) -> int:
    """Runs the server until it is told to stop: the exit code. Raises `ConfigError`, `StoreInUse`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)
    lock = _locked(config.data)
    try:
        _refuse_used_address(config.http)
        return _Supervisor(config, server, lock).run()
    finally:
        os.close(lock)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Supervisor:
    """One server process at a time. Signals are blocked and waited for, so none comes between two lines."""

    def __init__(self, config: Config, server: Sequence[str], lock: int) -> None:
        self._config, self._server, self._lock = config, server, lock
        self._deaths: list[float] = []

    def run(self) -> int:
        while True:
            child = self._start()
            code, stopped = self._watch(child)
            if stopped or code in (0, BAD_CONFIG):
                return code if code >= 0 else 128 - code
            if self._given_up(code):
                return KEEPS_DYING
            if asked := signal.sigtimedwait(_STOP, self._pause_s()):
                return 128 + asked.si_signo

    def _start(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            self._server,
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=(self._lock,),  # held until both of us are gone, however we go
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _UNBLOCKED),
        )
        assert child.stdin  # noqa: S101 - for mypy: it is a pipe
        with contextlib.suppress(BrokenPipeError):  # it died already, which `_watch` sees
            child.stdin.write(self._config.line())
            child.stdin.flush()  # and left open: its end is how the server learns that we are gone
        return child

    def _watch(self, child: subprocess.Popen[bytes]) -> tuple[int, bool]:
        """Until the child is gone: its exit code, and whether it had been told to stop."""
        stopping, deadline = False, float("inf")
        while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            wait_s = min(max(deadline - time.monotonic(), 0), 3600)
            came = signal.sigtimedwait(_HEEDED, wait_s)
            if came and came.si_signo == signal.SIGCHLD:
                continue
            if came and came.si_signo == RELOAD:
                os.kill(child.pid, RELOAD)
            elif came and not stopping:
                os.kill(child.pid, came.si_signo)  # not yet waited for, so the number is its own
                stopping, deadline = True, time.monotonic() + self._config.drain_seconds + _BEYOND_DRAIN_S
            elif came or time.monotonic() >= deadline:
                log.warning("server_killed", why="asked twice" if came else "it did not stop in time")
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                deadline = float("inf")
        return self._buried(child), stopping

    def _buried(self, child: subprocess.Popen[bytes]) -> int:
        """Kills what the dead child left behind: its process group is ours until it is waited for."""
        with contextlib.suppress(ProcessLookupError):  # nobody is left, not even on the way out
            os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
        with contextlib.suppress(BrokenPipeError):
            child.communicate()
        return code

    def _given_up(self, code: int) -> bool:
        now = time.monotonic()
        self._deaths = [*(at for at in self._deaths if now - at < _WITHIN_S), now]
        last = len(self._deaths) >= _DEATHS
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        log.error("server_died", how=how, deaths_within_a_minute=len(self._deaths), starting_again=not last)
        return last

    def _pause_s(self) -> float:
        return min(_FIRST_PAUSE_S * 4.0 ** (len(self._deaths) - 1), _LONGEST_PAUSE_S)


def _locked(folder: Path) -> int:
    """The data folder's lock, as an open file. A dead owner's server is ending too: that is waited for."""
    path = folder / "serve.lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"the data folder {folder} can't be used: {reason(error)}") from error
    until = time.monotonic() + _DEAD_OWNER_S
    while not _taken(lock):
        owner = os.pread(lock, 20, 0).decode("ascii", "replace")
        if not owner.isdigit() or Path(f"/proc/{owner}").exists() or time.monotonic() > until:
            os.close(lock)
            raise StoreInUse(
                f"another Ringback, process {owner or '?'}, is serving {folder}; stop it, or choose another --data"
            )
        time.sleep(0.05)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def owner(folder: Path) -> int | None:
    """The supervisor of the Ringback that serves a data folder: its process. None when nobody does."""
    try:
        with (folder / "serve.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        found = (folder / "serve.lock").read_text("ascii", "replace")
        return int(found) if found.isdigit() else None
    except OSError:
        pass
    return None


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refuse_used_address(address: Address) -> None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            probe.listen()
        except OSError as error:
            raise ConfigError(
                f"http: can't serve at {address}: {reason(error)}; stop what is there, or choose another"
            ) from error
