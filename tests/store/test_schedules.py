"""What is not called at once: due later, in closed windows, above a sending speed, no longer valid."""

import asyncio
from datetime import UTC, datetime

import msgspec

from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.message import Bulk, Destination, Network, VoiceMessage
from ringback.model.report import DeliveryReport
from ringback.model.schedule import NEVER, DeliveryTimeWindow, SendingSpeed
from ringback.model.settle import report_of
from ringback.model.times import HOUR, MINUTE, SECOND, Instant, instant
from ringback.store.store import Store
from tests.store.builders import ANY, NOW, TERMS, a_bulk, an_account, an_end, take
from tests.store.places import Place

MORNING = instant(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))  # a Tuesday
OFFICE = DeliveryTimeWindow((1, 2), 9 * 60, 17 * 60)


def conclude(call: Call, result: CallResult) -> DeliveryReport:
    return report_of(call, result, TERMS)


def scheduled(bulk_id: str, count: int, due_at: Instant | None = None, **message: object) -> Bulk:
    """A request of one message to `count` numbers, all due then."""
    asked = VoiceMessage(text="hello", **message)  # type: ignore[arg-type]
    to = tuple(Destination(f"4179{n:07}", f"{bulk_id}-{n:03}", due_at) for n in range(count))
    return Bulk(bulk_id, Network.SANDBOX, ((asked, to),), due_at)


async def claimed(store: Store, now: Instant, limit: int = 100) -> list[str]:
    return [call.message_id for call in await store.claim(limit, now)]


async def ended(store: Store, now: Instant) -> int:
    """How many messages are ended without a call."""
    count = 0
    while slice_ := await store.expire(now, conclude):
        count += slice_
    return count


async def reports(store: Store, account: Account) -> dict[str, int]:
    """Takes all: the error of each message."""
    taken = await store.take(account.id, 1000, ANY, NOW)
    found = msgspec.json.decode(b"[" + taken.reports + b"]")
    return {report["messageId"]: report["error"]["id"] for report in found}


async def test_what_is_due_later_is_called_then_and_earlier_than_what_is_due_after_it(
    store: Store, account: Account
) -> None:
    await store.accept(account.id, scheduled("late", 1, NOW + 2 * HOUR), NOW)
    await store.accept(account.id, scheduled("early", 1, NOW + HOUR), NOW)
    assert await claimed(store, NOW + HOUR - 1) == []
    assert await claimed(store, NOW + HOUR) == ["early-000"]
    assert await claimed(store, NOW + 2 * HOUR) == ["late-000"]


async def test_what_comes_later_is_seen_although_nothing_was_due_before(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("late", 1, NOW + HOUR), NOW)
    assert await claimed(store, NOW) == []
    await store.accept(account.id, scheduled("now", 1), NOW)
    assert await claimed(store, NOW) == ["now-000"]


async def test_what_is_kept_is_called_although_whoever_sent_it_has_gone(store: Store, account: Account) -> None:
    assert await claimed(store, NOW) == []  # nothing is due: it need not look before something comes
    sending = asyncio.ensure_future(store.accept(account.id, scheduled("b", 2_000), NOW))
    for _ in range(4):
        await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending])
    assert len(await claimed(store, NOW)) == 100


async def test_a_closed_window_puts_off(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 3, window=OFFICE), MORNING)
    assert await claimed(store, MORNING + HOUR - 1) == []
    assert len(await claimed(store, MORNING + HOUR, 2)) == 2
    assert await claimed(store, MORNING + 9 * HOUR) == []  # it closed before the third had its turn
    assert len(await claimed(store, MORNING + 25 * HOUR)) == 1


async def test_thousands_that_are_put_off_hide_nobody(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("night", 2_000, window=OFFICE), MORNING)
    await store.accept(account.id, scheduled("now", 2), MORNING + 1)
    assert await claimed(store, MORNING + 1, 1) == ["now-000"]
    assert await claimed(store, MORNING + 1, 1) == ["now-001"]


async def test_a_window_in_the_time_of_the_destination(store: Store, place: Place) -> None:
    account = await an_account(store)
    place.sql("UPDATE account SET windows = 'destination' WHERE id = ?", account.id)
    zurich, unknown = Destination("41791234567", "zurich"), Destination("99900000101", "utc")
    bulk = Bulk("b", Network.SANDBOX, ((VoiceMessage(text="hi", window=OFFICE), (zurich, unknown)),))
    await store.accept(account.id, bulk, MORNING)
    assert await claimed(store, MORNING) == ["zurich"]
    assert await claimed(store, MORNING + HOUR) == ["utc"]


