"""Bulks: seen, moved, paused, resumed, cancelled."""

import asyncio

import msgspec
import pytest

from ringback.model.account import Account
from ringback.model.call import CallResult, Cause
from ringback.model.exceptions import NoSuchBulk, NothingToCall, WindowNeverOpens
from ringback.model.message import Bulk, Destination, Network, VoiceMessage
from ringback.model.schedule import Retry, SendingSpeed
from ringback.model.times import DAY, HOUR, MINUTE, Instant
from ringback.store.store import BulkState, BulkStatus, Store
from tests.store.builders import NOW, an_account, an_end
from tests.store.places import Place
from tests.store.test_schedules import MORNING, OFFICE, claimed, ended, reports, scheduled


async def status(store: Store, account: Account, bulk_id: str = "b") -> str:
    found = await store.bulk(account.id, bulk_id)
    assert found
    return found.status


async def test_a_bulk_s_life(store: Store, account: Account) -> None:
    assert await store.bulk(account.id, "b") is None
    await store.accept(account.id, scheduled("b", 2), NOW)
    assert await store.bulk(account.id, "b") == BulkState("b", NOW, "PENDING")
    first, second = await store.claim(9, NOW)
    assert await status(store, account) == "PROCESSING"
    await store.postpone(first, CallResult(Cause.NO_ANSWER, NOW), NOW + HOUR)
    assert await status(store, account) == "PENDING"
    await store.finish(*an_end(second))
    (first,) = await store.claim(9, NOW + HOUR)
    await store.finish(*an_end(first))
    assert await status(store, account) == "FINISHED"


async def test_it_shows_when_it_is_sent(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 2, NOW + HOUR), NOW)
    assert await store.bulk(account.id, "b") == BulkState("b", NOW + HOUR, "PENDING")


async def test_another_account_s_bulk_does_not_exist(store: Store, account: Account) -> None:
    other = await an_account(store)
    await store.accept(account.id, scheduled("b", 1, NOW + HOUR), NOW)
    assert await store.bulk(other.id, "b") is None
    for act in (store.move_bulk(other.id, "b", NOW, NOW), store.change_bulk(other.id, "b", "PAUSED", NOW)):
        with pytest.raises(NoSuchBulk):
            await act
    assert await store.bulk(account.id, "b") == BulkState("b", NOW + HOUR, "PENDING")


async def test_moved(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 3, validity=30), NOW)
    assert await store.move_bulk(account.id, "b", NOW + HOUR, NOW) == BulkState("b", NOW + HOUR, "PENDING")
    assert await claimed(store, NOW + HOUR - 1) == []
    assert await ended(store, NOW + HOUR) == 0  # its validity counts from then
    assert len(await claimed(store, NOW + HOUR, 1)) == 1
    await store.move_bulk(account.id, "b", NOW + 90 * MINUTE, NOW + HOUR)
    assert await claimed(store, NOW + HOUR + MINUTE) == []
    assert len(await claimed(store, NOW + 90 * MINUTE)) == 2


async def test_moved_into_the_past_is_now(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1, NOW + HOUR, validity=1), NOW)
    await store.move_bulk(account.id, "b", NOW - HOUR, NOW)
    assert await claimed(store, NOW) == ["b-000"]


async def test_what_waits_for_another_attempt_is_not_moved(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 2), NOW)
    (called,) = await store.claim(1, NOW)
    await store.postpone(called, CallResult(Cause.NO_ANSWER, NOW, invited_at=NOW), NOW + MINUTE)
    await store.move_bulk(account.id, "b", NOW + HOUR, NOW)
    assert await claimed(store, NOW + MINUTE) == [called.message_id]
    assert await claimed(store, NOW + HOUR) == ["b-001"]


