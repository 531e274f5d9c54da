"""Several pushes at once: who is slow holds up nobody, and what is under way when it ends is made again."""

import asyncio

from ringback.loops.notifier import AT_ONCE, OF_ACCOUNT, OF_PLACE, Room
from ringback.model.account import Account
from ringback.store.sqlite import SqliteStore
from tests.eventually import eventually_async
from tests.loops.desk import Refusing
from tests.loops.pushing import START, Desk, pushed, reports, waits
from tests.model.test_push import a_push
from tests.receiver import Receiver, Request, answer, answers, hangs
from tests.store.builders import an_account, take


async def test_a_hanging_receiver_holds_up_no_other(desk: Desk, store: SqliteStore, account: Account) -> None:
    other = await an_account(store)
    async with Receiver(hangs).open() as stuck, Receiver(answers(answer(200))).open() as good:
        await reports(store, account, stuck.url, *(f"stuck{n:03}" for n in range(300)))
        await reports(store, account, good.url, "mine")
        await reports(store, other, good.url, "other")
        await desk.notifier.run_once()
        await eventually_async(lambda: len(good.got) == 2 and len(stuck.got) == OF_PLACE, 10, "both are pushed")
        while await desk.notifier.run_once():
            pass
        assert len(stuck.got) == OF_PLACE
        await desk.notifier.stop()  # at once, although nobody answers
    assert sorted(await pushed(store)) == ["mine", "other"]
    assert len(await waits(store)) == 300


async def test_many_reports_go_to_one_receiver_in_order_and_few_at_a_time(
    desk: Desk, store: SqliteStore, account: Account
) -> None:
    most, live = 0, 0

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal most, live
        live += 1
        most = max(most, live)
        await asyncio.sleep(0)
        live -= 1
        writer.write(answer(200))

    async with Receiver(behave).open() as receiver:
        await reports(store, account, receiver.url, *(f"m{n:03}" for n in range(100)))
        await desk.round()
        assert receiver.connections <= OF_PLACE  # kept open from one to the next
    assert most <= OF_PLACE
    got = [request.headers["idempotency-key"] for request in receiver.got]
    assert sorted(got) == [f"m{n:03}" for n in range(100)]
    assert await take(store, account.id) == []


async def test_a_failing_receiver_is_asked_with_one_at_a_time(desk: Desk, store: SqliteStore, account: Account) -> None:
    async with Receiver(answers(answer(500))).open() as receiver:
        await reports(store, account, receiver.url, *(f"m{n}" for n in range(8)))
        await desk.notifier.run_once()
        await desk.notifier.idle()
        assert len(receiver.got) == OF_PLACE
        await desk.notifier.run_once()
        await desk.notifier.idle()
        assert len(receiver.got) == OF_PLACE + 1


async def test_no_more_than_a_bounded_number_is_under_way(desk: Desk, store: SqliteStore) -> None:
    async with Receiver(hangs).open() as stuck:
        for n in range(AT_ONCE // OF_PLACE + 2):
            await reports(store, await an_account(store), stuck.url, *(f"m{n}.{k}" for k in range(5)))
        while await desk.notifier.run_once():
            pass
        await eventually_async(lambda: len(stuck.got) == AT_ONCE, 10, "as many as there may be are under way")
        assert await desk.notifier.run_once() is False
        await desk.notifier.stop()
        assert len(stuck.got) == AT_ONCE


def test_no_account_takes_all_the_places() -> None:
    room = Room()
    mine = [a_push(place=f"http://{n}.example.com") for n in range(OF_ACCOUNT + 1)]
    assert [room.enter(push) for push in mine] == [True] * OF_ACCOUNT + [False]
    assert room.enter(a_push(account=2))
    room.leave(mine[0])
    assert room.enter(mine[-1])


async def test_what_was_under_way_when_it_stopped_is_pushed_again(
    desk: Desk, store: SqliteStore, account: Account
) -> None:
    async with Receiver(hangs).open() as receiver:
        await reports(store, account, receiver.url, "m")
        desk.notifier.start()
        await eventually_async(lambda: len(receiver.got) == 1, 10, "it is under way")
        await desk.notifier.stop()
        assert await waits(store) == [(0, START)]
        receiver.behaviour = answers(answer(200))
        after = Desk(store)
        await after.round()
        await after.leave()
    assert [request.headers["idempotency-key"] for request in receiver.got] == ["m", "m"]
    assert await pushed(store) == ["m"]


async def test_delivered_and_not_written_down_is_not_pushed_again_and_again(
    store: SqliteStore, account: Account
) -> None:
    """A full disk: the receiver has it, and hears nothing more while that can't be written."""
    refusing = Refusing(store, pushed=2)
    desk = Desk(refusing)
    async with Receiver(answers(answer(200))).open() as receiver:
        await reports(store, account, receiver.url, "m")
        await desk.notifier.run_once()
        await eventually_async(lambda: refusing.asked["pushed"] == 2, 10, "the disk refuses")
        await desk.notifier.run_once()
        await desk.notifier.idle()
        assert (len(receiver.got), refusing.asked["pushed"]) == (1, 3)
    await desk.leave()
    assert await pushed(store) == ["m"]


async def test_it_is_woken_when_a_report_is_to_be_pushed(desk: Desk, store: SqliteStore, account: Account) -> None:
    store.on_push = desk.notifier.wake
    async with Receiver(answers(answer(200))).open() as receiver:
        desk.notifier.start()
        await reports(store, account, receiver.url, "m")
        await eventually_async(lambda: len(receiver.got) == 1, 10, "it is pushed")
