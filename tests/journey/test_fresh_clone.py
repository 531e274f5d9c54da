"""What a newcomer does: clone, `make run`, and nothing else."""

import json
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.journey.server import ENDED, Output, free_port, living

ROOT = Path(__file__).parent.parent.parent
BARE = {"HOME": "", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fresh_clone_runs_with_make_alone(tmp_path: Path) -> None:
    clone = tmp_path / "ringback"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    home = tmp_path / "home"
    home.mkdir()
    where = f"127.0.0.1:{free_port()}"
    make = subprocess.Popen(
        ["make", "run", f"ARGS=--http {where}"],
        cwd=clone,
        env=BARE | {"HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    out = Output(make.stdout)
    try:
        eventually(lambda: ENDED in out.text or make.poll() is not None, 500, "the demonstration call has ended")
        assert ENDED in out.text, out.text
        collect = next(line.strip() for line in out.lines if "reports" in line and "application/json" in line)
        first, second = (json.loads(subprocess.check_output(shlex.split(collect), text=True)) for _ in range(2))
    finally:
        os.killpg(make.pid, signal.SIGINT)  # Ctrl-C
        make.wait(60)
        out.finish()
    (report,) = first["results"]
    assert report["dtmfCodes"] == "1"
    assert report["recordedAudioFileUrl"].startswith(f"http://{where}/tts/3/files/")
    assert second == {"results": []}
    eventually(lambda: not any(of == make.pid for _, _, of in living("no mark")), 5, "nothing is left")
    changed = subprocess.check_output(["git", "status", "--porcelain"], cwd=clone, text=True)
    assert changed.split() in ([], ["??", "ringback-data/"])
