"""The push queue: a report to be pushed is not on the tape, one that falls back is on it once, and none is lost."""

import asyncio
import random
from pathlib import Path

import pytest

from ringback.model.account import Account
from ringback.model.push import Push
from ringback.model.times import DAY, HOUR, MINUTE
from ringback.store.pushes import AT_ONCE
from ringback.store.store import Pruned, Store
from tests.store.builders import NOW, a_bulk, an_account, an_end, finish_all, notified, take, with_reports
from tests.store.places import Ledger, Place, SqlitePlace
from tests.store.powerloss import Disk, restore
from tests.store.pulse import Pulse

DONE = NOW + 9_000  # when `an_end` says that a call has ended
RETENTION = 48 * HOUR


async def to_push(store: Store, account: Account, bulk: str, ids: int, url: str = "http://there.example.com/") -> None:
    await store.accept(account.id, notified(a_bulk(bulk, ids), url), NOW)
    await finish_all(store)


async def due(store: Store, now: int = DONE, each: int = 32) -> list[Push]:
    return await store.pushes_due(each, now)


async def test_a_report_to_be_pushed_has_no_number_on_the_tape(store: Store, account: Account, place: Place) -> None:
    arrived: list[int] = []
    woken: list[bool] = []
    store.on_arrival, store.on_push = arrived.append, lambda: woken.append(True)
    await to_push(store, account, "b", 1)
    assert (arrived, woken) == ([], [True])
    assert await take(store, account.id) == []
    assert place.ledger() == Ledger(1, 0, 0, 0, 0, pushing=1)
    assert place.sql("SELECT count(*) FROM tape") == [(0,)]
    (push,) = await due(store)
    assert (push.message_id, push.tries, push.since, push.secret, push.removed) == ("b-00000", 0, DONE, None, False)
    assert push.place == "http://there.example.com"


async def test_nothing_is_due_before_its_time(store: Store, account: Account) -> None:
    assert await due(store, DONE - 1) == []
    await to_push(store, account, "b", 1)
    assert await due(store, DONE - 1) == []
    (push,) = await due(store)
    await store.push_again(push, DONE + MINUTE)
    assert await due(store, DONE + MINUTE - 1) == []
    (again,) = await due(store, DONE + MINUTE)
    assert (again.key, again.tries) == (push.key, 1)


async def test_what_was_pushed_is_pushed_for_good(store: Store, account: Account, place: Place) -> None:
    await to_push(store, account, "b", 1)
    (push,) = await due(store)
    await store.pushed(push, DONE)
    await store.push_again(push, DONE)
    await store.fall_back(push)
    assert await due(store) == []
    assert await take(store, account.id) == []
    assert place.ledger() == Ledger(1, 0, 0, 0, 0, pushed=1)
    with pytest.raises(place.refusal):
        place.sql("UPDATE push SET state = 'waiting', pushed_at = NULL")


async def test_what_falls_back_is_pulled_once_and_as_it_was(store: Store, account: Account, place: Place) -> None:
    await to_push(store, account, "b", 2)
    await with_reports(store, account.id, "c", ["n"])
    arrived: list[int] = []
    store.on_arrival = arrived.append
    push = (await due(store))[1]
    await asyncio.gather(*(store.fall_back(push) for _ in range(3)))
    assert arrived == [account.id]
    assert place.ledger() == Ledger(3, 0, 0, 2, 0, pushing=1)
    assert place.sql("SELECT json, beside FROM report WHERE message_id = ?", push.message_id) == [
        (push.json, push.beside)
    ]
    assert await take(store, account.id, bulk="b") == ["b-00001"]
    assert await take(store, account.id) == ["n"]
    await store.pushed(push, DONE)
    assert place.ledger() == Ledger(3, 0, 0, 0, 2, pushing=1)


async def test_a_report_is_never_in_both_places(store: Store, account: Account, place: Place) -> None:
    await to_push(store, account, "b", 1)
    await with_reports(store, account.id, "c", ["n"])
    with pytest.raises(place.refusal, match="to be pushed"):
        place.sql("INSERT INTO report SELECT account, 77, bulk_id, message_id, json, beside FROM push")
    with pytest.raises(place.refusal, match="on the tape"):
        place.sql(
            "INSERT INTO push (account, message_id, bulk_id, json, beside, url, form, version, place, since, due_at)"
            " SELECT account, message_id, bulk_id, json, beside, 'http://x', 'json', 1, 'http://x', 0, 0 FROM report"
        )