async def test_moved_at_its_sending_speed_and_into_its_window(store: Store, account: Account) -> None:
    paced = scheduled("b", 4, sending_speed=SendingSpeed(1, "hour"), window=OFFICE)
    await store.accept(account.id, paced, MORNING)
    await store.move_bulk(account.id, "b", MORNING + 7 * HOUR, MORNING)
    found = [(hour, len(await claimed(store, MORNING + hour * HOUR))) for hour in range(40)]
    assert [(hour, count) for hour, count in found if count] == [(7, 1), (8, 1), (25, 1), (26, 1)]


async def test_a_move_after_which_nobody_could_be_called_is_refused_whole(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1, window=OFFICE, validity=60), MORNING + HOUR)
    with pytest.raises(WindowNeverOpens):
        await store.move_bulk(account.id, "b", MORNING + 10 * HOUR, MORNING)
    assert await claimed(store, MORNING + HOUR) == ["b-000"]


async def test_paused_and_resumed(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 3), NOW)
    (called,) = await store.claim(1, NOW)
    assert (await store.change_bulk(account.id, "b", "PAUSED", NOW)).status == "PAUSED"
    await store.postpone(called, CallResult(Cause.NO_ANSWER, NOW, invited_at=NOW), NOW + MINUTE)
    assert await claimed(store, NOW + HOUR) == []  # what was called once waits, too
    assert await status(store, account) == "PAUSED"
    assert (await store.change_bulk(account.id, "b", "PENDING", NOW + HOUR)).status == "PENDING"
    assert len(await claimed(store, NOW + HOUR)) == 3


async def test_a_scheduled_one_resumed_is_sent_when_it_was_to_be(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1, NOW + HOUR), NOW)
    await store.change_bulk(account.id, "b", "PAUSED", NOW)
    await store.change_bulk(account.id, "b", "PENDING", NOW)
    assert await claimed(store, NOW + HOUR - 1) == []
    assert await claimed(store, NOW + HOUR) == ["b-000"]


def at_two_times() -> Bulk:
    """A request of two messages, each with a time of its own."""
    parts = [scheduled(name, 1, NOW + delay).messages[0] for name, delay in (("soon", HOUR), ("late", DAY))]
    return Bulk("b", Network.SANDBOX, tuple(parts), NOW + HOUR)


async def test_messages_with_times_of_their_own_keep_them_when_resumed(store: Store, account: Account) -> None:
    await store.accept(account.id, at_two_times(), NOW)
    await store.change_bulk(account.id, "b", "PAUSED", NOW)
    await store.change_bulk(account.id, "b", "PENDING", NOW)
    assert await claimed(store, NOW + HOUR) == ["soon-000"]
    assert await claimed(store, NOW + DAY - 1) == []
    assert await claimed(store, NOW + DAY) == ["late-000"]


async def test_moved_messages_with_times_of_their_own_go_together_also_when_resumed(
    store: Store, account: Account
) -> None:
    await store.accept(account.id, at_two_times(), NOW)
    await store.change_bulk(account.id, "b", "PAUSED", NOW)
    await store.move_bulk(account.id, "b", NOW + 2 * HOUR, NOW)
    await store.change_bulk(account.id, "b", "PENDING", NOW)
    assert await claimed(store, NOW + 2 * HOUR - 1) == []
    assert len(await claimed(store, NOW + 2 * HOUR)) == 2


async def test_resuming_calls_nobody_again_before_the_retry_is_due(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1, retry=Retry(30, 60, 2)), NOW)
    (call,) = await store.claim(1, NOW)
    busy = CallResult(Cause.REFUSED, NOW + MINUTE, invited_at=NOW, sip_status=486)
    await store.postpone(call, busy, NOW + 31 * MINUTE)
    await store.change_bulk(account.id, "b", "PAUSED", NOW + MINUTE)
    await store.change_bulk(account.id, "b", "PENDING", NOW + MINUTE)
    assert await claimed(store, NOW + 31 * MINUTE - 1) == []
    assert await claimed(store, NOW + 31 * MINUTE) == ["b-000"]


