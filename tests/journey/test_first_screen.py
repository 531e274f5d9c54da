"""The newcomer's first screen: what `serve --demo` prints works as it stands."""

import io
import json
import re
import subprocess
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.eventually import eventually
from tests.journey.server import ENDED, PASSWORD, Server, clean_environment


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("demo") / "data", demo=True).start()
    yield server
    server.stop()
    server.nothing_left()
    assert server.faults() == []


@pytest.fixture(scope="module")
def collected(demo: Server) -> list[Any]:
    """What the printed commands gave: two collects in JSON, one in XML, then the printed send."""
    eventually(lambda: ENDED in demo.out.text, 30, "the demonstration call ends")
    send, as_json, as_xml, again = printed_curls(demo)
    assert again == as_json
    return [json.loads(shell(as_json)), json.loads(shell(again)), shell(as_xml), json.loads(shell(send))]


def printed_curls(server: Server) -> list[str]:
    return re.findall(r"^  (curl .*)$", server.out.text, re.MULTILINE)


def shell(script: str) -> str:
    done = subprocess.run(
        ["sh", "-c", script], env=clean_environment(), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_says_where_and_who(demo: Server) -> None:
    assert f"ready at {demo.url}, calling by the sandbox: no real phone rings." in demo.out.text
    assert "user Aladdin, password open sesame" in demo.out.text
    docs = re.search(r"Docs +(\S+)", demo.out.text)
    assert docs
    page = httpx.get(docs[1], trust_env=False)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "/tts/3/reports" in page.text


def test_the_first_collect_has_a_report_and_the_second_is_empty(collected: list[Any]) -> None:
    first, second, as_xml, _ = collected
    (report,) = first["results"]
    assert report["dtmfCodes"] == "1"
    assert report["to"] == "99900000101"
    assert report["status"]["name"] == "DELIVERED_TO_HANDSET"
    assert second == {"results": []}
    assert as_xml == "<reportResponse><results/></reportResponse>"


def test_the_recording_has_both_voices_and_is_the_account_s_alone(demo: Server, collected: list[Any]) -> None:
    url = collected[0]["results"][0]["recordedAudioFileUrl"]
    demo.add("Jasmine")
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=("Aladdin", "wrong")).status_code == 401
    assert httpx.get(url, auth=("Jasmine", PASSWORD)).status_code == 404
    answer = httpx.get(url, auth=("Aladdin", PASSWORD))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert sound.getnchannels() == 2
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2).astype(float)
        assert 1.5 <= sound.getnframes() / sound.getframerate() <= 10
    loudness = np.sqrt((samples**2).mean(axis=0))
    assert (loudness > 100).all(), loudness


def test_the_printed_send_phones_the_founding_page_s_number(demo: Server, collected: list[Any]) -> None:
    (sent,) = collected[3]["messages"]
    assert sent["to"] == "385981178"
    assert sent["status"]["name"] == "PENDING_ACCEPTED"
    with demo.customer() as aladdin:
        (report,) = aladdin.collect(1)
    assert (report["messageId"], report["dtmfCodes"]) == (sent["messageId"], "1")
    assert report["recordedAudioFileUrl"]
