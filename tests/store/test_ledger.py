"""The ledger: accepted = pending + waiting + collected + pushed after every step of any history, each as it is."""

import contextlib
import tempfile
from collections import Counter
from pathlib import Path

import msgspec
import uvloop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.exceptions import BulkInUse, NoSuchAccount, NoSuchBulk, NothingToCall, WindowNeverOpens
from ringback.model.message import Bulk, Notify
from ringback.model.report import DeliveryReport
from ringback.model.schedule import DeliveryTimeWindow, SendingSpeed
from ringback.model.settle import report_of
from ringback.model.times import HOUR, MINUTE
from ringback.store.store import BulkStatus, Filter, Ledger, Store
from tests.store.builders import NOW, TERMS, a_bulk, a_key, an_account, an_end, ids_of, take, with_reports
from tests.store.places import SqlitePlace

CHANGES: list[BulkStatus] = ["PAUSED", "PENDING", "CANCELED", "FINISHED"]
PUSHED = {"notify": Notify("http://receiver/")}
SHAPES = [
    {},
    PUSHED,
    {"validity": 60, **PUSHED},
    {"validity": 60},
    {"sending_speed": SendingSpeed(3, "minute")},
    {"window": DeliveryTimeWindow((0, 1, 2, 3, 4), 8 * 60, 18 * 60)},
]


class Known(msgspec.Struct):
    """A message as the model keeps it."""

    bulk_id: str
    state: str = "pending"  # and calling, waiting, collected, pushed
    over_at: int = 0  # when it was collected or pushed


