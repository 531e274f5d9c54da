"""The dispatcher and the expirer with a clock that a test turns: attempts, waits, and one report at the end."""

import json
from itertools import pairwise
from pathlib import Path

from ringback.calls.scripted import ScriptedEngine
from ringback.loops.dispatcher import Dispatcher
from ringback.loops.expirer import Expirer
from ringback.loops.rescuer import rescue
from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.schedule import Retry, SendingSpeed
from ringback.model.times import HOUR, MINUTE, SECOND, Instant
from ringback.store.sqlite import SqliteStore
from tests.store.builders import ANY, NOW, TERMS, an_account
from tests.store.test_schedules import scheduled

CLIMB = Retry(1, 1440, 4)


class Town:
    """A server without its doors: a store, a dispatcher and an expirer, and a clock."""

    def __init__(self, store: SqliteStore, *sip: int | None) -> None:
        self.store = store
        self.now: Instant = NOW
        self.answers = list(sip)  # of each call in turn; None is an answered one
        self.placed: list[tuple[Instant, str]] = []
        self.engine = ScriptedEngine(40, clock=lambda: self.now, outcome=self._outcome)
        self.dispatcher = Dispatcher(store, self.engine, lambda: TERMS, lambda: self.now)
        self.expirer = Expirer(store, lambda: TERMS, lambda: self.now)

    def _outcome(self, call: Call) -> CallResult:
        self.placed.append((self.now - NOW, call.message_id))
        sip = self.answers.pop(0) if self.answers else None
        facts = {"invited_at": self.now, "dtmf": ("1",)}
        if sip is None:
            return CallResult(Cause.ANSWERED, self.now + 9 * SECOND, answered_at=self.now, **facts)  # type: ignore[arg-type]
        return CallResult(Cause.REFUSED, self.now, sip_status=sip, **facts)  # type: ignore[arg-type]

    async def runs(self, until: Instant, step: Instant = 30 * SECOND) -> None:
        """Time passes."""
        while self.now < NOW + until:
            while await self.dispatcher.run_once():
                await self.dispatcher.idle()
            while await self.expirer.run_once():
                pass
            self.now += step

    async def reports(self, account: Account) -> list[dict[str, object]]:
        taken = await self.store.take(account.id, 1000, ANY, self.now)
        found: list[dict[str, object]] = json.loads(b"[" + taken.reports + b"]")
        return found


async def test_a_busy_line_is_called_again_on_the_ladder_until_somebody_answers(
    store: SqliteStore, account: Account
) -> None:
    town = Town(store, 486, 503, 480)
    await store.accept(account.id, scheduled("b", 1, retry=CLIMB), NOW)
    await town.runs(MINUTE)
    assert await town.reports(account) == []
    await town.runs(HOUR)
    assert [at for at, _ in town.placed] == [0, MINUTE, 3 * MINUTE, 8 * MINUTE]
    (report,) = await town.reports(account)
    assert (report["error"]["id"], report["duration"]) == (5000, 9)  # type: ignore[index]
    assert report["sentAt"] == "2025-06-15T15:06:40.000+0000"  # the first INVITE
    assert report["doneAt"] == "2025-06-15T15:14:49.000+0000"


async def test_at_most_four_times_again(store: SqliteStore, account: Account) -> None:
    town = Town(store, *[486] * 9)
    await store.accept(account.id, scheduled("b", 1, retry=CLIMB), NOW)
    await town.runs(3 * HOUR)
    assert len(town.placed) == 5
    assert [report["error"]["id"] for report in await town.reports(account)] == [5002]  # type: ignore[index]


async def test_who_declined_is_not_called_again(store: SqliteStore, account: Account) -> None:
    town = Town(store, 603, 404)
    await store.accept(account.id, scheduled("b", 2, retry=CLIMB), NOW)
    await town.runs(2 * HOUR)
    assert len(town.placed) == 2
    assert sorted(r["error"]["id"] for r in await town.reports(account)) == [5404, 5603]  # type: ignore[index]


async def test_the_waits_survive_a_restart(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    account = await an_account(store)
    await store.accept(account.id, scheduled("b", 1, retry=Retry(10, 10, 2)), NOW)
    before = Town(store, 486, 486)
    await before.runs(MINUTE)
    await store.close()
    await store.open()
    await rescue(store, TERMS, lambda: NOW)
    after = Town(store, 486, 486, 486)
    await after.runs(HOUR)
    assert [at for at, _ in after.placed] == [10 * MINUTE, 20 * MINUTE]
    assert len(await after.reports(account)) == 1
    await store.close()


async def test_a_call_that_a_crash_cut_off_is_final_whatever_the_retry_says(
    store: SqliteStore, account: Account
) -> None:
    await store.accept(account.id, scheduled("b", 1, retry=CLIMB), NOW)
    await store.claim(1, NOW)
    await rescue(store, TERMS, lambda: NOW + MINUTE)
    town = Town(store)
    await town.runs(HOUR)
    assert town.placed == []
    assert [report["status"]["id"] for report in await town.reports(account)] == [22]  # type: ignore[index]


async def test_busy_people_do_not_break_the_speed_of_the_others(store: SqliteStore, account: Account) -> None:
    town = Town(store, *[486] * 10)
    speed = SendingSpeed(1, "minute")
    await store.accept(account.id, scheduled("b", 5, retry=Retry(2, 2, 1), sending_speed=speed), NOW)
    await town.runs(20 * MINUTE, 10 * SECOND)
    first: dict[str, Instant] = {}
    for at, message_id in town.placed:
        first.setdefault(message_id, at)
    assert len(town.placed) == 10
    assert all(later - earlier >= MINUTE for earlier, later in pairwise(sorted(first.values())))


async def test_a_cancelled_bulk_is_reported_and_rings_nobody(store: SqliteStore, account: Account) -> None:
    town = Town(store, 486, None)
    await store.accept(account.id, scheduled("b", 1, retry=CLIMB), NOW)
    await store.accept(account.id, scheduled("c", 3, NOW + HOUR), NOW)
    await town.runs(30 * SECOND)
    for bulk in ("b", "c"):
        await store.change_bulk(account.id, bulk, "CANCELED", town.now)
    await town.runs(3 * HOUR, MINUTE)
    assert len(town.placed) == 1
    assert [report["error"]["id"] for report in await town.reports(account)] == [4100] * 4  # type: ignore[index]
