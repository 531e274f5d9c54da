"""64 concurrent takers over HTTP on 20,000 reports: each report exactly once, in order within each answer."""

import http.client
import itertools
import json
from pathlib import Path
from typing import Any

from tests.journey.server import Server, at_once, basic
from tests.journey.tape import put_on_the_tape

TAKERS, REPORTS = 64, 20_000


def takes_until_empty(server: Server, number: int) -> list[list[str]]:
    """One taker's answers. Every second one uses keys, and asks for each answer twice."""
    peer = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    limit, answers = 1 + 7 * (number % 10), []
    for take in itertools.count():
        headers = {"Authorization": basic("many")} | ({"Idempotency-Key": f"{number}-{take}"} if number % 2 else {})
        asked = [ask(peer, limit, headers) for _ in range(1 + number % 2)]
        assert asked[0] == asked[-1]
        ids = [report["messageId"] for report in json.loads(asked[0])["results"]]
        assert len(ids) <= limit
        if not ids:
            peer.close()
            return answers
        answers.append(ids)
    raise AssertionError


def ask(peer: http.client.HTTPConnection, limit: int, headers: dict[str, str]) -> bytes:
    peer.request("GET", f"/tts/3/reports?limit={limit}", headers=headers)
    answer = peer.getresponse()
    assert answer.status == 200
    return answer.read()


def test_64_takers_get_each_of_20_000_reports_once_and_in_order(serve: Any, tmp_path: Path) -> None:
    order = put_on_the_tape(tmp_path / "data", "many", REPORTS)
    assert len(order) == REPORTS
    place = {message_id: number for number, message_id in enumerate(order)}
    server = serve()
    takers = at_once(TAKERS, lambda number: takes_until_empty(server, number))
    got = [place[message_id] for taker in takers for answer in taker for message_id in answer]
    assert len(got) == REPORTS
    assert sorted(got) == list(range(REPORTS))
    for taker in takers:  # in order within each answer, and from one answer of a taker to its next
        places = [place[message_id] for answer in taker for message_id in answer]
        assert places == sorted(places)
