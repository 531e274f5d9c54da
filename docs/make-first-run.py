"""Draws docs/first-run.svg: a real server is started, real curls are run, and what they print is the picture.

    .venv/bin/python docs/make-first-run.py

It serves at 127.0.0.1:8080, so nothing else may; it needs curl.
"""

import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).with_name("first-run.svg")
ENDED = "The demonstration call has ended"
LONGEST_WAIT_S = 60
COLLECT = "curl -s -u 'Aladdin:open sesame' http://127.0.0.1:8080/tts/3/reports"


def main() -> None:
    """Draws it."""
    console = Console(record=True, width=120, file=sys.stdout, force_terminal=True)
    with tempfile.TemporaryDirectory() as folder:
        for command, output in session(folder):
            console.print(Text("$ ", "bold green") + Text(command, "bold"))
            console.print(Text(output.strip("\n")))
    picture = console.export_svg(title="The first run", unique_id="first-run")
    PICTURE.write_text(
        re.sub(r"@font-face \{.*?\n    \}\n", "", picture, flags=re.DOTALL), "utf-8"
    )  # no font from afar


def session(folder: str) -> Iterator[tuple[str, str]]:
    """Each command with what it printed."""
    serve = [sys.executable, "-m", "ringback", "serve", "--demo", "--log-level", "error"]
    server = subprocess.Popen(serve, cwd=folder, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(LONGEST_WAIT_S, server.kill)
    timer.start()
    try:
        yield "make run", until_ended(server)
        yield f"{COLLECT} | python3 -m json.tool", shell(f"{COLLECT} | {sys.executable} -m json.tool")
        yield COLLECT, shell(COLLECT)
    finally:
        timer.cancel()
        server.terminate()
        server.wait()


def until_ended(server: "subprocess.Popen[str]") -> str:
    """What the server prints, to the end of the paragraph that says that the call has ended."""
    lines, ended = [], False
    for line in server.stdout or []:
        lines.append(line)
        ended = ended or ENDED in line
        if ended and not line.strip():
            return "".join(lines)
    raise SystemExit("the demonstration call did not end:\n" + "".join(lines))


def shell(command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout  # noqa: S602 - ours


if __name__ == "__main__":
    main()
