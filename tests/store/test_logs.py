"""The logs: every filter, alone and together, against a list; what is in them, and what is not."""

import asyncio
import random
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.logs import Logged, log_json
from ringback.model.message import Bulk, Destination, Network, Notify, VoiceMessage
from ringback.model.report import DeliveryReport
from ringback.model.schedule import NEVER
from ringback.model.settle import Terms, report_of
from ringback.model.tariff import Rate, RateDeck
from ringback.model.times import HOUR, MINUTE, SECOND, Instant
from ringback.store.sqlite import SqliteStore
from ringback.store.store import LogQuery, Store
from tests.store.builders import NOW, a_bulk, an_account, an_end, take, with_reports
from tests.store.places import Place

RATES = (Rate("1", "21901", Decimal("0.01"), "EUR"), Rate("2", "310410", Decimal("1E-7"), "EUR"))
TERMS = Terms(RateDeck({rate.prefix: rate for rate in RATES}), "http://here")
CALLERS = (None, "41790", "41791")
NUMBERS = ("100", "101", "200", "300")
BULKS = ("b0", "b1", "b2", "b3")
CAUSES = (Cause.ANSWERED, Cause.NO_ANSWER, Cause.CANCELLED, Cause.WRONG_NETWORK, Cause.UNKNOWN)
STEP = MINUTE  # between one message and the next


def conclude(call: Call, result: CallResult) -> DeliveryReport:
    return report_of(call, result, TERMS)


def shown(found: list[Logged]) -> list[dict[str, Any]]:
    forms: list[dict[str, Any]] = msgspec.json.decode(b"[" + log_json(found, "UTC") + b"]")
    return forms


def ids(found: list[Logged]) -> list[str]:
    return [message.message_id for message in found]


async def seen(store: Store, account: Account, now: Instant = NOW, **asked: Any) -> list[str]:
    return ids(await store.logs(account.id, LogQuery(**asked), now))


class Known(msgspec.Struct):
    """A message as the model keeps it."""

    message_id: str
    bulk_id: str
    caller: str | None
    to: str
    sent_at: Instant
    group: int = 1
    mcc_mnc: str = ""

    def fits(self, asked: LogQuery, oldest: Instant) -> bool:
        return (
            asked.caller in (None, self.caller)
            and asked.to in (None, self.to)
            and (not asked.bulk_ids or self.bulk_id in asked.bulk_ids)
            and (not asked.message_ids or self.message_id in asked.message_ids)
            and asked.group in (None, self.group)
            and asked.mcc in (None, self.mcc_mnc[:3])
            and asked.mnc in (None, self.mcc_mnc[3:])
            and (asked.since is None or self.sent_at >= asked.since)
            and (asked.until is None or self.sent_at <= asked.until)
            and (self.group == 1 or self.sent_at >= oldest)
        )


def expected(known: list[Known], asked: LogQuery, now: Instant) -> list[str]:
    found = [message for message in known if message.fits(asked, now - 48 * HOUR)]
    newest = sorted(found, key=lambda message: (message.sent_at, message.message_id), reverse=True)
    return [message.message_id for message in newest[: asked.limit]]


async def filled(store: Store, account: Account, count: int = 150) -> list[Known]:
    """Messages over the last hours, most of them finished, each in some way."""
    chance = random.Random(5)
    known = []
    for n, bulk_id in enumerate(BULKS):
        messages = []
        for part, caller in enumerate(CALLERS):
            to = []
            for i in range(count // len(BULKS) // len(CALLERS)):
                sent_at = NOW - chance.randrange(200) * STEP
                message = Known(f"m{n}.{part}.{i}", bulk_id, caller, chance.choice(NUMBERS), sent_at)
                known.append(message)
                to.append(Destination(message.to, message.message_id, message.sent_at))
            messages.append((VoiceMessage(text=f"text {part}", caller=caller), tuple(to)))
        await store.accept(account.id, Bulk(bulk_id, Network.SANDBOX, tuple(messages)), NOW)
    by_id = {message.message_id: message for message in known}
    for call in await store.claim(3 * count // 4, NOW):
        cause = chance.choice(CAUSES)
        invited_at = by_id[call.message_id].sent_at + 3 * SECOND
        result = CallResult(cause, invited_at + 9 * SECOND, invited_at=invited_at, answered_at=None)
        report = conclude(call, result)
        await store.finish(call, result, report)
        message = by_id[call.message_id]
        message.sent_at, message.group, message.mcc_mnc = report.sent_at, report.status.group_id, report.mcc_mnc or ""
    return known


@pytest.fixture(scope="module")
def full() -> Iterator[tuple[Any, SqliteStore, Account, list[Known]]]:
    """A store that is only asked: hypothesis asks it many times."""
    loop = uvloop.new_event_loop()
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder))
        loop.run_until_complete(store.open())
        account = loop.run_until_complete(an_account(store))
        other = loop.run_until_complete(an_account(store))
        loop.run_until_complete(with_reports(store, other.id, "b0", ["m0.0.0", "other"]))
        yield loop, store, account, loop.run_until_complete(filled(store, account))
        loop.run_until_complete(store.close())
        loop.close()


