"""The pipe from the parent: the configuration comes by it, and its end means that the parent is gone."""

import os
import signal
import sys
import threading

from .config import Config, received


def config_from_parent() -> Config:
    """Reads the configuration; from then on this process does not outlive its parent.

    A thread waits for the end of the pipe, so that a busy or stuck event loop dies too, and takes the whole
    process group along: no child of ours is left behind either.
    """
    config = received(_first_line())
    threading.Thread(target=_die_with_parent, name="lifeline", daemon=True).start()
    return config


def _first_line() -> bytes:
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit("ringback: the server process is started by `ringback serve`, not by itself")
    return line


def _die_with_parent() -> None:
    while os.read(0, 1024):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
