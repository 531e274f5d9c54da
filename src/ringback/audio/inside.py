"""What every child process of ours does on its inside: it limits itself, answers frames, and leaves with its parent."""

import contextlib
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO, TypeAlias

from . import frames

Answered: TypeAlias = Callable[[dict[str, Any], bytes], bytes]
"""The frame that answers a request's header and body."""


def limit(memory: int) -> None:
    """At most `memory` bytes of address space, no core dumps; SIGTERM ends it, and Ctrl-C is its parent's to answer."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):  # not every system has every limit
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def own_stdout() -> BinaryIO:
    """The pipe to our parent, for us alone: what a library prints goes to stderr."""
    mine = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(mine, "wb")


def answer_all(answers: BinaryIO, hello: dict[str, Any], answered: Answered) -> None:
    """Says hello and answers every request, until stdin ends: then the process does, whatever it is doing."""
    requests: queue.SimpleQueue[tuple[dict[str, Any], bytes]] = queue.SimpleQueue()
    threading.Thread(target=_read_all, args=(sys.stdin.buffer, requests), daemon=True).start()
    answers.write(frames.packed(hello))
    answers.flush()
    while True:
        answers.write(answered(*requests.get()))
        answers.flush()


def _read_all(stream: BinaryIO, requests: "queue.SimpleQueue[tuple[dict[str, Any], bytes]]") -> None:
    while frame := frames.read(stream):
        requests.put(frame)
    os._exit(0)  # our parent has closed the pipe, or is dead
