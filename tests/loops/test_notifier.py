"""Pushing to a real HTTP server that answers, fails, hangs, redirects, or is not there."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from ringback.api.pushed import push_body
from ringback.loops.notifier import AT_ONCE, OF_ACCOUNT, OF_PLACE, Notifier, Room
from ringback.model.account import Account
from ringback.model.push import Push, signature
from ringback.model.times import HOUR, MINUTE, Instant
from ringback.outgoing import Outgoing
from ringback.store.sqlite import SqliteStore
from tests.eventually import eventually_async
from tests.loops.desk import Refusing
from tests.model.test_push import a_push
from tests.receiver import LOOPBACK, Behaviour, Receiver, Request, answer, answers, drops, hangs, never_ends
from tests.store.builders import ANY, NOW, a_bulk, an_account, finish_all, notified, take

START = NOW + 9_000  # when `finish_all` says that a call has ended


class Desk:
    """A store, a clock that stands still until it is moved, and the notifier between them."""

    def __init__(self, store: Any, allowed: Iterable[str] = LOOPBACK) -> None:
        self.store = store
        self.now: Instant = START
        self.outgoing = Outgoing(allowed)
        self.notifier = Notifier(store, self.outgoing, push_body, lambda: self.now)

    async def round(self) -> None:
        """Pushes what is due, and waits for what becomes of it."""
        while await self.notifier.run_once():
            await self.notifier.idle()

    async def leave(self) -> None:
        await self.notifier.stop()
        await self.outgoing.close()


@pytest.fixture
async def desk(store: SqliteStore) -> AsyncIterator[Desk]:
    desk = Desk(store)
    yield desk
    await desk.leave()


async def reports(store: Any, account: Account, url: str, *ids: str, **how: Any) -> None:
    """Finished reports that are to be pushed."""
    await store.accept(account.id, notified(a_bulk(f"b-{ids[0]}", ids), url, **how), NOW)
    await finish_all(store)


async def pushed(store: SqliteStore) -> list[str]:
    rows = await store._read(lambda db: db.execute("SELECT message_id FROM push WHERE state = 'pushed'").fetchall())
    return [str(message_id) for (message_id,) in rows]


async def waits(store: SqliteStore) -> list[tuple[int, Instant]]:
    rows = await store._read(lambda db: db.execute("SELECT tries, due_at FROM push WHERE state = 'waiting'").fetchall())
    return [(tries, due_at) for tries, due_at in rows]


async def test_a_report_is_pushed_and_not_pulled(desk: Desk, store: SqliteStore, account: Account) -> None:
    async with Receiver(answers(answer(200, b"thank you"))).open() as receiver:
        await reports(store, account, receiver.url, "m")
        assert await take(store, account.id) == []
        await desk.round()
        await desk.round()
    (request,) = receiver.got
    assert (request.method, request.target) == ("POST", "/reports?secret=hush")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "m"
    assert "ringback-signature" not in request.headers
    (result,) = json.loads(request.body)["results"]
    assert list(result)[:3] == ["bulkId", "messageId", "to"]
    assert (result["messageId"], result["error"]["name"]) == ("m", "VOICE_ANSWERED")
    assert await pushed(store) == ["m"]
    assert await take(store, account.id) == []


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("form", ["json", "xml"])
async def test_what_is_pushed_is_what_a_pull_would_have_given(
    desk: Desk, store: SqliteStore, account: Account, form: str, version: int
) -> None:
    async with Receiver(answers(answer(204))).open() as receiver:
        await reports(store, account, receiver.url, "m", form=form, version=version)
        await desk.round()
    (request,) = receiver.got
    assert request.headers["content-type"] == f"application/{form}"
    said = request.body.decode()
    start = '{"results":[{' if form == "json" else "<reportResponse><results><result>"
    assert said.startswith(start)
    assert said.count("VOICE_ANSWERED") == 1
    assert ("voiceCall" in said, "doneAt" in said) == ((True, False) if version == 2 else (False, True))


async def test_a_push_is_signed_with_the_accounts_secret(desk: Desk, store: SqliteStore, account: Account) -> None:
    def set_secret(db: Any) -> None:
        db.execute("UPDATE account SET signing_secret = 's3cret'")

    await store._group.run(set_secret)
    async with Receiver(answers(answer(200))).open() as receiver:
        await reports(store, account, receiver.url, "m")
        await desk.round()
    (request,) = receiver.got
    assert request.headers["ringback-signature"] == signature("s3cret", request.body, desk.now)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_delivery(desk: Desk, store: SqliteStore, account: Account, status: int) -> None:
    async with Receiver(answers(answer(status))).open() as receiver:
        await reports(store, account, receiver.url, "m")
        await desk.round()
    assert await pushed(store) == ["m"]


@pytest.mark.parametrize("status", [300, 302, 400, 404, 429, 500, 503])
async def test_anything_else_is_tried_again(desk: Desk, store: SqliteStore, account: Account, status: int) -> None:
    async with Receiver(answers(answer(status, Location="/elsewhere"), answer(200))).open() as receiver:
        await reports(store, account, receiver.url, "m")
        await desk.round()
        assert await waits(store) == [(1, START + 2 * MINUTE)]
        desk.now = START + 2 * MINUTE - 1
        await desk.round()
        assert len(receiver.got) == 1
        assert await take(store, account.id) == []
        desk.now += 1
        await desk.round()
    assert await pushed(store) == ["m"]
    assert [request.headers["idempotency-key"] for request in receiver.got] == ["m", "m"]
    assert receiver.got[0].body == receiver.got[1].body


async def test_no_server_at_all_is_tried_again(desk: Desk, store: SqliteStore, account: Account) -> None:
    async with Receiver(answers(answer(200))).open() as receiver:
        pass
    await reports(store, account, receiver.url, "m")
    await desk.round()
    desk.now += 2 * MINUTE
    await desk.round()
    assert await waits(store) == [(2, desk.now + 5 * MINUTE)]
    async with receiver.open():
        desk.now += 5 * MINUTE
        await desk.round()
    assert await pushed(store) == ["m"]


async def test_a_dropped_connection_is_tried_again(desk: Desk, store: SqliteStore, account: Account) -> None:
    async with Receiver(drops).open() as receiver:
        await reports(store, account, receiver.url, "m")
        await desk.round()
    assert await waits(store) == [(1, START + 2 * MINUTE)]


async def test_a_body_without_an_end_is_no_fault(desk: Desk, store: SqliteStore, account: Account) -> None:
    async with Receiver(never_ends).open() as receiver:
        await reports(store, account, receiver.url, "m")
        await desk.round()
    assert await pushed(store) == ["m"]


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_redirect_is_followed_only_to_where_it_may(
    store: SqliteStore, account: Account, capfd: pytest.CaptureFixture[str], allowed: bool
) -> None:
    desk = Desk(store, ["127.0.0.1/32"])
    async with Receiver(answers(answer(200))).open() as second, Receiver(drops).open() as first:
        target = second.url if allowed else second.url.replace("127.0.0.1", "127.0.0.2")
        first.behaviour = answers(answer(307, Location=target))
        await reports(store, account, first.url, "m")
        await desk.round()
    await desk.leave()
    assert await pushed(store) == (["m"] if allowed else [])
    assert await take(store, account.id) == ([] if allowed else ["m"])
    assert [request.method for request in second.got] == (["POST"] if allowed else [])
    assert ("is at no public address" in "".join(capfd.readouterr())) is not allowed


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1]:1/", "http://a:b@127.0.0.1/", "http://[::1/"])
async def test_what_may_not_or_can_not_be_reached_falls_back_at_once(
    store: SqliteStore, account: Account, url: str
) -> None:
    desk = Desk(store, ())
    await reports(store, account, url, "m")
    await desk.round()
    await desk.leave()
    assert await take(store, account.id) == ["m"]
    assert await waits(store) == []


async def test_410_falls_back_at_once(desk: Desk, store: SqliteStore, account: Account) -> None:
    arrived: list[int] = []
    store.on_arrival = arrived.append
    async with Receiver(answers(answer(410))).open() as receiver:
        await reports(store, account, receiver.url, "m")
        assert arrived == []
        await desk.round()
    assert arrived == [account.id]  # who waits for reports is told
    assert await take(store, account.id, bulk="b-m") == ["m"]


async def test_the_back_off_survives_a_restart(store: SqliteStore, account: Account, tmp_path: Path) -> None:
    async with Receiver(answers(answer(500))).open() as receiver:
        first = Desk(store)
        await reports(store, account, receiver.url, "m")
        await first.round()
        first.now += 2 * MINUTE
        await first.round()
        assert await waits(store) == [(2, first.now + 5 * MINUTE)]
        await first.leave()
        await store.close()

        next_one = SqliteStore(tmp_path)
        await next_one.open()
        second = Desk(next_one)
        second.now = first.now + 5 * MINUTE - 1
        await second.round()
        assert len(receiver.got) == 2
        second.now += 1
        receiver.behaviour = answers(answer(200))
        await second.round()
        assert await pushed(next_one) == ["m"]
        await second.leave()
        await next_one.close()
        await store.open()  # for the fixture to close


async def test_a_receiver_that_never_takes_it_is_given_up_after_48_hours(
    desk: Desk, store: SqliteStore, account: Account
) -> None:
    async with Receiver(answers(answer(500))).open() as receiver:
        await reports(store, account, receiver.url, "m")
        for _ in range(25):
            await desk.round()
            if not (left := await waits(store)):
                break
            assert await take(store, account.id) == []
            desk.now = left[0][1]
        assert desk.now == START + 48 * HOUR
        assert len(receiver.got) == 20  # at once, and nineteen retries; the twentieth would be too late
    assert await take(store, account.id) == ["m"]


async def test_what_never_had_its_turn_falls_back_after_48_hours_too(
    desk: Desk, store: SqliteStore, account: Account
) -> None:
    await reports(store, account, "http://127.0.0.1:1/", *(f"m{n:03}" for n in range(250)))
    desk.now = START + 48 * HOUR
    await desk.round()
    assert sorted(await take(store, account.id)) == [f"m{n:03}" for n in range(250)]


async def test_twenty_retries_are_the_most(desk: Desk, store: SqliteStore, account: Account) -> None:
    def spent(db: Any) -> None:
        db.execute("UPDATE push SET tries = 20")

    async with Receiver(answers(answer(500))).open() as receiver:
        await reports(store, account, receiver.url, "m")
        await store._group.run(spent)
        await desk.round()
    assert await take(store, account.id) == ["m"]


async def test_a_removed_account_is_told_nothing(desk: Desk, store: SqliteStore, account: Account) -> None:
    async with Receiver(answers(answer(200))).open() as receiver:
        await reports(store, account, receiver.url, "finished")
        await store.accept(account.id, notified(a_bulk("c", ["pending"]), receiver.url), NOW)
        await store.remove_account(account.name, START)
        await desk.round()
        assert receiver.got == []
    assert await waits(store) == []
    assert sorted(await take(store, account.id)) == ["finished", "pending"]


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


@pytest.mark.parametrize("behaviour", [answers(answer(500)), answers(answer(410)), answers(answer(200)), drops])
async def test_no_log_tells_a_secret(
    desk: Desk, store: SqliteStore, account: Account, capfd: pytest.CaptureFixture[str], behaviour: Behaviour
) -> None:
    async with Receiver(behaviour).open() as receiver:
        await reports(store, account, receiver.url, "m")
        await desk.round()
    said = "".join(capfd.readouterr())
    assert f"http://127.0.0.1:{receiver.port}" in said
    assert "hush" not in said
    assert "VOICE_ANSWERED" not in said


async def test_a_body_that_can_not_be_made_is_tried_again(store: SqliteStore, account: Account) -> None:
    def broken(push: Push) -> bytes:
        raise ValueError("a fault of ours")

    desk = Desk(store)
    desk.notifier = Notifier(store, desk.outgoing, broken, lambda: desk.now)
    await reports(store, account, "http://127.0.0.1:1/", "m")
    await desk.round()
    await desk.leave()
    assert await waits(store) == [(1, START + 2 * MINUTE)]


async def test_an_id_that_no_header_can_hold(desk: Desk, store: SqliteStore, account: Account) -> None:
    async with Receiver(answers(answer(200))).open() as receiver:
        await reports(store, account, receiver.url, 'ž "1" 100 %')
        await desk.round()
    assert receiver.got[0].headers["idempotency-key"] == "%C5%BE%20%221%22%20100%20%25"
    taken = await store.take(account.id, 5, ANY, NOW)
    assert taken.reports == b""
