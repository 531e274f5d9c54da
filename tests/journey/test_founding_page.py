"""The founding page's own samples, verbatim, each run by its own language: only the host is another's.

Contract section 8. One of them is kept beside the others and not run: the one in C#, which needs RestSharp; neither
Debian nor PyPI nor npm has it. The one in JavaScript is run twice: here by Node, and in a browser by
test_founding_page_in_a_browser.py.
"""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.eventually import eventually
from tests.journey.server import Customer, Server, body, clean_environment, tree

FOUNDING = Path(__file__).with_name("founding")
FOUNDING_HOST = "api.infobip.com"
ASKS = ("all", "limit-2")

JARS = [
    Path("/usr/share/java", jar + ".jar")
    for jar in ("unirest-java", "httpclient", "httpcore", "httpcore-nio", "httpasyncclient", "httpmime")
] + [Path("/usr/share/java/commons-logging.jar")]
NODE_MODULES = Path("/usr/share/nodejs")

IN_JAVA = """
import com.mashape.unirest.http.*;
public class Main {{
    public static void main(String[] arguments) throws Exception {{
{sample}
        System.out.print(response.getBody());
        Unirest.shutdown();
    }}
}}
"""
IN_NODE = "const XMLHttpRequest = require('xmlhttprequest').XMLHttpRequest;\n{sample}"


class Language(NamedTuple):
    """How a sample is run: by a command, from its standard input or from a file of this name."""

    command: list[str]
    needs: list[Path]
    packages: str
    around: Callable[[str], str] = str
    file: str | None = None


def continued(sample: str) -> str:
    """The page's second curl lacks its line continuations (contract section 8)."""
    return " \\\n".join(line.removesuffix("\\") for line in sample.strip().splitlines())


LANGUAGES = {
    "curl": Language(["sh", "-s"], [Path("/usr/bin/curl")], "curl", continued),
    "php": Language(["php"], [Path("/usr/bin/php")], "php-cli, php-curl"),
    "ruby": Language(["ruby", "-"], [Path("/usr/bin/ruby")], "ruby"),
    "python": Language([sys.executable, "-"], [], ""),
    "java": Language(
        ["java", "-cp", ":".join(map(str, JARS))],
        [Path("/usr/bin/javac"), *JARS],
        "default-jdk-headless, libunirest-java-java",
        lambda sample: IN_JAVA.format(sample=sample),
        "Main.java",
    ),
    "javascript": Language(
        ["node", "-"],
        [Path("/usr/bin/node"), NODE_MODULES / "xmlhttprequest"],
        "nodejs, node-xmlhttprequest",
        lambda sample: IN_NODE.format(sample=sample),
    ),
}


@pytest.fixture(scope="module")
def aladdin(town: Server) -> Any:
    """The samples' own customer: user Aladdin, password open sesame."""
    town.add("Aladdin")
    with town.customer("Aladdin") as customer:
        yield customer


@pytest.fixture
def waiting(town: Server, aladdin: Customer) -> list[tuple[str, str]]:
    """Three reports that wait, oldest first: their message ids, and the busy numbers that were called."""
    numbers = [f"38598110{n}03" for n in range(3)]
    sent = dict(zip(aladdin.phone(body(numbers)), numbers, strict=True))
    eventually(lambda: {*sent} <= {*town.finished()}, 20, "the calls are over")
    return [(one, sent[one]) for one in town.finished() if one in sent]


def sample(town: Server, ask: str, name: str) -> str:
    text = (FOUNDING / ask / f"request.{name}").read_text()
    assert text.count(FOUNDING_HOST) == 1
    return text.replace(FOUNDING_HOST, town.url.removeprefix("http://"))


def run(name: str, text: str, folder: Path) -> Any:
    """What the sample printed."""
    language = LANGUAGES[name]
    for needed in language.needs:
        if not needed.exists():
            pytest.skip(f"{needed} is missing (Debian: {language.packages})")
    command, typed = language.command, language.around(text)
    if language.file:
        (folder / language.file).write_text(typed)
        command, typed = [*command, str(folder / language.file)], ""
    done = subprocess.run(
        command,
        input=typed,
        env=clean_environment(NODE_PATH=str(NODE_MODULES)),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def collected(answer: Any) -> list[tuple[str, str]]:
    assert {report["error"]["name"] for report in answer["results"]} == {"EC_VOICE_USER_BUSY"}
    return [(report["messageId"], report["to"]) for report in answer["results"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sample_collects_what_waits_and_nothing_after(
    town: Server, waiting: list[tuple[str, str]], language: str, tmp_path: Path
) -> None:
    two, all_of_them = (sample(town, ask, language) for ask in ("limit-2", "all"))
    assert collected(run(language, two, tmp_path)) == waiting[:2]
    assert collected(run(language, all_of_them, tmp_path)) == waiting[2:]
    assert run(language, all_of_them, tmp_path) == {"results": []}


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_http_sample_is_answered(
    town: Server, waiting: list[tuple[str, str]], aladdin: Customer, form: str
) -> None:
    for ask, expected in (("limit-2", waiting[:2]), ("all", waiting[2:])):
        status, media, text = spoken(town, f"{ask}/request-{form}.http")
        assert (status, media) == (200, f"application/{form}")
        if form == "json":
            assert collected(json.loads(text)) == expected
        else:
            results = tree(text).findall("results/result")
            assert [(one.findtext("messageId"), one.findtext("to")) for one in results] == expected
    assert aladdin.take() == []


def spoken(town: Server, name: str) -> tuple[int, str | None, str]:
    """The bytes of an HTTP sample, and no client between."""
    head = (FOUNDING / name).read_text().replace(FOUNDING_HOST, town.url.removeprefix("http://"))
    with socket.create_connection(("127.0.0.1", town.port), timeout=20) as wire:
        wire.sendall(head.replace("\n", "\r\n").encode() + b"\r\n")
        answer = http.client.HTTPResponse(wire, method="GET")
        answer.begin()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()


def test_every_sample_of_the_page_is_kept_and_run_or_named() -> None:
    for ask in ASKS:
        kept = {path.name.removeprefix("request.") for path in (FOUNDING / ask).glob("request.*")}
        assert kept - {"csharp"} == {*LANGUAGES}
