"""Calls by sipp, a SIP program that we did not write: signalling, byte by byte as others read it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.calls.phones.box import Box

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(not shutil.which("sipp"), reason="sipp is not installed (Debian: sip-tester)")


def sipp(box: Box, scenario: str, number: str, folder: Path, status: int = 0) -> None:
    file = folder / scenario
    file.write_text((HERE / scenario).read_text().replace("STATUS", str(status)))
    command = ["sipp", f"127.0.0.1:{box.port}", "-sf", str(file), "-s", number, "-m", "1", "-i", "127.0.0.1"]
    options = ["-nostdin", "-nr", "-timeout", "10", "-recv_timeout", "5000", "-trace_err", "-trace_msg"]
    ran = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    errors = "\n".join(log.read_text() for log in folder.glob("*.log"))
    assert ran.returncode == 0, errors or ran.stdout


def test_answers_and_is_hung_up_on(box: Box, tmp_path: Path) -> None:
    sipp(box, "answer.xml", "38598102", tmp_path)
    end = box.line(event="end", to="38598102")
    assert (end["by"], end["from"]) == ("caller", "38598999")
    story = [line["event"] for line in box.lines(callId=end["callId"])]
    assert story == ["invite", "answer", "end"]


@pytest.mark.parametrize(
    ("number", "status"),
    [("38598203", 486), ("38598205", 603), ("38598206", 480), ("38598207", 404), ("38598214", 503)],
)
def test_refuses(box: Box, tmp_path: Path, number: str, status: int) -> None:
    sipp(box, "refused.xml", number, tmp_path, status)
    end = box.line(event="end", to=number)
    assert (end["by"], end["status"]) == ("phone", status)


def test_rings_until_the_caller_gives_up(box: Box, tmp_path: Path) -> None:
    sipp(box, "cancel.xml", "38598304", tmp_path)
    end = box.line(event="end", to="38598304")
    assert end["by"] == "caller"
    assert not box.lines(event="answer", to="38598304")


def test_an_invite_that_comes_again_is_one_call(box: Box, tmp_path: Path) -> None:
    sipp(box, "again.xml", "38598402", tmp_path)
    assert [line["event"] for line in box.lines(to="38598402")] == ["invite", "answer", "end"]


def test_hangs_up(box: Box, tmp_path: Path) -> None:
    sipp(box, "hung_up.xml", "38598509", tmp_path)
    assert box.line(event="end", to="38598509")["by"] == "phone"