class History(RuleBasedStateMachine):
    """A store against a dictionary; two accounts that use the same ids."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = uvloop.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.store = SqlitePlace(Path(self.folder.name)).store()
        self.run(self.store.open())
        self.now = NOW
        self.ringing: list[Call] = []
        self.bulks: set[str] = set()

    def run(self, step):  # type: ignore[no-untyped-def]
        return self.loop.run_until_complete(step)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.accounts: list[Account] = [self.run(an_account(self.store, name)) for name in "ab"]
        self.known: dict[int, dict[str, Known]] = {account.id: {} for account in self.accounts}

    @rule(
        n=st.integers(0, 1),
        bulk_id=st.sampled_from("vwxyz"),
        ids=st.lists(st.integers(0, 40), min_size=1, max_size=12),
        shape=st.sampled_from(SHAPES),
    )
    def accept(self, n: int, bulk_id: str, ids: list[int], shape: dict[str, object]) -> None:
        account = self.accounts[n]
        ids = list(dict.fromkeys(ids))
        plain = a_bulk(bulk_id, [f"m{i}" for i in ids])
        messages = tuple((msgspec.structs.replace(said, **shape), to) for said, to in plain.messages)
        self.bulks.add(bulk_id)
        try:
            refused = self.run(self.store.accept(account.id, Bulk(bulk_id, plain.network, messages), self.now))
        except (BulkInUse, NoSuchAccount):
            return
        new = {f"m{i}" for i in ids} - refused
        self.known[account.id] |= {name: Known(bulk_id) for name in new}

    @rule(limit=st.integers(1, 20))
    def claim(self, limit: int) -> None:
        for call in self.run(self.store.claim(limit, self.now)):
            self.of(call).state = "calling"
            self.ringing.append(call)

    def of(self, call: Call) -> Known:
        return self.known[call.account.id][call.message_id]

    @precondition(lambda self: self.ringing)
    @rule(data=st.data(), again=st.booleans())
    def over(self, data: st.DataObject, again: bool) -> None:
        for call in data.draw(st.lists(st.sampled_from(self.ringing), unique_by=lambda call: id(call))):
            self.ringing.remove(call)
            if again:
                result = CallResult(Cause.NO_ANSWER, self.now, invited_at=self.now)
                self.run(self.store.postpone(call, result, self.now + 10 * MINUTE))
            else:
                self.run(self.store.finish(*an_end(call)))
            self.of(call).state = "pending" if again else "waiting"

    @rule()
    def expire(self) -> None:
        def conclude(call: Call, result: CallResult) -> DeliveryReport:
            self.of(call).state = "waiting"
            return report_of(call, result, TERMS)

        self.run(self.store.expire(self.now, conclude))

    @rule(n=st.integers(0, 1), bulk_id=st.sampled_from("vwxyz"), to=st.sampled_from(CHANGES))
    def change_bulk(self, n: int, bulk_id: str, to: BulkStatus) -> None:
        with contextlib.suppress(NoSuchBulk, NothingToCall, NoSuchAccount):
            self.run(self.store.change_bulk(self.accounts[n].id, bulk_id, to, self.now))

    @rule(n=st.integers(0, 1), bulk_id=st.sampled_from("vwxyz"), hours=st.integers(-1, 30))
    def move_bulk(self, n: int, bulk_id: str, hours: int) -> None:
        with contextlib.suppress(NoSuchBulk, NothingToCall, NoSuchAccount, WindowNeverOpens):
            self.run(self.store.move_bulk(self.accounts[n].id, bulk_id, self.now + hours * HOUR, self.now))

    @rule(
        n=st.integers(0, 1),
        limit=st.integers(1, 9),
        bulk=st.sampled_from([None, None, *"vwxyz"]),
        message=st.one_of(st.none(), st.none(), st.integers(0, 40)),
        key=st.sampled_from([None, None, "k", "l"]),
    )
    def take(self, n: int, limit: int, bulk: str | None, message: int | None, key: str | None) -> None:
        account = self.accounts[n].id
        wanted = Filter(bulk, None if message is None else f"m{message}")
        keep = a_key(key) if key else None
        for name in ids_of(self.run(self.store.take(account, limit, wanted, self.now, keep)).reports):
            assert self.known[account][name].state == "waiting"
            self.known[account][name].state = "collected"
            self.known[account][name].over_at = self.now

    @rule(each=st.integers(1, 5), what=st.sampled_from(["pushed", "again", "fall back"]))
    def push(self, each: int, what: str) -> None:
        for push in self.run(self.store.pushes_due(each, self.now)):
            message = self.known[push.account][push.message_id]
            assert message.state == "waiting"
            if what == "pushed":
                self.run(self.store.pushed(push, self.now))
                message.state, message.over_at = "pushed", self.now
            elif what == "again":
                self.run(self.store.push_again(push, self.now + HOUR))
            else:
                self.run(self.store.fall_back(push))

    @rule(minutes=st.sampled_from([1, 30, 90, 600, 3_000]))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule()
    def prune(self) -> None:
        self.run(self.store.prune(self.now))
        for messages in self.known.values():
            for name, message in list(messages.items()):
                if message.state in ("collected", "pushed") and message.over_at < self.now - 48 * HOUR:
                    del messages[name]

    @rule()
    def remove_account(self) -> None:
        with contextlib.suppress(NoSuchAccount):
            self.run(self.store.remove_account("b", self.now))
        for message in self.known[self.accounts[1].id].values():
            message.state = "waiting" if message.state == "pending" else message.state

    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.run(self.store.open())

    @invariant()
    def each_is_as_it_is_and_accepted_is_their_sum(self) -> None:
        for account, messages in self.known.items():
            assert self.ledger(account, None) == counted(list(messages.values()))
            for bulk_id in self.bulks:
                of_bulk = [message for message in messages.values() if message.bulk_id == bulk_id]
                assert self.ledger(account, bulk_id) == (counted(of_bulk) if of_bulk else None)

    def ledger(self, account: int, bulk_id: str | None) -> Ledger | None:
        found: Ledger | None = self.run(self.store.ledger(account, bulk_id))
        assert found is None or found.accepted == found.pending + found.waiting + found.collected + found.pushed
        return found


def counted(messages: list[Known]) -> Ledger:
    states = Counter(message.state for message in messages)
    return Ledger(
        len(messages), states["pending"] + states["calling"], states["waiting"], states["collected"], states["pushed"]
    )


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


async def test_reports_taken_in_pieces(store: Store, account: Account) -> None:
    """Many stretches: each report is counted by the one that it is in."""
    ids = await with_reports(store, account.id, "b", 40)
    for name in ids[1:30:3]:
        await take(store, account.id, message=name)
    assert await store.ledger(account.id) == Ledger(40, 0, 30, 10, 0)
    assert await store.ledger(account.id, "b") == Ledger(40, 0, 30, 10, 0)
    assert await store.ledger(account.id, "c") is None
