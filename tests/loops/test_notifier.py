"""Pushing to a real HTTP server that answers, fails, redirects, or is not there."""

import json
from pathlib import Path
from typing import Any

import pytest

from ringback.loops.notifier import Notifier
from ringback.model.account import Account
from ringback.model.push import Push, signature
from ringback.model.times import HOUR, MINUTE
from ringback.store.sqlite import SqliteStore
from tests.loops.pushing import START, Desk, pushed, reports, waits
from tests.receiver import Behaviour, Receiver, answer, answers, drops, never_ends
from tests.store.builders import ANY, NOW, a_bulk, notified, take


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
    async with Receiver(answers(answer(200))).open() as receiver:
        await reports(store, account, receiver.url, *(f"m{n:03}" for n in range(250)))
        desk.now = START + 48 * HOUR
        await desk.round()
        assert receiver.got == []
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
