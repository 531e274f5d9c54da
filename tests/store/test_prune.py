"""Pruning: what was collected is forgotten when its time is over; what waits never is."""

from ringback.model.account import Account
from ringback.model.times import DAY, HOUR
from ringback.store.store import Pruned, Store
from tests.store.builders import ANY, NOW, a_bulk, a_key, an_end, finish_all, take, with_reports
from tests.store.places import Ledger, Place
from tests.store.pulse import Pulse

RETENTION = 48 * HOUR
MOST = 300 + 1_000  # reports that one slice forgets: its own measure and the largest take
OVER = NOW + RETENTION + 1


async def prune_all(store: Store, now: int) -> Pruned:
    pruned = Pruned()
    while (slice_ := await store.prune(now)).reports:
        assert slice_.reports <= MOST
        pruned += slice_
    return pruned


async def test_what_waits_is_never_forgotten(store: Store, account: Account) -> None:
    ids = await with_reports(store, account.id, "b", 5)
    await store.accept(account.id, a_bulk("c", ["pending", "calling"]), NOW)
    (call,) = await store.claim(1, NOW)
    assert await store.prune(NOW + 1000 * DAY) == Pruned()
    assert await take(store, account.id) == ids
    await store.finish(*an_end(call))
    assert len(await finish_all(store)) == 1


async def test_what_was_collected_is_kept_for_the_retention(store: Store, account: Account, place: Place) -> None:
    ids = await with_reports(store, account.id, "b", 10)
    assert await take(store, account.id, 3) == ids[:3]
    assert await take(store, account.id, message=ids[7], now=NOW + HOUR) == ids[7:8]
    assert (await store.prune(NOW + RETENTION)).reports == 0
    assert place.ledger() == Ledger(10, 0, 0, 6, 4)
    assert (await store.prune(OVER)).reports == 3
    assert place.ledger() == Ledger(7, 0, 0, 6, 1)
    assert (await store.prune(OVER + HOUR)).reports == 1
    assert await take(store, account.id, 4, bulk="b") == ids[3:7]
    assert await take(store, account.id, 4) == ids[8:]


async def test_the_clock_may_step_back_between_takes(store: Store, account: Account) -> None:
    await with_reports(store, account.id, "b", 4)
    for now in (NOW + 5 * DAY, NOW, NOW + DAY):
        await take(store, account.id, 1, now=now)
    assert (await prune_all(store, OVER)).reports == 1
    assert (await prune_all(store, OVER + DAY)).reports == 1
    assert (await prune_all(store, OVER + 5 * DAY)).reports == 1


async def test_the_retention_is_a_setting(place: Place) -> None:
    store = place.store(retention=HOUR)
    await store.open()
    account = await store.add_account("a", "", b"", "UTC")
    await with_reports(store, account.id, "b", 2)
    taken = await store.take(account.id, 2, ANY, NOW, a_key("k"))
    assert (await store.prune(NOW + HOUR)).reports == 0
    assert (await store.prune(NOW + HOUR + 1)).reports == 2
    again = await store.take(account.id, 2, ANY, NOW + 48 * HOUR, a_key("k"))
    assert (again.answer, again.replayed) == (taken.answer, True)  # answers are kept for 48 h all the same
    await store.prune(NOW + 48 * HOUR)
    assert (await store.take(account.id, 2, ANY, NOW, a_key("k"))).replayed
    await store.prune(NOW + 48 * HOUR + 1)
    assert not (await store.take(account.id, 2, ANY, NOW, a_key("k"))).replayed
    await store.close()


async def test_recordings_are_named_when_nothing_names_them_any_more(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", 4), NOW)
    for n, call in enumerate(await store.claim(4, NOW)):
        await store.finish(*an_end(call, recording=f"{n}.wav" if n != 1 else None))
    await take(store, account.id, 3)
    pruned = await store.prune(OVER)
    assert pruned == Pruned(3, ["0.wav", "2.wav"])
    assert await store.prune(OVER) == Pruned()
    assert await take(store, account.id) == ["b-00003"]
    assert (await store.prune(OVER)).recordings == ["3.wav"]


async def test_nothing_is_left_of_what_was_forgotten(store: Store, account: Account, place: Place) -> None:
    for n in range(30):
        await with_reports(store, account.id, f"b{n}", 20)
        await take(store, account.id, 7)
    while await take(store, account.id, 100):
        pass
    assert (await prune_all(store, OVER)).reports == 600
    for table in ("message", "report", "attempt", "voice_message", "bulk", "take"):
        assert place.sql(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert place.sql("SELECT first, last FROM taken") == [(1, 600)]
    assert place.sql("SELECT count(*) FROM used_message_id") == [(600,)]
    await with_reports(store, account.id, "b0", ["new"])  # the bulk id is free again
    assert await take(store, account.id, bulk="b0") == ["new"]


async def test_forgetting_does_not_hold_the_loop(store: Store, account: Account, place: Place) -> None:
    """A long absence: all of it is old at once, answers and message ids too."""
    await with_reports(store, account.id, "b", 12_000)
    for n in range(12):
        await store.take(account.id, 1000, ANY, NOW, a_key(f"k{n}"))
    async with Pulse() as pulse:
        assert (await prune_all(store, OVER)).reports == 12_000
        while place.sql("SELECT count(*) FROM used_message_id") != [(0,)]:
            await store.prune(NOW + 31 * DAY)
    pulse.check()
