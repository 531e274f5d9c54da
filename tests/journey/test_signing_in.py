"""Who may ask, and how often, of a real server: addresses, sessions, limits set beside it, pages in a browser."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx

from tests.eventually import eventually
from tests.journey.server import PASSWORD, Server, body, run
from tests.journey.test_accounts import EFFECTIVE_S

ORIGIN = "https://www.example.com"


def reports(server: Server, auth: Any = None, **headers: str) -> httpx.Response:
    return httpx.get(f"{server.url}/tts/3/reports", auth=auth, headers=headers, trust_env=False)


def sign_in(server: Server, name: str = "Jasmine", password: str = PASSWORD) -> httpx.Response:
    credentials = {"username": name, "password": password}
    return httpx.post(f"{server.url}/auth/1/session", json=credentials, trust_env=False)


def set_(server: Server, *flags: str) -> None:
    done = run("account", "set", "Jasmine", "--data", server.data, *flags)
    assert done.returncode == 0, done.stderr


def slowed(guess: Callable[[], httpx.Response]) -> None:
    """Guesses until it is a 429: when the server notices the new account meanwhile, it begins to count anew."""
    eventually(lambda: guess().status_code == 429, 10, "a 429")


def test_a_session_outlives_the_server_and_not_the_password(serve: Any) -> None:
    server = serve()
    server.add("Jasmine")
    token = {"Authorization": f"IBSSO {sign_in(server).json()['token']}"}
    assert reports(server, **token).status_code == 200
    assert server.stop() == 0
    server.start()
    assert reports(server, **token).status_code == 200
    assert run("account", "passwd", "Jasmine", "--data", server.data, typed="another\n").returncode == 0
    eventually(lambda: reports(server, **token).status_code == 401, EFFECTIVE_S, "the session is over")
    token = {"Authorization": f"IBSSO {sign_in(server, password='another').json()['token']}"}
    ended = httpx.delete(f"{server.url}/auth/1/session", headers=token, trust_env=False)
    assert (ended.status_code, reports(server, **token).status_code) == (204, 401)


def test_limits_are_effective_while_it_runs(serve: Any) -> None:
    server = serve()
    key = {"Authorization": f"App {server.add('Jasmine')}"}
    assert reports(server, **key).status_code == 200
    set_(server, "--waiting", "1", "--requests-per-second", "1")
    eventually(lambda: 429 in {reports(server, **key).status_code for _ in range(3)}, EFFECTIVE_S, "a 429")
    refused = next(answer for answer in iter(lambda: reports(server, **key), None) if answer.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    set_(server, "--requests-per-second", "none")
    eventually(lambda: {reports(server, **key).status_code for _ in range(5)} == {200}, EFFECTIVE_S, "no 429")
    later = body("41797000603", sendAt=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    sent = [httpx.post(f"{server.url}/tts/3/advanced", json=later, headers=key, trust_env=False) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [200, 429]
    assert int(sent[1].headers["retry-after"]) >= 1


def test_wrong_passwords_count_for_the_address_behind_the_proxy(serve: Any) -> None:
    server = serve(flags=["--trusted-proxies", "127.0.0.0/8", "--cors-origins", ORIGIN])
    server.add("Jasmine")
    right, wrong = ("Jasmine", PASSWORD), ("Jasmine", "wrong")
    here, there = {"X-Forwarded-For": "203.0.113.1, 127.0.0.1"}, {"X-Forwarded-For": "203.0.113.2"}
    eventually(lambda: sign_in(server).status_code == 200, EFFECTIVE_S, "she is known")
    slowed(lambda: reports(server, wrong, **here))
    refused = reports(server, wrong, **here, Origin=ORIGIN)
    assert refused.status_code == 429
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert reports(server, wrong, **there).status_code == 401
    assert reports(server, right, **here).status_code == 200
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    preflight = httpx.options(f"{server.url}/tts/3/reports", headers=asked, trust_env=False)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, ORIGIN)


def test_wrong_passwords_count_for_the_client_s_own_address(serve: Any) -> None:
    server = serve()
    server.add("Jasmine")
    eventually(lambda: reports(server, ("Jasmine", "x")).status_code == 401, EFFECTIVE_S, "an answer")
    claimed = (f"203.0.113.{n}" for n in count(1))
    slowed(lambda: reports(server, ("Jasmine", "wrong"), **{"X-Forwarded-For": next(claimed)}))
    assert reports(server, ("Jasmine", PASSWORD)).status_code == 200, "who was right before is not held up"
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.9")
    with httpx.Client(transport=elsewhere, trust_env=False) as client:
        assert client.get(f"{server.url}/tts/3/reports", auth=("Jasmine", "wrong")).status_code == 401
