"""The dispatcher: from what is due to one report of each, and never two calls for one message."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import apsw
import pytest

from ringback.model.account import Account
from ringback.model.call import Call, Cause
from ringback.model.message import Network
from ringback.store.database import FILE
from ringback.store.sqlite import SqliteStore
from tests.eventually import eventually_async
from tests.loops.desk import Phone, Refusing, Reported
from tests.store.builders import ANY, NOW, a_bulk, an_account, an_end, take


async def settled(store: SqliteStore, account: Account) -> list[tuple[str, int, int]]:
    """Message, status and error of every report that waits, in order."""
    taken = await store.take(account.id, 1_000, wanted=ANY, now=NOW)
    reports = json.loads(b"[" + taken.reports + b"]")
    return [(one["messageId"], one["status"]["id"], one["error"]["id"]) for one in reports]


async def test_attempts_are_on_the_disk_before_anything_rings(
    store: SqliteStore, account: Account, tmp_path: Path
) -> None:
    seen: list[tuple[str, int]] = []

    def look(call: Call) -> None:
        other = apsw.Connection(str(tmp_path / FILE), flags=apsw.SQLITE_OPEN_READONLY)
        seen.extend(
            other.execute(
                "SELECT state, (SELECT count(*) FROM attempt t WHERE t.message_id = m.message_id AND result IS NULL)"
                " FROM message m WHERE message_id = ?",
                (call.message_id,),
            )
        )
        other.close()

    engine = Phone(3, Cause.NO_ANSWER)
    engine.look = look
    await store.accept(account.id, a_bulk("b", 3), NOW)
    desk = Reported(store, engine)
    await desk.dispatcher.run_once()
    await desk.dispatcher.idle()
    assert seen == [("calling", 1)] * 3


async def test_never_more_calls_than_free_channels(store: SqliteStore, account: Account) -> None:
    engine = Phone(3)
    desk = Reported(store, engine)
    await store.accept(account.id, a_bulk("b", 10), NOW)
    desk.dispatcher.start()
    for ended in range(10):
        await eventually_async(lambda: engine.live, 10, "a call")
        await eventually_async(lambda n=ended: len(engine.live) == min(3, 10 - n), 10, "all channels are used")
        engine.end(engine.live[0])
        await desk.until(ended + 1)
    await desk.dispatcher.stop()
    assert engine.most == 3
    assert Counter(call.message_id for call in engine.placed) == Counter(f"b-{n:05}" for n in range(10))


async def test_without_a_free_channel_nothing_is_claimed(store: SqliteStore, account: Account) -> None:
    refusing = Refusing(store)
    desk = Reported(refusing, Phone(0))
    await store.accept(account.id, a_bulk("b", 1), NOW)
    assert await desk.dispatcher.run_once() is False
    assert refusing.asked["claim"] == 0
    assert len(await store.claim(5, NOW)) == 1


async def test_two_steps_never_claim_the_same_message(store: SqliteStore, account: Account) -> None:
    engine = Phone(100, Cause.NO_ANSWER)
    desks = [Reported(store, engine) for _ in range(4)]
    await store.accept(account.id, a_bulk("b", 50), NOW)
    await asyncio.gather(*(desk.dispatcher.run_once() for desk in desks for _ in range(3)))
    for desk in desks:
        await desk.dispatcher.idle()
    assert sorted(call.message_id for call in engine.placed) == [f"b-{n:05}" for n in range(50)]
    assert len(await take(store, account.id)) == 50


async def test_what_belongs_to_the_other_network_is_reported_and_never_placed(
    store: SqliteStore, account: Account
) -> None:
    engine = Phone(5, Cause.ANSWERED)
    await store.accept(account.id, a_bulk("b", ["real"], network=Network.TRUNK), NOW)
    await store.accept(account.id, a_bulk("c", ["safe"]), NOW)
    desk = Reported(store, engine)
    await desk.dispatcher.run_once()
    await desk.dispatcher.idle()
    assert [call.message_id for call in engine.placed] == ["safe"]
    assert sorted(await settled(store, account)) == [("real", 19, 255), ("safe", 5, 5000)]


async def test_what_was_not_placed_waits_and_is_placed_later_once(store: SqliteStore, account: Account) -> None:
    engine = Phone(5, Cause.NOT_PLACED)
    await store.accept(account.id, a_bulk("b", 3), NOW)
    desk = Reported(store, engine)
    await desk.dispatcher.run_once()
    await desk.dispatcher.idle()
    assert (desk.reports, await store.unfinished(), await take(store, account.id)) == ([], [], [])
    engine.outcome = Cause.ANSWERED
    await desk.dispatcher.run_once()
    await desk.dispatcher.idle()
    assert await desk.dispatcher.run_once() is False
    assert Counter(call.message_id for call in engine.placed) == dict.fromkeys(desk.ids, 2)
    assert [call.attempt for call in engine.placed] == [1, 1, 1, 2, 2, 2]
    assert await settled(store, account) == [(f"b-{n:05}", 5, 5000) for n in range(3)]


async def test_an_engine_that_raises_leaves_the_end_unknown(
    store: SqliteStore, account: Account, capfd: pytest.CaptureFixture[str]
) -> None:
    await store.accept(account.id, a_bulk("b", 1), NOW)
    desk = Reported(store, Phone(1, ValueError("a defect")))
    await desk.dispatcher.run_once()
    await desk.dispatcher.idle()
    assert await settled(store, account) == [("b-00000", 22, 255)]
    said = capfd.readouterr()
    assert "the engine failed" in said.out + said.err


@pytest.mark.parametrize(("step", "outcome"), [("finish", Cause.ANSWERED), ("postpone", Cause.NOT_PLACED)])
async def test_the_end_is_written_again_until_the_disk_takes_it(
    store: SqliteStore, account: Account, step: str, outcome: Cause
) -> None:
    refusing = Refusing(store, **{step: 2})
    engine = Phone(1, outcome)
    await store.accept(account.id, a_bulk("b", 1), NOW)
    desk = Reported(refusing, engine)
    await desk.dispatcher.run_once()
    assert engine.live == []  # the line is free while the disk is asked
    await desk.dispatcher.idle()
    assert refusing.asked[step] == 3
    assert len(engine.placed) == 1
    assert await store.unfinished() == []
    assert [row[1:] for row in await settled(store, account)] == [(5, 5000)] * (step == "finish")


async def test_a_claim_that_the_disk_refuses_is_made_again(store: SqliteStore, account: Account) -> None:
    engine = Phone(1, Cause.ANSWERED)
    refusing = Refusing(store, claim=1)
    await store.accept(account.id, a_bulk("b", 1), NOW)
    desk = Reported(refusing, engine)
    desk.dispatcher.start()
    await desk.until(1)
    await desk.dispatcher.stop()
    assert refusing.asked["claim"] >= 2
    assert len(engine.placed) == 1


async def test_accounts_take_turns(store: SqliteStore) -> None:
    many, few = await an_account(store), await an_account(store)
    await store.accept(many.id, a_bulk("many", 40), NOW)
    await store.accept(few.id, a_bulk("few", 2), NOW)
    engine = Phone(1, Cause.NO_ANSWER)
    desk = Reported(store, engine)
    for _ in range(6):
        await desk.dispatcher.run_once()
        await desk.dispatcher.idle()
    owners = [call.account.id for call in engine.placed]
    assert sorted(owners[:4]) == sorted([many.id, few.id] * 2)
    assert owners[0] != owners[1]
    assert owners[4:] == [many.id] * 2


async def test_accounts_share_the_channels_of_one_step(store: SqliteStore) -> None:
    many, few = await an_account(store), await an_account(store)
    await store.accept(many.id, a_bulk("many", 40), NOW)
    await store.accept(few.id, a_bulk("few", 2), NOW)
    engine = Phone(4, Cause.NO_ANSWER)
    desk = Reported(store, engine)
    await desk.dispatcher.run_once()
    await desk.dispatcher.idle()
    assert sorted(call.account.id for call in engine.placed) == sorted([many.id, few.id] * 2)


async def test_a_second_end_is_not_written(
    store: SqliteStore, account: Account, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Phone(1)
    await store.accept(account.id, a_bulk("b", 1), NOW)
    desk = Reported(store, engine)
    await desk.dispatcher.run_once()
    await store.finish(*an_end(engine.placed[0]))
    engine.end("b-00000", Cause.NO_ANSWER)
    await desk.dispatcher.idle()
    assert await settled(store, account) == [("b-00000", 5, 5000)]
    said = capfd.readouterr()
    assert "a second end was not written" in said.out + said.err
    assert desk.reports == []


async def test_a_call_that_ends_makes_room_at_once(store: SqliteStore, account: Account) -> None:
    engine = Phone(1)
    desk = Reported(store, engine)
    desk.dispatcher._pause = 600  # it is not the pause that ends
    await store.accept(account.id, a_bulk("b", 2), NOW)
    desk.dispatcher.start()
    for message_id in ("b-00000", "b-00001"):
        await eventually_async(lambda m=message_id: engine.live == [m], 10, "the call")
        engine.end(message_id)
    await desk.until(2)
    await desk.dispatcher.stop()


async def test_what_is_due_later_is_called_later(store: SqliteStore, account: Account) -> None:
    clock = [NOW]
    engine = Phone(1, Cause.NO_ANSWER)
    desk = Reported(store, engine, lambda: clock[0])
    await store.accept(account.id, a_bulk("b", 1), NOW + 1)
    assert await desk.dispatcher.run_once() is False
    clock[0] = NOW + 1
    assert await desk.dispatcher.run_once() is True
    await desk.dispatcher.idle()
    assert [call.placed_at for call in engine.placed] == [NOW + 1]