async def test_a_paced_bulk_goes_on_in_its_order_when_resumed(store: Store, account: Account) -> None:
    await store.accept(account.id, in_slots("b", 4, MINUTE), NOW)
    assert await claimed(store, NOW) == ["b-003"]
    await store.change_bulk(account.id, "b", "PAUSED", NOW + 1)
    await store.change_bulk(account.id, "b", "PENDING", NOW + 10 * MINUTE)
    found = [await claimed(store, NOW + n * MINUTE) for n in (10, 11, 12)]
    assert found == [["b-002"], ["b-001"], ["b-000"]]


def in_slots(bulk_id: str, count: int, apart: Instant) -> Bulk:
    """A paced request as the API makes it: each message has its slot. The last id comes first."""
    asked = VoiceMessage(text="hello", sending_speed=SendingSpeed(1, "minute"))
    names = [f"{bulk_id}-{n:03}" for n in reversed(range(count))]
    to = tuple(Destination("41791", name, NOW + n * apart) for n, name in enumerate(names))
    return Bulk(bulk_id, Network.SANDBOX, ((asked, to),))


async def test_what_can_never_be_called_when_resumed_ends(store: Store, account: Account) -> None:
    paced = scheduled("b", 1, window=OFFICE, sending_speed=SendingSpeed(1, "second"))
    to = Destination("18005551234", "b-000")  # its zones have no office hour in common
    await store.accept(account.id, msgspec.structs.replace(paced, messages=((paced.messages[0][0], (to,)),)), NOW)
    await store.change_bulk(account.id, "b", "PAUSED", NOW)
    await store.change_account(account.name, windows="destination")
    await store.change_bulk(account.id, "b", "PENDING", NOW)
    assert await ended(store, NOW) == 1
    assert await reports(store, account) == {"b-000": 4101}


async def test_a_call_to_be_made_again_is_cancelled_when_its_account_was_removed(
    store: Store, account: Account, place: Place
) -> None:
    await store.accept(account.id, scheduled("b", 1), NOW)
    (call,) = await store.claim(1, NOW)
    await store.remove_account(account.name, NOW)
    await store.postpone(call, CallResult(Cause.NO_ANSWER, NOW, invited_at=NOW), NOW + MINUTE)
    assert await ended(store, NOW) == 1
    assert place.ledger().waiting == 1


async def test_paused_then_moved_stays_paused(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1), NOW)
    await store.change_bulk(account.id, "b", "PAUSED", NOW)
    assert await store.move_bulk(account.id, "b", NOW + HOUR, NOW) == BulkState("b", NOW + HOUR, "PAUSED")
    assert await claimed(store, NOW + HOUR) == []
    await store.change_bulk(account.id, "b", "PENDING", NOW)
    assert await claimed(store, NOW + HOUR) == ["b-000"]


async def test_what_is_paused_too_long_expires(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 1, validity=60), NOW)
    await store.change_bulk(account.id, "b", "PAUSED", NOW)
    assert await ended(store, NOW + HOUR) == 1
    assert await reports(store, account) == {"b-000": 4101}
    assert await status(store, account) == "FINISHED"


async def test_cancelled(store: Store, account: Account, place: Place) -> None:
    await store.accept(account.id, scheduled("b", 5), NOW)
    await store.accept(account.id, scheduled("other", 1), NOW)
    finished, live = await store.claim(2, NOW)
    await store.finish(*an_end(finished))
    assert (await store.change_bulk(account.id, "b", "CANCELED", NOW)).status == "CANCELED"
    assert await claimed(store, NOW) == ["other-000"]
    await store.postpone(live, CallResult(Cause.NO_ANSWER, NOW, invited_at=NOW), NOW + MINUTE)
    assert await ended(store, NOW) == 4  # the one that was to be called again, too
    assert place.ledger().whole
    found = await reports(store, account)
    assert found.pop(finished.message_id) == 5000
    assert set(found.values()) == {4100}
    assert await status(store, account) == "CANCELED"


