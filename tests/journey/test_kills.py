"""`kill -9` at random moments, of the parent or of the server process, under sends and takes."""

import os
import random
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.journey.server import READY, Server
from tests.journey.traffic import OUTCOMES, Told, Traffic, ask_for_what_was_lost

KILLS = int(os.environ.get("JOURNEY_KILLS", "32"))
SURELY_TALKING_MS = 1_300  # from the answer: the key comes after 1.5 s, and only then the call is over


def kill_once(server: Server, rng: random.Random) -> tuple[str, int]:
    """Kills one of the two at a random moment; who, and when in ms."""
    who = rng.choice(["parent", "parent", "server"])
    early = rng.random() < 0.25  # perhaps while it is starting, and clears up what the last kill left
    runs = server.out.text.count(READY) + 1
    if not early:
        server.until_ready()
    moment = time.monotonic() + (rng.uniform(0, 1.2) if early else rng.uniform(0.3, 3.0))
    eventually(lambda: time.monotonic() >= moment, 10, "the moment")
    eventually(lambda: server.parent.poll() is not None or server.has_server(), 20, "there is one to kill")
    if server.parent.poll() is None:
        at = time.time_ns() // 1_000_000
        killed = server.kill(who)
        gone(server, who, killed, runs)
        return who, at
    return "", 0


def gone(server: Server, who: str, killed: int, runs: int) -> None:
    """Nothing of what was killed is left; where the parent lives on, it starts another or gives up."""
    if who == "parent":
        server.ended()
        server.nothing_left()
    else:
        eventually(lambda: server.left_of_session(killed) == [], 5, "the killed server's children are gone")
        eventually(lambda: server.has_server() or server.parent.poll() is not None, 30, "another one")
    if server.parent.poll() is not None:
        assert who == "parent" or server.ended() == 70  # five deaths within a minute
        server.nothing_left()


def states(folder: Path) -> Counter[str]:
    with closing(sqlite3.connect(f"file:{folder}/ringback.db?mode=ro", uri=True)) as db:
        return Counter(dict(db.execute("SELECT state, count(*) FROM message GROUP BY state")))


def on_the_tape(folder: Path) -> Counter[str]:
    with closing(sqlite3.connect(f"file:{folder}/ringback.db?mode=ro", uri=True)) as db:
        return Counter(row[0] for row in db.execute("SELECT message_id FROM report"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kills_lose_nothing_double_nothing_and_leave_nothing(serve: Any) -> None:
    seed = int(os.environ.get("JOURNEY_SEED", random.randrange(10**6)))
    print(f"JOURNEY_SEED={seed}")
    rng, told = random.Random(seed), Told()
    kills: list[tuple[str, int]] = []
    server = serve()
    server.errors_are_expected = True
    server.add("Jasmine")
    while len(kills) < KILLS:
        if server.parent.poll() is not None:
            server.start(ready=False)
        traffic = Traffic(server, told, rng)
        kills += [kill_once(server, rng) for _ in range(rng.randint(1, 3)) if server.parent.poll() is None]
        traffic.stop()
        assert told.faults == []
    held = last_run(server, told)
    kills = [kill for kill in kills if kill[0]]
    who = Counter(victim for victim, _ in kills)
    print(f"{who}, accepted {len(told.accepted)}, doubtful {len(told.doubtful)}, lost {told.lost}, replayed {held}")
    nothing_is_lost_or_doubled(server, told)
    what_was_cut_is_unknown(server, told, [at for _, at in kills])
    assert min(who.values()) >= KILLS // 6
    assert len(told.accepted) > 10 * KILLS


def last_run(server: Server, told: Told) -> int:
    """Until every message has its report and every report is collected."""
    if server.parent.poll() is not None:
        server.start()
    eventually(lambda: server.connected(), 30, "it is there")
    held = ask_for_what_was_lost(server, told)
    eventually(lambda: set(states(server.data)) == {"done"}, 60, "every message is done")
    with server.customer("Jasmine") as jasmine:
        while reports := jasmine.take(limit=1000):
            told.take(reports)
    return held


def nothing_is_lost_or_doubled(server: Server, told: Told) -> None:
    tape = on_the_tape(server.data)
    assert [one for one in told.accepted if tape[one] != 1] == []
    assert [one for one, times in tape.items() if times != 1 or one not in told.accepted | told.doubtful] == []
    assert told.twice == {}
    missing = set(tape) - set(told.reports)
    assert len(missing) <= told.lost
    twice = {to: times for to, times in server.invites().items() if times > 1}
    assert twice == {}
    for report in told.reports.values():
        wanted = OUTCOMES[report["to"][-2:]]
        assert report["error"]["name"] in (wanted, "EC_UNKNOWN_ERROR")


def what_was_cut_is_unknown(server: Server, told: Told, kills: list[int]) -> None:
    """A call that was talking when it was killed has an unknown end; one that was over long before has not."""
    reports = {report["to"]: report for report in told.reports.values()}
    unknown = {to for to, report in reports.items() if report["status"]["name"] == "EXPIRED_UNKNOWN"}
    assert {reports[to]["error"]["id"] for to in unknown} <= {255}
    cut, whole = set(), set()
    for line in server.diary():
        if line["to"] not in reports:
            continue
        if line["event"] == "answer" and any(0 < at - line["at"] < SURELY_TALKING_MS for at in kills):
            cut.add(line["to"])
        if line["event"] == "end" and not any(-1_000 < at - line["at"] < 1_500 for at in kills):
            whole.add(line["to"])
    print(f"cut {len(cut)}, unknown {len(unknown)}, surely whole {len(whole)}")
    assert cut <= unknown
    assert not whole & unknown
    assert cut
    assert whole
