"""A server process for the supervisor's tests: it says what happens to it, a line each, in a file."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from ringback.lifeline import config_from_parent
from ringback.supervisor import RELOAD

diary, behaviour = Path(sys.argv[1]), sys.argv[2]


def note(*words: object) -> None:
    with diary.open("a") as file:
        file.write(" ".join(map(str, words)) + "\n")


def on_signal(number: int, _frame: FrameType | None) -> None:
    note("got", signal.Signals(number).name)
    if behaviour != "stubborn":
        sys.exit(0)


config = config_from_parent()
if behaviour == "dies":
    note("died")
    sys.exit(3)
if behaviour == "bad-config":
    note("refused")
    sys.exit(78)
for heeded in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(heeded, on_signal)
if behaviour == "deaf":  # for a while
    while RELOAD not in signal.sigpending():
        signal.sigtimedwait([], 0.01)
    note("kept", RELOAD.name)
signal.signal(RELOAD, lambda number, _: note("got", signal.Signals(number).name))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {RELOAD})
left = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], stdin=subprocess.DEVNULL)
note("up", os.getpid(), left.pid, config.http)
while True:
    signal.pause()
