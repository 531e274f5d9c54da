"""Requests that schemathesis makes of the document, right and wrong ones, sent to a real server that is signed in to.

No 5xx, and no answer that the document does not describe: in it, every object of an answer is closed.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.filled import prepare
from bench.fuzzed import AT_LEAST, MOST_S, fuzzed, held_ms, strict
from bench.served import Served, ringback
from bench.watched import seen_in
from tests.api.described import faults_of


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server with two lines: most of what is accepted waits, and is never phoned."""
    prepare(tmp_path / "data", "bench")
    flags = ["--drain-seconds", "1", "--channels", "2"]
    with ringback(tmp_path / "data", watched=["tick"], flags=flags) as served:
        yield served


@pytest.mark.timeout(120)
def test_a_few_hundred_generated_requests(served: Served) -> None:
    found = fuzzed(served.url, "bench", 500, 40, coverage=False)
    assert found.faults == {}
    assert found.requests >= 100  # 500, unless the machine is busy
    assert {200, 400} <= set(found.statuses)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_thousand_generated_requests(served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    found = fuzzed(served.url, "bench", AT_LEAST, MOST_S)
    ended = time.monotonic()
    served.stop()
    held = held_ms(seen_in(tmp_path / "data").late, begun, ended)
    with capsys.disabled():
        print(f"\n{found.requests} requests, {found.statuses}; the event loop was held for {held:.0f} ms at most")
    assert found.faults == {}
    assert found.requests >= AT_LEAST
    assert "Traceback" not in served.log.read_text()


def test_a_closed_document_refuses_what_it_does_not_describe() -> None:
    """The fuzzing can find something: an answer with one field more, or with one of another type."""
    document = {
        "paths": {},
        "components": {
            "responses": {"one": {"$ref": "#/components/schemas/Outer"}},
            "schemas": {
                "Outer": {"type": "object", "properties": {"inner": {"$ref": "#/components/schemas/Inner"}}},
                "Inner": {"type": "object", "properties": {"a": {"type": "string"}}},
                "Body": {"type": "object", "properties": {}},
            },
        },
    }
    schemas = strict(document)["components"]["schemas"]
    closed = {name for name, schema in schemas.items() if schema.get("additionalProperties") is False}
    assert closed == {"Outer", "Inner"}
    assert faults_of({"a": "1"}, schemas["Inner"]) == []
    assert len(faults_of({"a": "1", "b": 1}, schemas["Inner"])) == 1
