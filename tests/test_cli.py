"""The command line: what it says, what it exits with, and that a lost answer loses nothing."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ringback.cli import EXIT_CODES, run
from tests.eventually import eventually

REPORT = {"to": "385981178", "messageId": "m1", "status": {"name": "DELIVERED_TO_HANDSET"}}
ROOT = Path(__file__).parent.parent
Typed = Callable[[str], None]
LIMITS = ("requestsPerSecond", "waiting", "channels")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("RINGBACK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


class Answers(HTTPServer):
    """Says what it is told to, in order: a body, a status and a body, or nothing: None, or an event before it."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.asked, self.url = list(answers), [], f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, self.headers, body))
        answer = self.server.answers.pop(0)
        if isinstance(answer, threading.Event):
            answer = answer.wait(10) and None
        if answer is None:
            return
        status, found = answer if isinstance(answer, tuple) else (200, answer)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def answers() -> Iterator[Callable[..., Answers]]:
    started = []

    def start(*wanted: Any) -> Answers:
        server = Answers(*wanted)
        started.append(server)
        server.thread.start()
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()
        server.thread.join()


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip()[0].isdigit()


@pytest.mark.parametrize("command", [[], ["serve"], ["account"], ["account", "add"], ["send"], ["reports"], ["reload"]])
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--help"]) == 0
    assert "Usage: ringback" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["bogus"], ["send", "--to", "1"], ["reports", "--limit", "x"], ["serve", "--nope"]])