def some(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from((None, None, *values))


MOMENTS = [NOW - n * STEP // 2 for n in range(0, 420, 7)]
MESSAGES = [f"m{n}.{part}.{i}" for n in range(4) for part in range(3) for i in range(12)]
QUERIES = st.builds(
    LogQuery,
    caller=some(*CALLERS[1:], "9"),
    to=some(*NUMBERS, "999"),
    bulk_ids=st.one_of(st.just(()), st.lists(st.sampled_from((*BULKS, "none")), max_size=3).map(tuple)),
    message_ids=st.one_of(st.just(()), st.just(()), st.lists(st.sampled_from(MESSAGES), max_size=60).map(tuple)),
    group=some(0, 1, 2, 3, 4, 5),
    mcc=some("219", "310", "999"),
    mnc=some("01", "410", "1"),
    since=some(*MOMENTS),
    until=some(*MOMENTS),
    limit=st.sampled_from((1, 5, 50, 1_000)),
)


@given(asked=QUERIES, late=st.sampled_from((0, 0, 0, 46 * HOUR, 100 * HOUR)))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_any_combination_is_what_a_list_would_give(full: Any, asked: LogQuery, late: Instant) -> None:
    loop, store, account, known = full
    found = loop.run_until_complete(store.logs(account.id, asked, NOW + late))
    assert ids(found) == expected(known, asked, NOW + late)


def test_the_model_has_something_of_everything(full: Any) -> None:
    known = full[3]
    assert {message.group for message in known} == {1, 3, 4, 5}
    assert {message.mcc_mnc for message in known} == {"", "21901", "310410"}
    for asked in (LogQuery(caller="41790", to="100", group=4), LogQuery(bulk_ids=("b1", "b2"), mnc="410", to="200")):
        assert expected(known, asked, NOW)


ONE = {
    "from": ({"caller": "41790"}, "caller"),
    "to": ({"to": "100"}, "to"),
    "bulk": ({"bulk_ids": ("b0",)}, "bulk_id"),
    "group": ({"group": 3}, "group"),
}


@pytest.mark.parametrize(("asked", "field"), ONE.values(), ids=ONE.keys())
def test_one_filter(full: Any, asked: dict[str, Any], field: str) -> None:
    loop, store, account, known = full
    (value,) = [value[0] if isinstance(value, tuple) else value for value in asked.values()]
    found = loop.run_until_complete(store.logs(account.id, LogQuery(**asked, limit=1_000), NOW))
    right = {message.message_id for message in known if getattr(message, field) == value}
    assert set(ids(found)) == right
    assert 0 < len(right) < len(known)


async def test_much_to_one_number_is_found_by_the_bulk(store: Store, account: Account) -> None:
    await store.accept(account.id, same_number("many", 2_500), NOW)
    await store.accept(account.id, same_number("few", 3), NOW)
    assert await seen(store, account, to="4179", bulk_ids=("few",)) == ["few-2", "few-1", "few-0"]
    assert len(await seen(store, account, to="4179", bulk_ids=("many", "many"), limit=1_000)) == 1_000
    assert await seen(store, account, to="4178", bulk_ids=("many",)) == []


def same_number(bulk_id: str, count: int) -> Bulk:
    to = tuple(Destination("4179", f"{bulk_id}-{n}") for n in range(count))
    return Bulk(bulk_id, Network.SANDBOX, ((VoiceMessage(text="t"), to),))


async def test_a_number_is_found_on_every_shelf(store: Store, account: Account, place: Place) -> None:
    for n in range(3):
        await store.accept(account.id, a_bulk(f"b{n}", 11_000), NOW + n)
    await store.accept(account.id, a_bulk("c", 1), NOW + 3)
    assert place.sql("SELECT shelf, count(*) FROM message GROUP BY shelf") == [(1, 22_000), (2, 11_001)]
    assert await seen(store, account, to="41790000000") == ["c-00000", "b2-00000", "b1-00000", "b0-00000"]
    assert await seen(store, account, to="41790000000", limit=2) == ["c-00000", "b2-00000"]
    assert await seen(store, account, to="41790010999", until=NOW + 1) == ["b1-10999", "b0-10999"]


async def test_a_message_from_its_first_day_to_its_last(store: Store, account: Account) -> None:
    message = VoiceMessage(text="Good morning", caller="41790")
    later = NOW + HOUR
    await store.accept(
        account.id, Bulk("b", Network.SANDBOX, ((message, (Destination("123", "m", later),)),), later), NOW
    )
    (form,) = shown(await store.logs(account.id, LogQuery(), NOW))
    assert list(form) == (
        "bulkId messageId from to text sentAt doneAt duration mccMnc price status error".split()  # noqa: SIM905
    )
    assert {name: form[name] for name in ("bulkId", "messageId", "from", "to", "text")} == {
        "bulkId": "b",
        "messageId": "m",
        "from": "41790",
        "to": "123",
        "text": "Good morning",
    }
    assert form["sentAt"] == "2025-06-15T16:06:40.000+0000"
    assert [form[name] for name in ("doneAt", "duration", "mccMnc", "price")] == [None] * 4
    assert (form["status"]["id"], form["error"]["name"]) == (26, "NO_ERROR")
    (call,) = await store.claim(1, later)
    (form,) = shown(await store.logs(account.id, LogQuery(group=1), later))
    assert (form["status"]["id"], form["sentAt"]) == (3, "2025-06-15T16:06:40.000+0000")
    result = CallResult(Cause.ANSWERED, later + 9_500, invited_at=later + 500, answered_at=later + 2_000)
    await store.postpone(call, CallResult(Cause.NO_ANSWER, later, invited_at=later + 500), later + MINUTE)
    (form,) = shown(await store.logs(account.id, LogQuery(), later))
    assert (form["status"]["id"], form["sentAt"]) == (3, "2025-06-15T16:06:40.500+0000")
    (call,) = await store.claim(1, later + MINUTE)
    await store.finish(call, result, conclude(call, result))
    for _ in range(2):
        (form,) = shown(await store.logs(account.id, LogQuery(group=3, mcc="219", mnc="01", caller="41790"), later))
        assert (form["sentAt"], form["doneAt"]) == ("2025-06-15T16:06:40.500+0000", "2025-06-15T16:06:49.500+0000")
        assert (form["duration"], form["mccMnc"], form["text"]) == (8, "21901", "Good morning")
        assert (form["status"]["name"], form["error"]["id"]) == ("DELIVERED_TO_HANDSET", 5000)
        assert "dtmfCodes" not in form
        await take(store, account.id)  # which changes nothing here
    assert await seen(store, account, group=1) == []


async def test_a_price_is_shown_digit_for_digit(store: Store, account: Account) -> None:
    await store.accept(
        account.id, Bulk("b", Network.SANDBOX, ((VoiceMessage(text="t"), (Destination("2", "m"),)),)), NOW
    )
    (call,) = await store.claim(1, NOW)
    result = CallResult(Cause.NO_ANSWER, NOW)
    await store.finish(call, result, conclude(call, result))
    found = log_json(await store.logs(account.id, LogQuery(), NOW), "UTC")
    assert b'"price":{"pricePerSecond":0.0000001,"currency":"EUR"}' in found


async def test_what_was_moved_paused_and_resumed_is_in_the_log_at_its_new_time(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", ["m"]), NOW)

    async def when() -> list[Instant]:
        return [message.sent_at for message in await store.logs(account.id, LogQuery(), NOW)]

    await store.change_bulk(account.id, "b", "PAUSED", NOW)
    assert await when() == [NOW]
    await store.move_bulk(account.id, "b", NOW + HOUR, NOW)
    assert await when() == [NOW + HOUR]
    await store.change_bulk(account.id, "b", "PENDING", NOW + 2 * HOUR)
    assert await when() == [NOW + 2 * HOUR]
    (call,) = await store.claim(1, NOW + 2 * HOUR)
    invited_at = NOW + 2 * HOUR + SECOND
    await store.postpone(call, CallResult(Cause.NO_ANSWER, invited_at, invited_at=invited_at), NOW + 3 * HOUR)
    await store.change_bulk(account.id, "b", "PAUSED", NOW + 2 * HOUR)
    await store.change_bulk(account.id, "b", "PENDING", NOW + 4 * HOUR)
    assert await when() == [invited_at]  # it was called: its first INVITE stays


async def test_cancelled_and_expired_ones_have_their_reports(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("cancelled", 2), NOW)
    await store.accept(account.id, a_bulk("expired", 1), NOW)
    await store.change_bulk(account.id, "cancelled", "CANCELED", NOW)
    assert len(await seen(store, account, NOW, group=1)) == 3
    await store.expire(NOW + 48 * HOUR, conclude)
    forms = shown(await store.logs(account.id, LogQuery(group=4), NOW + 48 * HOUR))
    assert [form["error"]["id"] for form in forms] == [4101, 4100, 4100]


async def test_48_hours_and_what_is_pending_for_longer(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", ["pending", "done"]), NOW)
    pending, done = await store.claim(2, NOW)
    assert (pending.message_id, done.message_id) == ("done", "pending")
    call, result, report = an_end(pending)
    await store.finish(call, result, report)
    over = report.sent_at + 48 * HOUR
    assert await seen(store, account, over) == ["done", "pending"]
    assert await seen(store, account, over + 1) == ["pending"]
    assert await seen(store, account, over + 1, message_ids=("done", "pending")) == ["pending"]


async def test_a_longer_retention_shows_more(place: Place) -> None:
    store = place.store(retention=100 * HOUR)
    await store.open()
    account = await an_account(store)
    await with_reports(store, account.id, "b", ["m"])
    assert await seen(store, account, NOW + 90 * HOUR) == ["m"]
    await store.close()


async def test_what_was_collected_and_is_forgotten_is_in_no_log(store: Store, account: Account) -> None:
    await with_reports(store, account.id, "b", ["m", "n"])
    assert await take(store, account.id, 1) == ["m"]
    assert await seen(store, account) == ["n", "m"]
    await store.prune(NOW + 49 * HOUR)
    assert await seen(store, account, NOW + HOUR) == ["n"]


async def test_what_is_pushed_is_in_the_log_before_and_after(store: Store, account: Account) -> None:
    message = VoiceMessage(text="t", notify=Notify("http://receiver/"))
    await store.accept(account.id, Bulk("b", Network.SANDBOX, ((message, (Destination("123", "m"),)),)), NOW)
    (call,) = await store.claim(1, NOW)
    await store.finish(*an_end(call))
    (push,) = await store.pushes_due(1, NOW + HOUR)
    for _ in range(2):
        (form,) = shown(await store.logs(account.id, LogQuery(group=3), NOW))
        assert form["status"]["name"] == "DELIVERED_TO_HANDSET"
        await store.pushed(push, NOW)


async def test_a_removed_account_s_messages_are_still_whole(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", 2), NOW)
    await store.remove_account(account.name, NOW)
    assert await seen(store, account, group=4) == ["b-00001", "b-00000"]


async def test_others_are_answered_while_the_log_is_asked(store: SqliteStore, account: Account) -> None:
    """A slow question holds its own thread alone."""
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_db: object) -> None:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(10)

    held = asyncio.ensure_future(store._log_reader.ask(slow))
    assert [row.account for row in await store.accounts()] == [account]
    assert await store.ledger(account.id) is not None
    release.set()
    await held


async def test_messages_of_before_the_logs_are_in_them(place: Place) -> None:
    """Migration 0004 works out what it adds."""
    store = place.store()
    await store.open()
    account = await an_account(store)
    known = await filled(store, account)
    await store.change_bulk(account.id, "b3", "PAUSED", NOW)
    before = place.sql(ROWS)
    await store.close()
    for index in ("message_log", "message_from", "message_to", "message_bulk"):
        place.sql(f"DROP INDEX {index}")
    place.sql("DROP TABLE shelf")
    for column in ("caller", "facet", "log_at", "shelf"):
        place.sql(f"ALTER TABLE message DROP COLUMN {column}")
    place.sql("CREATE INDEX message_bulk ON message (account, bulk_id)")
    place.sql(files("ringback.store").joinpath("migrations/0004.sql").read_text("utf-8"))
    paused = {message.message_id for message in known if message.bulk_id == "b3" and message.group == 1}
    assert [row for row in place.sql(ROWS) if row[0] not in paused] == [row for row in before if row[0] not in paused]
    assert {row[3] for row in place.sql(ROWS) if row[0] in paused} == {NOW}
    assert NEVER not in {row[3] for row in place.sql(ROWS)}


ROWS = "SELECT message_id, caller, facet, log_at FROM message ORDER BY message_id"
