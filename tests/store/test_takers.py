"""Many takers at once, and any order of things: every report is handed out exactly once, in order."""

import asyncio
import hashlib
import random
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import pytest
import uvloop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ringback.model.account import Account
from ringback.model.call import Call, CallResult
from ringback.model.exceptions import AlreadyFinished, BulkInUse
from ringback.model.message import LONGEST_VALIDITY
from ringback.model.report import DeliveryReport
from ringback.model.settle import report_of
from ringback.model.times import HOUR, MINUTE, Instant
from ringback.store.store import Answer, Filter, Keep, Store
from tests.store.builders import ANY, NOW, TERMS, a_bulk, a_key, an_account, an_end, ids_of, take, with_reports
from tests.store.places import Place, SqlitePlace
from tests.store.pulse import Pulse

TAKERS, REPORTS, ACCOUNTS = 64, 20_000, 4


class Given:
    """What each answer gave, and where each report lies on its account's tape."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, list[str]]] = []
        self.finished: dict[int, list[str]] = defaultdict(list)

    def check(self) -> None:
        places = {owner: {id_: n for n, id_ in enumerate(ids)} for owner, ids in self.finished.items()}
        for owner, ids in self.answers:
            where = [places[owner][id_] for id_ in ids]
            assert where == sorted(where), "out of order within an answer"
        for owner, ids in self.finished.items():
            given = [id_ for whose, answer in self.answers if whose == owner for id_ in answer]
            assert sorted(given) == sorted(ids), "not each exactly once"


async def taker(store: Store, seed: int, owners: list[Account], given: Given, finished: asyncio.Event) -> None:
    """Takes by any limit, filter and key until nothing is left; repeats some keys, and sees them replayed."""
    chance = random.Random(seed)
    asked = 0
    while True:
        over = finished.is_set()
        found = False
        for owner in owners:
            asked += 1
            limit = chance.choice([1, 3, 50, 400])
            wanted = chance.choice(
                [Filter(), Filter(), Filter(f"bulk-{chance.randrange(5)}"), Filter(message_id=message(chance))]
            )
            keep = a_key(f"{seed}.{asked}") if chance.random() < 0.3 else None
            taken = await store.take(owner.id, limit, Filter() if over else wanted, NOW, keep)
            ids = ids_of(taken.reports)
            assert len(ids) <= limit
            given.answers.append((owner.id, ids))
            found |= bool(ids)
            if keep and ids and chance.random() < 0.2:
                again = await store.take(owner.id, limit, wanted, NOW, keep)
                assert (again.reports, again.answer, again.replayed) == (b"", taken.answer, True)
        if over and not found:
            return
        await asyncio.sleep(0)


def message(chance: random.Random) -> str:
    bulk = chance.randrange(5)
    return f"bulk-{bulk}-{chance.randrange(REPORTS // ACCOUNTS // 5):05}"


async def finish_everything(store: Store, given: Given) -> None:
    while calls := await store.claim(300, NOW):
        for call in calls:
            given.finished[call.account.id].append(call.message_id)
        ends = asyncio.gather(*(store.finish(*an_end(call)) for call in calls))
        await ends


@pytest.mark.timeout(120)
async def test_64_takers_get_every_report_once_while_more_are_finished(store: Store, place: Place) -> None:
    owners = [await an_account(store) for _ in range(ACCOUNTS)]
    for n in range(5):
        for owner in owners:
            await store.accept(owner.id, a_bulk(f"bulk-{n}", REPORTS // ACCOUNTS // 5), NOW)
    given, finished = Given(), asyncio.Event()
    takers = [asyncio.create_task(taker(store, seed, owners, given, finished)) for seed in range(TAKERS)]
    await finish_everything(store, given)
    finished.set()
    await asyncio.gather(*takers)
    given.check()
    assert sum(map(len, given.finished.values())) == REPORTS
    ledger = place.ledger()
    assert (ledger.whole, ledger.collected, ledger.waiting) == (True, REPORTS, 0)
    assert sum(1 for _, ids in given.answers if ids) > 500  # they did share them


class Journey(RuleBasedStateMachine):
    """A store against a model of it that is a few lists."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = uvloop.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.place = SqlitePlace(Path(self.folder.name))
        self.store = self.place.store()
        self.run(self.store.open())
        self.now = NOW
        self.bulks: dict[str, list[str]] = {}
        self.pending: list[str] = []
        self.expires: dict[str, Instant] = {}
        self.ringing: list[Call] = []
        self.tape: list[tuple[str, str]] = []  # bulk, message: what waits, in order
        self.taken: list[tuple[int, str]] = []  # when, message
        self.known: set[str] = set()

    def run(self, step):  # type: ignore[no-untyped-def]
        return self.loop.run_until_complete(step)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    @initialize()
    def an_account(self) -> None:
        self.account = self.run(an_account(self.store, "a")).id

    @rule(bulk=st.sampled_from("vwxyz"), ids=st.lists(st.integers(0, 60), min_size=1, max_size=25))
    def accept(self, bulk: str, ids: list[int]) -> None:
        names = [f"m{n}" for n in ids]
        request = a_bulk(bulk, names)
        if bulk in self.bulks:
            with pytest.raises(BulkInUse):
                self.run(self.store.accept(self.account, request, self.now))
            return
        new = [name for name in dict.fromkeys(names) if name not in self.known]
        refused = {name for name in names if name in self.known or names.count(name) > 1}
        assert self.run(self.store.accept(self.account, request, self.now)) == refused
        self.known |= set(new)
        self.pending += new
        self.expires |= dict.fromkeys(new, self.now + LONGEST_VALIDITY * MINUTE)
        if new:
            self.bulks[bulk] = new

    @rule(limit=st.integers(1, 30))
    def claim(self, limit: int) -> None:
        calls = self.run(self.store.claim(limit, self.now))
        assert len(calls) == min(limit, sum(self.expires[id_] > self.now for id_ in self.pending))
        assert all(self.expires[call.message_id] > self.now for call in calls)
        for call in calls:
            self.pending.remove(call.message_id)
        self.ringing += calls

    @rule()
    def expire(self) -> None:
        over = {id_ for id_ in self.pending if self.expires[id_] <= self.now}
        bulk_of = {id_: bulk for bulk, ids in self.bulks.items() for id_ in ids}
        ended: list[str] = []

        def conclude(call: Call, result: CallResult) -> DeliveryReport:
            ended.append(call.message_id)
            return report_of(call, result, TERMS)

        while self.run(self.store.expire(self.now, conclude)):
            pass
        assert set(ended) == over
        self.pending = [id_ for id_ in self.pending if id_ not in over]
        self.tape += [(bulk_of[id_], id_) for id_ in ended]

    @precondition(lambda self: self.ringing)
    @rule(data=st.data(), n=st.integers(1, 20))
    def finish(self, data: st.DataObject, n: int) -> None:
        for call in data.draw(st.permutations(self.ringing))[:n]:
            self.run(self.store.finish(*an_end(call)))
            self.ringing.remove(call)
            self.tape.append((call.bulk_id, call.message_id))
            with pytest.raises(AlreadyFinished):
                self.run(self.store.finish(*an_end(call)))

    @rule(
        limit=st.integers(1, 9),
        bulk=st.sampled_from([None, None, *"vwxyz"]),
        message=st.one_of(st.none(), st.none(), st.integers(0, 60)),
    )
    def take(self, limit: int, bulk: str | None, message: int | None) -> None:
        name = None if message is None else f"m{message}"
        expected = [row for row in self.tape if bulk in (None, row[0]) and name in (None, row[1])][:limit]
        assert self.run(take(self.store, self.account, limit, bulk=bulk, message=name, now=self.now)) == [
            id_ for _, id_ in expected
        ]
        self.tape = [row for row in self.tape if row not in expected]
        self.taken += [(self.now, id_) for _, id_ in expected]

    @rule(hours=st.integers(1, 40))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule()
    def prune(self) -> None:
        old = [id_ for when, id_ in self.taken if when < self.now - 48 * HOUR]
        assert self.run(self.store.prune(self.now)).reports == len(old)
        self.taken = [(when, id_) for when, id_ in self.taken if id_ not in old]
        self.bulks = {bulk: left for bulk, ids in self.bulks.items() if (left := [i for i in ids if i not in old])}

    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.run(self.store.open())

    @invariant()
    def all_is_accounted_for(self) -> None:
        ledger = self.place.ledger()
        assert ledger.whole
        counted = (ledger.pending, ledger.calling, ledger.waiting, ledger.collected)
        assert counted == tuple(map(len, (self.pending, self.ringing, self.tape, self.taken)))
        left = {call.message_id for call in self.run(self.store.unfinished())}
        assert left == {call.message_id for call in self.ringing}


QUICK = settings(
    max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
TestJourney = Journey.TestCase
TestJourney.settings = QUICK


async def test_takes_that_come_together_and_are_dear_to_keep_let_others_have_the_loop(
    store: Store, account: Account
) -> None:
    """Such as a thousand reports as XML under an Idempotency-Key."""
    await with_reports(store, account.id, "b", 40)

    def dear(reports: bytes) -> Answer:
        return Answer("text/plain", hashlib.pbkdf2_hmac("sha256", reports, b"", 20_000))

    keys = [Keep(f"key {n}", b"the question", dear) for n in range(40)]
    began = time.perf_counter()
    async with Pulse() as pulse:
        await asyncio.gather(*(store.take(account.id, 1, ANY, NOW, key) for key in keys))
    assert pulse.worst < (time.perf_counter() - began) / 4