async def test_cancelled_ones_end_after_a_restart_too(place: Place) -> None:
    store = place.store()
    await store.open()
    account = await an_account(store)
    await store.accept(account.id, scheduled("b", 3, NOW + HOUR), NOW)
    await store.change_bulk(account.id, "b", "CANCELED", NOW)
    await store.close()
    await store.open()
    assert await ended(store, NOW - HOUR) == 3  # and even when the clock stepped back
    await store.close()


MOVES: list[tuple[BulkStatus, BulkStatus, bool]] = [
    ("PENDING", "PAUSED", True),
    ("PENDING", "CANCELED", True),
    ("PENDING", "PENDING", False),
    ("PAUSED", "PENDING", True),
    ("PAUSED", "CANCELED", True),
    ("PAUSED", "PAUSED", False),
    *(("PROCESSING", to, False) for to in ("PENDING", "PAUSED", "CANCELED")),
    *(("FINISHED", to, False) for to in ("PENDING", "PAUSED", "CANCELED")),
    *(("CANCELED", to, False) for to in ("PENDING", "PAUSED", "CANCELED")),
    *(("PENDING", to, False) for to in ("PROCESSING", "FINISHED", "FAILED")),
]


@pytest.mark.parametrize(("at", "to", "allowed"), MOVES)
async def test_which_status_may_follow_which(
    store: Store, account: Account, at: BulkStatus, to: BulkStatus, allowed: bool
) -> None:
    await store.accept(account.id, scheduled("b", 1), NOW)
    if at in ("PROCESSING", "FINISHED"):
        (call,) = await store.claim(1, NOW)
        if at == "FINISHED":
            await store.finish(*an_end(call))
    elif at != "PENDING":
        await store.change_bulk(account.id, "b", at, NOW)
    assert await status(store, account) == at
    if allowed:
        assert (await store.change_bulk(account.id, "b", to, NOW)).status == to
        assert await status(store, account) == to
    else:
        with pytest.raises(NothingToCall, match=at):
            await store.change_bulk(account.id, "b", to, NOW)
        assert await status(store, account) == at


@pytest.mark.parametrize("at", ["PROCESSING", "FINISHED", "CANCELED"])
async def test_what_can_t_be_moved(store: Store, account: Account, at: str) -> None:
    await store.accept(account.id, scheduled("b", 1), NOW)
    if at == "CANCELED":
        await store.change_bulk(account.id, "b", "CANCELED", NOW)
    else:
        (call,) = await store.claim(1, NOW)
        if at == "FINISHED":
            await store.finish(*an_end(call))
    with pytest.raises(NothingToCall, match=at):
        await store.move_bulk(account.id, "b", NOW + HOUR, NOW)


async def test_claims_and_a_cancellation_at_once_call_or_cancel_each(
    store: Store, account: Account, place: Place
) -> None:
    await store.accept(account.id, scheduled("b", 2_000), NOW)
    claims = [store.claim(7, NOW) for _ in range(40)]
    found = await asyncio.gather(*claims[:20], store.change_bulk(account.id, "b", "CANCELED", NOW), *claims[20:])
    calls = sum(len(calls) for calls in found if isinstance(calls, list))
    assert 0 < calls < 280
    assert await ended(store, NOW) == 2_000 - calls
    assert place.ledger().calling == calls


async def test_twenty_thousand_are_paused_moved_and_cancelled_whole(store: Store, account: Account) -> None:
    await store.accept(account.id, scheduled("b", 20_000, NOW + HOUR), NOW)
    await store.change_bulk(account.id, "b", "PAUSED", NOW)
    assert await claimed(store, NOW + HOUR, 1) == []
    await store.move_bulk(account.id, "b", NOW + 2 * HOUR, NOW)
    await store.change_bulk(account.id, "b", "PENDING", NOW)
    assert await claimed(store, NOW + HOUR, 1) == []
    assert len(await claimed(store, NOW + 2 * HOUR, 1)) == 1
    await store.change_bulk(account.id, "b", "CANCELED", NOW)
    assert await ended(store, NOW) == 19_999