async def test_receivers_and_accounts_take_turns(store: Store, account: Account) -> None:
    other = await an_account(store)
    await to_push(store, account, "many", 50, "http://a.example.com/")
    for n in range(60):
        await to_push(store, account, f"few{n}", 1, f"http://b{n:02}.example.com/")
    await to_push(store, other, "b", 1, "http://a.example.com/")
    found = await due(store, each=20)
    assert {push.account for push in found[:2]} == {account.id, other.id}
    assert sum(push.place == "http://a.example.com" for push in found if push.account == account.id) == AT_ONCE
    seen = {push.place for push in found}
    for _ in range(4):  # nothing of it was pushed, and yet the others have their turn
        seen |= {push.place for push in await due(store, each=20)}
    assert len(seen) == 61


async def test_the_oldest_of_a_receiver_are_first(store: Store, account: Account) -> None:
    await to_push(store, account, "b", 6)
    first = await due(store)
    assert [push.message_id for push in first] == [f"b-0000{n}" for n in range(AT_ONCE)]
    for push in first:
        await store.push_again(push, DONE + MINUTE)
    assert [push.message_id for push in await due(store, DONE + HOUR)][:2] == ["b-00004", "b-00005"]


async def test_what_waits_for_too_long_is_found_by_its_age(store: Store, account: Account) -> None:
    await to_push(store, account, "b", 3)
    (push, *_) = await due(store)
    await store.push_again(push, DONE + DAY)
    assert await store.pushes_over(DONE - 1, 10) == []
    assert len(await store.pushes_over(DONE, 10)) == 3
    assert len(await store.pushes_over(DONE, 2)) == 2


async def test_the_accounts_secret_comes_with_a_push(store: Store, account: Account, place: Place) -> None:
    await to_push(store, account, "b", 1)
    place.sql("UPDATE account SET signing_secret = 's3cret'")
    assert [push.secret for push in await due(store)] == ["s3cret"]
    await store.remove_account(account.name, NOW)
    assert [push.removed for push in await due(store)] == [True]


async def test_a_cancelled_and_an_expired_report_are_pushed_too(store: Store, account: Account, place: Place) -> None:
    woken: list[bool] = []
    await store.accept(account.id, notified(a_bulk("b", 2)), NOW)
    await store.accept(account.id, notified(a_bulk("c", 2)), NOW)
    await store.change_bulk(account.id, "b", "CANCELED", NOW)
    store.on_push = lambda: woken.append(True)

    def conclude(call, result):  # type: ignore[no-untyped-def]
        return an_end(call)[2]

    assert await store.expire(NOW, conclude) == 2
    assert woken == [True]
    assert place.ledger() == Ledger(4, 2, 0, 0, 0, pushing=2)


async def test_it_is_there_after_a_restart(store: Store, account: Account, place: Place) -> None:
    await to_push(store, account, "b", 3)
    one, two, three = await due(store)
    await store.pushed(one, DONE)
    await store.push_again(two, DONE + HOUR)
    await store.close()
    await store.open()
    assert await due(store) == [three]
    assert sorted(push.tries for push in await due(store, DONE + HOUR)) == [0, 1]
    assert place.ledger() == Ledger(3, 0, 0, 0, 0, 2, 1)


