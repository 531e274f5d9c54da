"""The founding page's JavaScript sample in a real browser, on a page of another origin (contract section 8)."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.journey.server import Server, body, clean_environment
from tests.journey.web import site

SAMPLE = Path(__file__).with_name("founding") / "all" / "request.javascript"
BROWSER = [
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"),
    *("--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"),
]
SAID = re.compile(r':CONSOLE[:(]\d+\)?\] "(\{.*\})", source: ')

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed (Debian: chromium)")


def shown(origin: str, profile: Path) -> list[Any]:
    """What the page's console says."""
    done = subprocess.run(
        [*BROWSER, f"--user-data-dir={profile}", origin],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(said) for said in SAID.findall(done.stderr)]


def test_the_sample_collects_on_a_page_of_a_configured_origin_and_on_no_other(serve: Any, tmp_path: Path) -> None:
    servers: list[Server] = []

    def page() -> bytes:
        sample = SAMPLE.read_text().replace("http://api.infobip.com", servers[0].url)
        return f"<!DOCTYPE html><title>The sample</title><script>\n{sample}</script>".encode()

    with site("text/html", page) as known, site("text/html", page) as stranger:
        servers.append(serve(RINGBACK_CORS_ORIGINS=known.origin))
        servers[0].add("Aladdin")
        with servers[0].customer("Aladdin") as aladdin:
            (sent,) = aladdin.phone(body("38598110003"))
            eventually(lambda: sent in servers[0].finished(), 20, "the call is over")
            assert shown(stranger.origin, tmp_path / "stranger") == []
            (answer,) = shown(known.origin, tmp_path / "known")
            assert [report["messageId"] for report in answer["results"]] == [sent]
            assert shown(known.origin, tmp_path / "known") == [{"results": []}]