async def test_a_sending_speed_is_kept_whatever_comes_due(store: Store, account: Account) -> None:
    speed = SendingSpeed(10, "minute")
    await store.accept(account.id, scheduled("b", 30, sending_speed=speed), NOW)  # all at once, as after a long night
    placed: list[Instant] = []
    for now in range(NOW, NOW + 10 * MINUTE, SECOND // 2):
        placed += [now] * len(await claimed(store, now))
    assert len(placed) == 30
    for start in range(NOW, NOW + 10 * MINUTE, 10 * SECOND):
        within = [now for now in placed if start <= now < start + MINUTE]
        assert len(within) <= 11  # the first moment of the minute and the last
    assert placed[-1] - placed[0] <= 30 * 6 * SECOND + 2 * MINUTE  # no slower than asked, either


async def test_a_sending_speed_spares_what_has_none(store: Store, account: Account) -> None:
    slow = VoiceMessage(text="slow", sending_speed=SendingSpeed(1, "hour"))
    parts = (
        (slow, tuple(Destination("4179", f"slow-{n}") for n in range(5))),
        (VoiceMessage(text="fast"), tuple(Destination("4179", f"fast-{n}") for n in range(5))),
    )
    await store.accept(account.id, Bulk("b", Network.SANDBOX, parts), NOW)
    found = await claimed(store, NOW) + await claimed(store, NOW)
    assert sorted(id_[:4] for id_ in found) == ["fast"] * 5 + ["slow"]


async def test_a_second_attempt_waits_for_no_slot(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 2, sending_speed=SendingSpeed(1, "day")), NOW)
    (call,) = await store.claim(9, NOW)
    await store.postpone(call, CallResult(Cause.NO_ANSWER, NOW + 9, invited_at=NOW + 1), NOW + MINUTE)
    (again,) = await store.claim(9, NOW + MINUTE)
    assert (again.message_id, again.attempt, again.tries, again.sent_at) == (call.message_id, 2, 1, NOW + 1)


async def test_the_first_invite_stays_the_first(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1), NOW)
    for n in range(3):
        (call,) = await store.claim(1, NOW + n * MINUTE)
        assert (call.tries, call.sent_at) == (n, NOW if n else None)
        await store.postpone(call, CallResult(Cause.NO_ANSWER, call.placed_at, invited_at=call.placed_at), NOW + n)


async def test_a_call_that_was_not_placed_is_no_try(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1), NOW)
    (call,) = await store.claim(1, NOW)
    await store.postpone(call, CallResult(Cause.NOT_PLACED, NOW), NOW)
    (again,) = await store.claim(1, NOW)
    assert (again.attempt, again.tries) == (2, 0)


async def test_what_is_no_longer_valid_gets_its_report_and_no_call(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("short", 2, validity=1), NOW)
    await store.accept(account.id, scheduled("long", 1, validity=2), NOW)
    assert await ended(store, NOW + MINUTE - 1) == 0
    assert await ended(store, NOW + MINUTE) == 2
    assert await claimed(store, NOW + MINUTE) == ["long-000"]
    assert await reports(store, account) == {"short-000": 4101, "short-001": 4101}


async def test_the_validity_counts_from_the_scheduled_start(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1, NOW + HOUR, validity=1, send_at=NOW + HOUR), NOW)
    assert await ended(store, NOW + HOUR + MINUTE - 1) == 0
    assert await ended(store, NOW + HOUR + MINUTE) == 1


async def test_it_is_not_called_although_nobody_has_ended_it_yet(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1, validity=1), NOW)
    assert await claimed(store, NOW + MINUTE) == []


async def test_a_sending_speed_overrides_the_validity(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1, validity=1, sending_speed=SendingSpeed(1, "day")), NOW)
    assert await ended(store, NOW + 100 * 24 * HOUR) == 0
    assert await claimed(store, NOW + 100 * 24 * HOUR) == ["b-000"]


async def test_a_window_that_never_opens_any_more_is_the_end(store: Store, account: Account, place: Place) -> None:
    """It can't be accepted so; a zone's rules may change while it waits."""
    never = DeliveryTimeWindow((), 0, 0)
    await store.accept(account.id, scheduled("b", 1, window=never, sending_speed=SendingSpeed(1, "day")), NOW)
    assert await claimed(store, NOW) == []
    assert await ended(store, NOW) == 1
    assert place.ledger().whole


async def test_thousands_expire_in_slices(store: Store, account: Account, place: Place) -> None:
    other = await an_account(store)
    for owner in (account, other):
        await store.accept(owner.id, scheduled(f"b{owner.id}", 700, validity=1), NOW)
    assert await store.expire(NOW + MINUTE, conclude) < 700
    assert await ended(store, NOW + MINUTE) > 700
    ledger = place.ledger()
    assert (ledger.whole, ledger.pending, ledger.waiting) == (True, 0, 1_400)
    assert len(await take(store, other.id, 1000)) == 700


async def test_channels_of_an_account(store: Store, place: Place) -> None:
    narrow, wide = await an_account(store), await an_account(store)
    place.sql("""UPDATE account SET limits = '{"channels":2}' WHERE id = ?""", narrow.id)
    for owner in (narrow, wide):
        await store.accept(owner.id, a_bulk(f"b{owner.id}", 5), NOW)
    calls = await store.claim(20, NOW)
    assert sum(call.account.id == narrow.id for call in calls) == 2
    assert sum(call.account.id == wide.id for call in calls) == 5
    assert await store.claim(20, NOW) == []
    first = next(call for call in calls if call.account.id == narrow.id)
    await store.finish(*an_end(first))
    assert [call.account.id for call in await store.claim(20, NOW)] == [narrow.id]


async def test_claims_at_once_keep_channels_and_speed(store: Store, place: Place) -> None:
    account = await an_account(store)
    place.sql("""UPDATE account SET limits = '{"channels":3}' WHERE id = ?""", account.id)
    await store.accept(account.id, a_bulk("b", 50), NOW)
    other = await an_account(store)
    await store.accept(other.id, scheduled("paced", 50, sending_speed=SendingSpeed(1, "hour")), NOW)
    calls = [call for found in await asyncio.gather(*(store.claim(9, NOW) for _ in range(20))) for call in found]
    assert sum(call.account.id == account.id for call in calls) == 3
    assert sum(call.account.id == other.id for call in calls) == 1


async def test_never_is_kept_as_it_is(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1, NEVER, sending_speed=SendingSpeed(1, "day")), NOW)
    assert await claimed(store, NEVER - 1) == []