async def test_workers_at_once_leave_each_report_in_one_place(store: Store, place: Place) -> None:
    """Many at the same queue, with every verdict: each report ends pushed, or is pulled once, and none is lost."""
    owners = [await an_account(store) for _ in range(3)]
    for owner in owners:
        for n in range(3):
            await to_push(store, owner, f"b{n}", 60, f"http://{n}.example.com/")
    pulled: list[str] = []

    async def worker(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(60):
            for push in await due(store, DONE + DAY, each=chance.choice([1, 8, 32])):
                act = chance.choice(["pushed", "again", "back"])
                if act == "pushed":
                    await store.pushed(push, DONE)
                elif act == "again":
                    await store.push_again(push, DONE + HOUR)
                else:
                    await store.fall_back(push)
            for owner in owners:
                pulled.extend(f"{owner.id} {id_}" for id_ in await take(store, owner.id, 20))
            assert place.ledger().whole

    await asyncio.gather(*(worker(seed) for seed in range(6)))
    ledger = place.ledger()
    assert ledger.whole
    assert len(set(pulled)) == len(pulled)
    given = {f"{account} {id_}" for account, id_ in place.sql("SELECT account, message_id FROM push")}
    assert not given & set(pulled)
    assert (ledger.accepted, ledger.pushing) == (540, 0)
    assert len(given) + len(pulled) + ledger.waiting == 540


async def test_what_was_pushed_is_forgotten_after_the_retention(store: Store, account: Account, place: Place) -> None:
    await store.accept(account.id, notified(a_bulk("b", 3)), NOW)
    for n, call in enumerate(await store.claim(3, NOW)):
        await store.finish(*an_end(call, recording=f"{n}.wav"))
    one, two, three = await due(store)
    await store.pushed(one, DONE)
    await store.pushed(two, DONE + HOUR)
    assert await store.prune(DONE + RETENTION) == Pruned()
    assert await store.prune(DONE + RETENTION + 1) == Pruned(1, ["0.wav"])
    assert place.ledger() == Ledger(2, 0, 0, 0, 0, 1, 1)
    assert await store.prune(DONE + RETENTION + HOUR + 1) == Pruned(1, ["1.wav"])
    assert await store.accept(account.id, a_bulk("c", [one.message_id]), NOW) == {one.message_id}
    await store.prune(DONE + 30 * DAY + 1)
    assert await store.accept(account.id, a_bulk("c", [one.message_id]), NOW) == set()
    await store.fall_back(three)
    assert await take(store, account.id, bulk="b") == [three.message_id]


async def test_a_bulk_that_is_pushed_in_part_is_forgotten_with_its_last_report(
    store: Store, account: Account, place: Place
) -> None:
    await to_push(store, account, "b", 4)
    one, two, three, four = await due(store)
    for push in (one, two):
        await store.pushed(push, DONE)
    for push in (three, four):
        await store.fall_back(push)
    await take(store, account.id, 1, now=DONE)
    over = DONE + RETENTION + 1
    assert (await store.prune(over)).reports == 3
    assert place.sql("SELECT bulk_id FROM bulk") == [("b",)]
    assert await take(store, account.id, now=DONE) == [four.message_id]
    assert (await store.prune(over)).reports == 1
    for table in ("message", "report", "push", "attempt", "voice_message", "bulk", "take"):
        assert place.sql(f"SELECT count(*) FROM {table}") == [(0,)], table


async def test_forgetting_what_was_pushed_does_not_hold_the_loop(store: Store, account: Account, place: Place) -> None:
    await to_push(store, account, "b", 3_000)
    place.sql("UPDATE push SET state = 'pushed', pushed_at = ?", NOW)
    async with Pulse() as pulse:
        while (await store.prune(NOW + RETENTION + 1)).reports:
            pass
    pulse.check()
    assert place.ledger() == Ledger(0, 0, 0, 0, 0)


async def test_a_power_cut_at_any_moment_of_a_fall_back_leaves_it_in_one_place(disk: Disk, tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path / "data", disk.name)
    store = place.store()
    await store.open()
    account = await an_account(store)
    await to_push(store, account, "b", 1)
    (push,) = await due(store)
    cuts: list[dict[str, bytes]] = []
    disk.hook = lambda operation, file: cuts.append(disk.survivors())
    await store.fall_back(push)
    disk.hook = None
    cuts.append(disk.survivors())
    await store.close()
    seen = set()
    for n, cut in enumerate(cuts):
        left = SqlitePlace(tmp_path / f"cut{n}")
        restore(cut, left.folder)
        ledger = left.ledger()
        assert ledger.whole
        seen.add((ledger.pushing, ledger.waiting))
    assert seen == {(1, 0), (0, 1)}
    assert (ledger.pushing, ledger.waiting) == (0, 1)
