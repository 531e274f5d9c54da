"""Accounts and the command line, while the server runs and while it doesn't; and two servers side by side."""

import json
import os
import signal
import subprocess
from typing import Any

import httpx
import pytest

from tests.eventually import eventually
from tests.journey.server import PASSWORD, RINGBACK, Output, Server, body, clean_environment, run

EFFECTIVE_S = 2


def status(server: Server, auth: tuple[str, str] | None = None, key: str = "") -> int:
    headers = {"Authorization": f"App {key}"} if key else {}
    return httpx.get(f"{server.url}/tts/3/reports", auth=auth, headers=headers, trust_env=False).status_code


def becomes(server: Server, wanted: int, auth: tuple[str, str] | None = None, key: str = "") -> None:
    eventually(lambda: status(server, auth, key) == wanted, EFFECTIVE_S, f"{auth or key} gets {wanted}")


def names(server: Server) -> list[str]:
    listed = run("account", "list", "--data", server.data)
    return [json.loads(line)["name"] for line in listed.stdout.splitlines()]


def act(server: Server, what: str, name: str = "Jasmine", typed: str = "") -> "subprocess.CompletedProcess[str]":
    done = run("account", what, name, "--data", server.data, typed=typed)
    assert done.returncode == 0, done.stderr
    return done


def test_an_account_s_life_while_the_server_runs(serve: Any) -> None:
    server = serve()
    old, new = ("Jasmine", PASSWORD), ("Jasmine", "another one")
    first_key = server.add("Jasmine")
    assert names(server) == ["Jasmine"]
    becomes(server, 200, old)
    becomes(server, 200, key=first_key)
    act(server, "passwd", typed="another one\n")
    becomes(server, 200, new)
    becomes(server, 401, old)
    second_key = act(server, "rotate-key").stdout.strip()
    becomes(server, 200, key=second_key)
    becomes(server, 401, key=first_key)
    twice = run("account", "add", "Jasmine", "--data", server.data, typed="x\n")
    assert (twice.returncode, twice.stdout) == (1, "")
    act(server, "remove")
    becomes(server, 401, new)
    becomes(server, 401, key=second_key)
    assert names(server) == []


def test_an_account_s_life_while_no_server_runs(serve: Any) -> None:
    server = serve()
    assert server.stop() == 0
    for name in ("Jasmine", "Abu"):
        assert run("account", "add", name, "--data", server.data, typed=PASSWORD + "\n").returncode == 0
    act(server, "passwd", typed="another one\n")
    key = act(server, "rotate-key").stdout.strip()
    act(server, "remove", "Abu")
    server.start()
    assert status(server, ("Jasmine", "another one")) == status(server, key=key) == 200
    assert status(server, ("Jasmine", PASSWORD)) == status(server, ("Abu", PASSWORD)) == 401


@pytest.mark.parametrize("running", [True, False])
def test_removing_an_account_cancels_what_was_not_called(serve: Any, running: bool) -> None:
    server = serve(flags=["--channels", "1", "--drain-seconds", "0"])
    server.add("Jasmine")
    with server.customer("Jasmine") as jasmine:
        jasmine.phone(body(["41797000102"] + [f"4179700{n}203" for n in range(9)], callTimeout=3))
    eventually(lambda: server.invites()["41797000102"], 20, "the first is called")
    if not running:
        assert server.stop() == 0
    assert act(server, "remove").stderr.endswith("cancelled: 9\n")
    if not running:
        server.start()
    server.add("Jasmine")  # another one of the same name: nothing of the first is hers
    with server.customer("Jasmine") as jasmine:
        jasmine.phone(body("41797000303"))
        (report,) = jasmine.collect(1)
        assert report["to"] == "41797000303"
    assert server.invites() == {"41797000102": 1, "41797000303": 1}


def test_two_run_side_by_side(serve: Any) -> None:
    one, two = serve("one"), serve("two")
    for server in (one, two):
        server.add("Jasmine")
        with server.customer("Jasmine") as jasmine:
            jasmine.phone(body("41797000503"))
    assert one.stop() == 0
    with two.customer("Jasmine") as jasmine:
        assert len(jasmine.collect(1)) == 1
    assert one.invites() == two.invites() == {"41797000503": 1}


def test_a_second_serve_on_the_same_data_is_refused_by_name(serve: Any) -> None:
    first = serve()
    second = Server(first.data).start(ready=False)
    assert second.ended() == 78
    assert second.err.text.count("\n") == 1
    assert str(first.parent.pid) in second.err.text
    assert str(first.data) in second.err.text
    second.nothing_left()
    assert httpx.get(f"{first.url}/docs", trust_env=False).status_code == 200


def test_a_second_serve_at_the_same_address_is_refused(serve: Any) -> None:
    first = serve()
    second = Server(first.data.with_name("other"), port=first.port).start(ready=False)
    assert second.ended() == 78
    assert str(first.port) in second.err.text
    second.nothing_left()


def test_send_and_reports_on_the_command_line(serve: Any) -> None:
    server = serve()
    env = {"RINGBACK_SERVER": server.url, "RINGBACK_API_KEY": server.add("Jasmine")}
    sent = run("send", "--to", "41797000603", "41797000703", "--text", "Hello", **env)
    assert sent.returncode == 0, sent.stderr
    ids = [json.loads(line)["messageId"] for line in sent.stdout.splitlines()]
    follow = subprocess.Popen(
        [RINGBACK, "reports", "--follow"], env=clean_environment(**env), stdout=subprocess.PIPE, text=True
    )
    out = Output(follow.stdout)
    eventually(lambda: len(out.lines) == 2, 20, "both reports are followed")
    assert run("send", "--to", "41797000803", "--text", "Hello", **env).returncode == 0
    eventually(lambda: len(out.lines) == 3, 20, "the third report is followed")
    follow.send_signal(signal.SIGINT)
    assert follow.wait(20) == 0
    out.finish()
    assert sorted(json.loads(line)["messageId"] for line in out.lines[:2]) == sorted(ids)
    nothing = run("reports", **env)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    wrong = run("send", "--to", "Alphanumeric", "--text", "Hello", **env)
    assert wrong.returncode == 1
    assert run("reports", **(env | {"RINGBACK_API_KEY": "wrong"})).returncode == 1
    server.stop()
    assert run("send", "--to", "1234", "--text", "Hello", **env).returncode == 69


def test_the_data_folder_is_closed_to_other_users(serve: Any) -> None:
    server = serve()
    assert os.stat(server.data).st_mode & 0o077 == 0
