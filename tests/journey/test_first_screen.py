"""The newcomer's first screen: what `serve --demo` prints works as it stands."""

import io
import json
import re
import shlex
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.eventually import eventually
from tests.journey.server import ENDED, PASSWORD, Server, clean_environment

FOUNDING = Path(__file__).with_name("founding")
FOUNDING_HOST = "api.infobip.com"


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


@pytest.mark.parametrize("name", ["all/request.curl", "all/request.python", "limit-2/request.curl"])
def test_the_founding_page_s_samples_run_with_only_the_host_changed(demo: Server, name: str) -> None:
    with demo.customer() as aladdin:
        (sent,) = aladdin.phone({"messages": [{"destinations": [{"to": "385981103"}], "text": "Hello."}]})
    eventually(lambda: sent in demo.finished(), 20, "the call is over")
    found = json.loads(run_sample(demo, name))
    assert [report["messageId"] for report in found["results"]] == [sent]
    assert json.loads(run_sample(demo, name)) == {"results": []}


def test_the_founding_page_s_limit_2_takes_two(demo: Server) -> None:
    with demo.customer() as aladdin:
        sent = aladdin.phone(
            {"messages": [{"destinations": [{"to": f"38598110{n}03"} for n in range(3)], "text": "Hi."}]}
        )
    eventually(lambda: {*sent} <= {*demo.finished()}, 20, "the calls are over")
    found = [json.loads(run_sample(demo, "limit-2/request.python")) for _ in range(2)]
    assert [len(answer["results"]) for answer in found] == [2, 1]


def run_sample(demo: Server, name: str) -> str:
    text = (FOUNDING / name).read_text()
    assert FOUNDING_HOST in text
    text = text.replace(FOUNDING_HOST, demo.url.removeprefix("http://"))
    if name.endswith(".python"):
        return shell(shlex.join([sys.executable, "-c", text]))
    lines = text.strip().splitlines()  # the page's second curl lacks its line continuations (contract section 8)
    return shell(" \\\n".join(line.removesuffix("\\") for line in lines))


@pytest.mark.parametrize("name", ["all/request-json.http", "limit-2/request-xml.http"])
def test_the_founding_page_s_http_samples_are_answered(demo: Server, name: str) -> None:
    head = (FOUNDING / name).read_text()
    method, path, _ = head.splitlines()[0].split(" ")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
    answer = httpx.request(method, demo.url + path, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == headers["Accept"]
