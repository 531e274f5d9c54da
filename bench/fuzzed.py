"""Claim: no request holds the event loop for more than 50 ms, be it ever so strange.

schemathesis generates requests from Ringback's own OpenAPI document, right ones and wrong ones, and sends them, signed
in, to a server process that is Ringback's own with a task that ticks on its event loop (bench/watched.py). Every
answer is held against the document: no 5xx, no status, content type, header or body that the document does not
name. Then come requests made to be expensive (bench/hostile.py). The time that the loop was held is the process's own
CPU time: on a machine that does other things too, a tick comes late for reasons that are not ours.

    python -m bench fuzzed [--quick]
"""

import contextlib
import http.client
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import schemathesis
from schemathesis.engine import events, from_schema

from . import hostile
from .accept import HELD_MS, worst
from .figures import Figure, Invalid, Outcome, Room, at_most, none_of, shown
from .filled import prepare
from .load import authorization
from .served import Served, ringback
from .watched import Late, seen_in

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
AT_LEAST = 20_000
"""Generated requests in a run."""

MOST_S = 900
"""Seconds that they may take; on 2 cores with nothing else to do, it is far less."""

ROUNDS = 5
"""Of each hostile request."""


class Findings(msgspec.Struct):
    """How many requests were sent, which statuses they got, and what was wrong with the answers."""

    requests: int = 0
    statuses: dict[int, int] = {}
    faults: dict[str, int] = {}


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The document with answers closed: in it, a field that is not described is a fault.

    URLs that a customer gives are this machine's alone: nobody else is to hear of them.
    """
    for schema in document["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            if field.pop("format", None) == "uri":
                field["pattern"] = r"^http://127\.0\.0\.1:9/[a-z]{0,9}$"
    wanted = {name for path in _answers(document) for name in _reached(document, path)}
    for name in wanted:
        schema = document["components"]["schemas"][name]
        if "properties" in schema:
            schema["additionalProperties"] = False
    return document


def _answers(document: dict[str, Any]) -> Iterator[Any]:
    yield document["components"]["responses"]
    for methods in document["paths"].values():
        for operation in methods.values():
            yield operation["responses"]


def _reached(document: dict[str, Any], value: Any) -> set[str]:
    """The names of the schemas that are referred to, directly or not."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        text = msgspec.json.encode(waiting.pop()).decode()
        for part in text.split('"#/components/schemas/')[1:]:
            name = part.partition('"')[0]
            if name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
    return found