def test_a_wrong_command_line_is_one_line_and_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(wrong) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bad_configuration_names_every_fault_and_is_78(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--http", "nowhere", "--channels", "0", "--trunk", "sip:a:s3cret@"]) == 78
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 3
    assert "s3cret" not in said


def test_the_exit_codes_are_documented() -> None:
    documented = (ROOT / "docs/running.md").read_text()
    assert [code for code in EXIT_CODES if f"| {code} |" not in documented] == []


def test_an_account_s_life(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    typed("open sesame\n")
    assert run(["account", "add", "Aladdin", "--zone", "Europe/Zagreb"]) == 0
    first_key = capsys.readouterr().out.strip()
    assert run(["account", "list"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert (listed["name"], listed["zone"], listed["windows"]) == ("Aladdin", "Europe/Zagreb", "utc")
    assert [listed[key] for key in LIMITS] == [None, None, None]
    assert run(["account", "rotate-key", "Aladdin"]) == 0
    assert capsys.readouterr().out.strip() not in ("", first_key)
    typed("other\n")
    assert run(["account", "passwd", "Aladdin"]) == 0
    assert run(["account", "remove", "Aladdin"]) == 0
    assert "messages cancelled: 0" in capsys.readouterr().err
    assert run(["account", "remove", "Aladdin"]) == 1


def test_what_an_account_may_do_is_set_and_listed(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    def shown() -> list[Any]:
        capsys.readouterr()
        assert run(["account", "list"]) == 0
        listed = json.loads(capsys.readouterr().out)
        return [listed["windows"], *(listed[key] for key in LIMITS), listed["signed"]]

    typed("open sesame\n")
    limits = ["--requests-per-second", "5", "--waiting", "100", "--channels", "none"]
    assert run(["account", "add", "a", *limits, "--windows", "destination", "--signing-secret", "generate"]) == 0
    key, secret = capsys.readouterr().out.split()
    assert len(key) == len(secret) == 43
    assert shown() == ["destination", 5, 100, None, True]
    assert run(["account", "set", "a", "--waiting", "none", "--channels", "3"]) == 0
    assert shown() == ["destination", 5, None, 3, True]
    assert run(["account", "set", "a", "--windows", "utc", "--signing-secret", "none"]) == 0
    assert shown() == ["utc", 5, None, 3, False]
    assert run(["account", "set", "a", "--signing-secret", "generate"]) == 0
    assert capsys.readouterr().out.strip() not in ("", secret)
    assert shown() == ["utc", 5, None, 3, True]


@pytest.mark.parametrize(
    ("arguments", "password", "why"),
    [
        (["set", "a"], "", "nothing to set"),
        (["set", "a", "--waiting", "3"], "", "no data folder"),
        (["set", "a", "--channels", "0"], "", "--channels"),
        (["set", "a", "--waiting", "-1"], "", "--waiting"),
        (["add", "a", "--requests-per-second", "many"], "x\n", "--requests-per-second"),
        (["add", "a:b"], "x\n", "colon"),
        (["add", "a"], "\n", "can't be empty"),
        (["add", "a", "--zone", "Mars/North"], "x\n", "time zone"),
        (["list"], "", "no data folder"),
    ],
)
def test_what_an_account_can_not_be(
    arguments: list[str], password: str, why: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(password)
    assert run(["account", *arguments]) == 1
    assert why in capsys.readouterr().err
    assert not Path("ringback-data").exists()


def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    answers: Callable[..., Answers], capsys: pytest.CaptureFixture[str]
) -> None:
    server = answers(None, {"results": [REPORT]})
    assert run(["reports", "--server", server.url, "--limit", "7", "--bulk-id", "a b", "--api-key", "k"]) == 0
    assert json.loads(capsys.readouterr().out) == REPORT
    (path, headers, _), (again, same, _) = server.asked
    assert path == again == "/tts/3/reports?limit=7&bulkId=a+b"
    assert headers["idempotency-key"] == same["idempotency-key"]
    assert headers["authorization"] == "App k"


def test_following_waits_and_takes_a_new_key_each_time(
    answers: Callable[..., Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = answers({"results": []}, {"results": [REPORT]}, (400, {}))
    assert run(["reports", "--follow", "--server", server.url]) == 1
    assert all(headers["prefer"] == "wait=20" for _, headers, _ in server.asked)
    assert len({headers["idempotency-key"] for _, headers, _ in server.asked}) == 3


def test_ctrl_c_while_following_prints_what_was_on_the_way(answers: Callable[..., Answers]) -> None:
    interrupted = threading.Event()
    server = answers(interrupted, {"results": [REPORT]})
    command = [sys.executable, "-m", "ringback", "reports", "--follow", "--server", server.url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as following:
        eventually(lambda: server.asked, 10, "it waits for reports")
        following.send_signal(signal.SIGINT)
        interrupted.set()
        printed, _ = following.communicate(timeout=20)
    assert (following.returncode, json.loads(printed)) == (0, REPORT)
    first, second = (headers["idempotency-key"] for _, headers, _ in server.asked)
    assert first == second


def test_nobody_there_is_69_and_without_an_account_it_is_the_demonstration_s(
    answers: Callable[..., Answers], capsys: pytest.CaptureFixture[str]
) -> None:
    gone = answers()
    gone.shutdown()
    gone.server_close()
    assert run(["send", "--server", gone.url, "--to", "385981178", "--text", "hello"]) == 69
    said = capsys.readouterr().err.splitlines()
    assert "Aladdin" in said[0]
    assert "no answer" in said[1]


def test_the_demonstration_s_account_is_for_the_loopback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reports", "--server", "https://voice.example.com"]) == 1
    assert "say who you are" in capsys.readouterr().err


def test_a_send_and_what_was_refused(answers: Callable[..., Answers], capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = {"groupName": "PENDING", "name": "P"}, {"groupName": "REJECTED", "name": "R"}
    server = answers({"messages": [{"to": "1", "status": good}, {"to": "2", "status": bad}]})
    arguments = ["--to", "385981178", "385981112", "--text", "hello", "--from", "4179", "--max-dtmf", "1"]
    assert run(["send", "--server", server.url, *arguments]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2
    path, _, body = server.asked[0]
    message = {
        "from": "4179",
        "text": "hello",
        "maxDtmf": 1,
        "destinations": [{"to": "385981178"}, {"to": "385981112"}],
    }
    assert (path, json.loads(body)) == ("/tts/3/advanced", {"messages": [message]})


def test_the_server_s_faults_are_one_line(answers: Callable[..., Answers], capsys: pytest.CaptureFixture[str]) -> None:
    fault = {"text": "Bad request", "validationErrors": {"messages[0].text": ["must not be blank"]}}
    server = answers((400, {"requestError": {"serviceException": fault}}))
    assert run(["send", "--server", server.url, "--to", "1", "--text", ""]) == 1
    assert "400 Bad request; messages[0].text: must not be blank" in capsys.readouterr().err


def test_python_m_ringback_is_the_same_command() -> None:
    found = subprocess.run([sys.executable, "-m", "ringback", "--version"], cwd=ROOT, capture_output=True, check=True)
    assert found.stdout.strip()
