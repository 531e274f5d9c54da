"""The rate deck, changed while the server runs: the calls that end afterwards are charged by the new one."""

from pathlib import Path

import pytest

from ringback.supervisor import RELOAD
from tests.eventually import eventually
from tests.journey.conftest import Serve
from tests.journey.server import Server, body, run

HEAD = "prefix,mccMnc,pricePerSecond,currency,firstIncrement,nextIncrement\n"


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    path = tmp_path / "rates.csv"
    path.write_text(HEAD + "385,21901,0.0100,EUR,60,1\n")
    return path


@pytest.fixture
def server(serve: Serve, deck: Path) -> Server:
    server = serve(flags=["--tariff", deck])
    server.add("payer")
    return server


def test_a_changed_deck_is_in_force_for_the_calls_that_end_after_it(server: Server, deck: Path) -> None:
    with server.customer("payer") as payer:
        payer.phone(body("385981101"))
        answer = payer.get("/voice/1/reports", headers={"Prefer": "wait=30"})
        assert b'"price":{"pricePerSecond":0.0100,"currency":"EUR"}' in answer.content
        (report,) = answer.json()["results"]
        assert (report["voiceCall"]["chargedDuration"], report["mccMnc"]) == (60, "21901")

        payer.phone(body("385981110"))  # it rings for twelve seconds
        eventually(lambda: server.invites()["385981110"] == 1, 10, "it rings")
        deck.write_text(HEAD + "385,21910,0.03,CHF,10,10\n")
        done = run("reload", "--data", server.data, "--tariff", deck)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"process {server.parent.pid}," in done.stdout
        eventually(lambda: "was read anew" in server.err.text, 10, "it was read")
        (report,) = payer.get("/voice/1/reports", headers={"Prefer": "wait=30"}).json()["results"]
        assert (report["voiceCall"]["chargedDuration"], report["mccMnc"]) == (10, "21910")
        assert report["price"] == {"pricePerSecond": 0.03, "currency": "CHF"}
        assert report["voiceCall"]["duration"] in (1, 2, 3)


def test_a_deck_with_faults_changes_nothing(server: Server, deck: Path) -> None:
    server.errors_are_expected = True
    deck.write_text(HEAD + "385,x,0.03,CHF,10,10\n38,,1,EUR,0,1\n")
    refused = run("reload", "--data", server.data, "--tariff", deck)
    assert refused.returncode == 78
    assert "line 2: mccMnc 'x'" in refused.stderr
    assert "line 3: firstIncrement '0'" in refused.stderr
    assert "rate deck" not in server.err.text
    server.parent.send_signal(RELOAD)
    eventually(lambda: "line 3: firstIncrement" in server.err.text, 10, "the server names the faults too")
    with server.customer("payer") as payer:
        payer.phone(body("385981101"))
        (report,) = payer.collect(1)
    assert report["price"] == {"pricePerSecond": 0.01, "currency": "EUR"}


def test_nobody_to_reload(tmp_path: Path, deck: Path) -> None:
    nobody = run("reload", "--data", tmp_path / "data", "--tariff", deck)
    assert (nobody.returncode, nobody.stdout) == (69, "")
    assert nobody.stderr.startswith("ringback: no Ringback is serving")
