"""The phones' log: what every phone lived through, a line of JSON each. It is the evidence of who was called."""

import json
import os
import time
from pathlib import Path
from typing import Any


class Diary:
    """Lines appended to a file with one `write` each, so that a kill of any process loses none and mixes none."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def write(self, event: str, who: dict[str, str], **more: Any) -> None:
        """One line: what happened, when (ms since the epoch), and to which call."""
        line = {"event": event, "at": time.time_ns() // 1_000_000, **who, **more}
        os.write(self._fd, json.dumps(line).encode() + b"\n")
