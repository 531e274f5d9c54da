"""Claiming and finishing: each message is called at most once at a time and has exactly one report."""

import asyncio
from collections import Counter

import pytest

from ringback.model.account import Account
from ringback.model.call import CallResult, Cause
from ringback.model.exceptions import AlreadyFinished, NoSuchAccount
from ringback.model.message import AccountId
from ringback.store.store import Store
from tests.store.builders import NOW, a_bulk, an_account, an_end, finish_all, take, with_reports
from tests.store.places import Place


async def test_a_claim_is_written_down_as_an_attempt(store: Store, account: Account, place: Place) -> None:
    await store.accept(account.id, a_bulk("b", ["m"]), NOW)
    (call,) = await store.claim(5, NOW + 7)
    assert (call.attempt, call.placed_at) == (1, NOW + 7)
    assert place.sql("SELECT message_id, attempt, placed_at FROM attempt") == [("m", 1, NOW + 7)]
    assert place.ledger().calling == 1


async def test_a_claim_gives_never_more_than_its_limit_and_nothing_twice(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", 100), NOW)
    claims = await asyncio.gather(*(store.claim(7, NOW) for _ in range(20)))
    assert max(len(calls) for calls in claims) == 7
    claimed = [call.message_id for calls in claims for call in calls]
    assert sorted(claimed) == [f"b-{n:05}" for n in range(100)]
    assert await store.claim(7, NOW) == []


async def test_what_is_not_due_is_not_claimed(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("later", ["m"]), NOW + 1)
    assert await store.claim(5, NOW) == []
    assert [call.message_id for call in await store.claim(5, NOW + 1)] == ["m"]


async def test_what_was_due_first_is_claimed_first(store: Store, account: Account) -> None:
    for bulk, due in (("x", NOW + 3), ("y", NOW + 1), ("z", NOW + 2)):
        await store.accept(account.id, a_bulk(bulk, [f"m-{bulk}"]), due)
    assert [call.bulk_id for call in await store.claim(5, NOW + 9)] == ["y", "z", "x"]


async def test_accounts_take_turns(store: Store) -> None:
    large, small, third = [(await an_account(store)).id for _ in range(3)]
    await store.accept(large, a_bulk("b", 3_000), NOW)
    await store.accept(small, a_bulk("b", 2), NOW + 1)
    await store.accept(third, a_bulk("b", 2), NOW + 2)

    async def owners(limit: int) -> list[AccountId]:
        return [call.account.id for call in await store.claim(limit, NOW + 9)]

    assert sorted(await owners(3)) == [large, small, third]
    one_by_one = [owner for _ in range(3) for owner in await owners(1)]
    assert sorted(one_by_one) == [large, small, third]  # also when channels come free one at a time
    assert await owners(4) == [large] * 4


async def test_a_finished_message_has_its_report_on_the_tape(store: Store, account: Account, place: Place) -> None:
    arrived: list[AccountId] = []
    store.on_arrival = arrived.append
    await store.accept(account.id, a_bulk("b", ["m"]), NOW)
    (call,) = await store.claim(1, NOW)
    assert await take(store, account.id) == []
    await store.finish(*an_end(call))
    assert arrived == [account.id]
    assert await take(store, account.id) == ["m"]
    assert place.sql("SELECT count(*) FROM attempt WHERE result IS NOT NULL") == [(1,)]


async def test_there_is_no_second_report(store: Store, account: Account, place: Place) -> None:
    arrived: list[AccountId] = []
    store.on_arrival = arrived.append
    await store.accept(account.id, a_bulk("b", ["m"]), NOW)
    (call,) = await store.claim(1, NOW)
    ends = await asyncio.gather(*(store.finish(*an_end(call)) for _ in range(5)), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["AlreadyFinished"] * 4 + ["NoneType"]
    with pytest.raises(AlreadyFinished, match="'m'"):
        await store.finish(*an_end(call))
    assert len(arrived) == 1
    assert await take(store, account.id) == ["m"]
    with pytest.raises(AlreadyFinished):
        await store.finish(*an_end(call))
    assert (place.ledger().collected, place.ledger().waiting) == (1, 0)


async def test_what_was_never_claimed_cannot_be_finished(store: Store, account: Account, place: Place) -> None:
    await store.accept(account.id, a_bulk("b", ["m"]), NOW)
    (call,) = await store.claim(1, NOW)
    await store.accept(account.id, a_bulk("c", ["n"]), NOW)
    with pytest.raises(AlreadyFinished):
        await store.finish(*an_end(type(call)(**{**_facts(call), "message_id": "n"})))
    assert (place.ledger().pending, place.ledger().waiting) == (1, 0)


def _facts(call: object) -> dict[str, object]:
    return {name: getattr(call, name) for name in call.__struct_fields__}  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", ["calling", "pending", "gone"])
async def test_a_status_moves_back_for_nobody(store: Store, account: Account, place: Place, state: str) -> None:
    await store.accept(account.id, a_bulk("b", ["m"]), NOW)
    (call,) = await store.claim(1, NOW)
    await store.finish(*an_end(call))
    with pytest.raises(place.refusal):
        place.sql(f"UPDATE message SET state = '{state}'")
    assert place.sql("SELECT state FROM message") == [("done",)]


async def test_what_is_postponed_is_claimed_again_when_it_is_due(store: Store, account: Account, place: Place) -> None:
    await store.accept(account.id, a_bulk("b", ["m"]), NOW)
    (call,) = await store.claim(1, NOW)
    await store.postpone(call, CallResult(Cause.NOT_PLACED, ended_at=NOW), NOW + 10)
    assert await store.unfinished() == []
    assert await store.claim(1, NOW + 9) == []
    (again,) = await store.claim(1, NOW + 10)
    assert (again.message_id, again.attempt) == ("m", 2)
    assert place.sql("SELECT attempt, result IS NULL FROM attempt ORDER BY attempt") == [(1, 0), (2, 1)]
    await store.finish(*an_end(again))
    with pytest.raises(AlreadyFinished):
        await store.postpone(again, CallResult(Cause.NOT_PLACED, ended_at=NOW), NOW)


async def test_a_removed_account_sends_nothing_more_and_nobody_is_called_for_it(
    store: Store, account: Account, place: Place
) -> None:
    await store.accept(account.id, a_bulk("b", ["m"]), NOW)
    place.sql(f"UPDATE account SET removed_at = {NOW}")  # as when a removal is cut short by a crash
    with pytest.raises(NoSuchAccount):
        await store.accept(account.id, a_bulk("c", ["n"]), NOW)
    assert await store.claim(1, NOW) == []


async def test_a_second_report_of_a_message_fits_nowhere(store: Store, account: Account, place: Place) -> None:
    await with_reports(store, account.id, "b", ["m"])
    copy = "INSERT INTO report SELECT account, number + 1, 'another', message_id, json, beside FROM report"
    with pytest.raises(place.refusal):
        place.sql(copy)


async def test_a_fault_of_one_is_not_paid_by_the_others(store: Store, account: Account, place: Place) -> None:
    """A step that raises something unforeseen leaves nothing behind, and who shares its commit is served."""
    await store.accept(account.id, a_bulk("b", 3), NOW)
    first, second, third = (an_end(call) for call in await store.claim(3, NOW))
    unwritable = type(second[2])(**{**_facts(second[2]), "zone": "No/Where"})
    ends = await asyncio.gather(
        store.finish(*first), store.finish(*second[:2], unwritable), store.finish(*third), return_exceptions=True
    )
    assert [end is None for end in ends] == [True, False, True]
    assert (place.ledger().calling, place.ledger().waiting) == (1, 2)
    await store.finish(*second)
    assert sorted(await take(store, account.id)) == ["b-00000", "b-00001", "b-00002"]


async def test_what_another_ringback_left_ringing_is_unfinished(store: Store, account: Account, place: Place) -> None:
    await store.accept(account.id, a_bulk("b", 5), NOW)
    calls = await store.claim(3, NOW)
    await store.finish(*an_end(calls[0]))
    await store.close()
    next_one = place.store()
    await next_one.open()
    try:
        left = sorted(await next_one.unfinished(), key=lambda call: call.message_id)
        assert left == calls[1:]
        for call in left:
            await next_one.finish(*an_end(call))
        assert await next_one.unfinished() == []
        assert len(await finish_all(next_one)) == 2
    finally:
        await next_one.close()
        await store.open()  # for the fixture to close


async def test_a_recording_is_found_by_account_message_and_number(store: Store, account: Account) -> None:
    other = await an_account(store)
    await store.accept(account.id, a_bulk("b", ["m/1", "n"]), NOW)
    calls = {call.message_id: call for call in await store.claim(2, NOW)}
    recorded = calls["m/1"]
    assert await store.recording(account.id, "m/1", recorded.to) is None
    await store.finish(*an_end(recorded, recording="some.wav"))
    await store.finish(*an_end(calls["n"]))
    assert await store.recording(account.id, "m/1", recorded.to) == "some.wav"
    assert await store.recording(other.id, "m/1", recorded.to) is None
    assert await store.recording(account.id, "m/1", calls["n"].to) is None
    assert await store.recording(account.id, "n", calls["n"].to) is None
    await take(store, account.id)
    assert await store.recording(account.id, "m/1", recorded.to) == "some.wav"


async def test_accepted_is_what_there_is_at_every_moment(store: Store, account: Account, place: Place) -> None:
    """Accepted = pending + calling + waiting + collected, counted by another connection while all goes on."""
    other = await an_account(store)
    seen: Counter[str] = Counter()
    over = asyncio.Event()

    async def count() -> None:
        while not over.is_set():
            ledger = place.ledger()
            assert ledger.whole, ledger
            seen.update(kind for kind in ledger.__struct_fields__ if getattr(ledger, kind))
            for _ in range(5):
                await asyncio.sleep(0)

    async def live(owner: AccountId) -> None:
        for n in range(6):
            await store.accept(owner, a_bulk(f"b{n}", 60), NOW)
            for call in await store.claim(40, NOW):
                await store.finish(*an_end(call))
            await take(store, owner, 15)

    async with asyncio.TaskGroup() as group:
        counting = group.create_task(count())
        await asyncio.gather(live(account.id), live(other.id))
        over.set()
        await counting
    assert set(seen) == {"accepted", "pending", "calling", "waiting", "collected"}
    assert min(seen.values()) > 3
    assert place.ledger().accepted == 720