def fuzzed(url: str, name: str, at_least: int, seconds: int, *, coverage: bool = True) -> Findings:
    """Sends at least so many generated requests, unless the time is up, and gathers what was wrong with the answers.

    In two processes of their own: to generate a request takes longer than to answer it.
    """
    half = [sys.executable, "-m", "bench.fuzzed", url, authorization(name), str(at_least // 2), str(seconds)]
    commands = [[*half, *(["coverage"] if coverage else [])], half]
    found = Findings()
    for process in [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]:
        said, _ = process.communicate()
        if process.returncode:
            raise Invalid(f"schemathesis itself failed: {process.returncode}")
        _add(found, msgspec.json.decode(said.splitlines()[-1], type=Findings))
    return found


def _add(found: Findings, more: Findings) -> None:
    found.requests += more.requests
    for status, count in more.statuses.items():
        found.statuses[status] = found.statuses.get(status, 0) + count
    for fault, count in more.faults.items():
        found.faults[fault] = found.faults.get(fault, 0) + count


def _run(url: str, credentials: str, at_least: int, seconds: int, coverage: bool) -> Findings:
    document = strict(httpx.get(f"{url}/openapi.json").raise_for_status().json())
    config = _config(url, credentials, at_least, seconds, coverage)
    found = Findings()
    stream = from_schema(schemathesis.openapi.from_dict(document, config=config)).execute()
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            _gather(event, found)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            raise Invalid(str(event))
        if found.requests >= at_least:
            stream.stop()
    return found


def _config(url: str, authorization: str, at_least: int, seconds: int, coverage: bool) -> schemathesis.Config:
    """With a time to be up at, schemathesis goes on generating until then."""
    phases = {
        "examples": {"enabled": True},
        "coverage": {"enabled": coverage, "unexpected-methods": []},
        "fuzzing": {"enabled": True},
        "stateful": {"enabled": False},
    }
    return schemathesis.Config.from_dict(
        {
            "base-url": url,
            "headers": {"Authorization": authorization},
            "workers": 1,  # with two, Python 3.11's own compiler fails at times: its recursion limit is the process's
            "max-time": seconds,
            "continue-on-failure": True,
            "request-timeout": 60,
            "generation": {
                "mode": "all",
                "max-examples": max(at_least // 200, 10),
                "no-shrink": True,
                "database": "none",
            },
            "phases": phases,
            "checks": {"enabled": False} | {name: {"enabled": True} for name in CHECKS},
        }
    )


def _gather(event: events.ScenarioFinished, found: Findings) -> None:
    recorder = event.recorder
    for one in recorder.interactions.values():
        found.requests += 1
        status = one.response.status_code if one.response is not None else 0
        found.statuses[status] = found.statuses.get(status, 0) + 1
        if one.response is None:
            _note(found, f"{recorder.label}: no answer")
    for nodes in recorder.checks.values():
        for node in nodes:
            if node.failure_info is not None:
                _note(found, f"{recorder.label}: {node.name}: {node.failure_info.failure.message[:300]}")


def _note(found: Findings, fault: str) -> None:
    found.faults[fault] = found.faults.get(fault, 0) + 1


def held_ms(late: list[Late], begun: float, ended: float) -> float:
    """The longest that the loop was held within a time, in milliseconds, by the process itself.

    A tick that came later than the process worked meanwhile came late because the machine did something else.
    """
    return worst([Late(tick.at, min(tick.seconds, tick.cpu)) for tick in late], begun, ended)


def measure(room: Room) -> Outcome:
    """One server, all generated requests, then each hostile one a few times."""
    folder = room.folder / "fuzzed"
    prepare(folder, "bench")
    with ringback(folder, watched=["tick"], flags=["--drain-seconds", "1", "--channels", "2"]) as served:
        begun = time.monotonic()
        at_least = 1_000 if room.quick else AT_LEAST
        found = fuzzed(served.url, "bench", at_least, MOST_S)
        ended = time.monotonic()
        room.say(f"{found.requests} requests in {ended - begun:.0f} s: {found.statuses}")
        for fault, count in found.faults.items():
            room.say(f"{count} times {fault}")
        spans = {one.name: _sent(served, one, 1 if room.quick else ROUNDS) for one in hostile.all_of_them()}
    late = seen_in(folder).late
    by_name = {name: [held_ms(late, *span) for span in several] for name, several in spans.items()}
    for name, several in sorted(by_name.items(), key=lambda one: -statistics.median(one[1]))[:5]:
        room.say(f"held for {statistics.median(several):.0f} ms: {name}")
    generated, wall = held_ms(late, begun, ended), worst(late, begun, ended)
    return Outcome(_figures(found, generated, wall, by_name), {"findings": found, "hostile_ms": by_name})


def _figures(found: Findings, generated: float, wall: float, hostile_ms: dict[str, list[float]]) -> list[Figure]:
    medians = [statistics.median(several) for several in hostile_ms.values()]
    return [
        shown("generated requests", [found.requests], "count", f"statuses {sorted(found.statuses)}"),
        none_of("  answers that the document does not describe", sum(found.faults.values())),
        at_most(
            "  longest time that they held the event loop", [generated], HELD_MS, "ms", "by the process's CPU time"
        ),
        shown("  latest tick meanwhile, other programs' time included", [wall], "ms"),
        at_most(
            "hostile requests: the worst one's time on the event loop",
            [max(medians)],
            HELD_MS,
            "ms",
            f"of {len(medians)}; the median of {ROUNDS} rounds each",
        ),
    ]


def _sent(served: Served, one: hostile.Hostile, rounds: int) -> list[tuple[float, float]]:
    """When each round of a hostile request began and ended. Raises `Invalid` for a 5xx."""
    spans = []
    for _ in range(rounds):
        begun = time.monotonic()
        status = _status(served, one)
        spans.append((begun, time.monotonic()))
        if status >= 500:
            raise Invalid(f"{one.name}: {status}")
    return spans


def _status(served: Served, one: hostile.Hostile) -> int:
    """The answer's, 0 where the server hung up on what it had refused already."""
    headers = {**one.headers, "Authorization": authorization("bench")}
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    with contextlib.closing(link), contextlib.suppress(ConnectionError):
        with contextlib.suppress(ConnectionError):
            link.request(one.method, f"{one.path}?{one.query}" if one.query else one.path, one.body or None, headers)
        answer = link.getresponse()
        answer.read()
        return answer.status
    return 0


if __name__ == "__main__":
    where, credentials, least, most_seconds, *rest = sys.argv[1:]
    print(msgspec.json.encode(_run(where, credentials, int(least), int(most_seconds), bool(rest))).decode())
