"""Accounts take turns at the trunk, each within its own channels and its own queue (issue 3, item 11)."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from ringback.calls.scripted import ScriptedEngine
from ringback.loops.dispatcher import Dispatcher
from ringback.model.account import Account, Limits
from ringback.model.exceptions import TooManyWaiting
from ringback.store.sqlite import SqliteStore
from tests.eventually import eventually_async
from tests.store.builders import NOW, TERMS, a_bulk, an_account, an_end, finish_all

BACKLOG = 20_000


async def limited(store: SqliteStore, name: str = "limited", **limits: int) -> Account:
    return await store.add_account(name, "p", name.encode(), "UTC", limits=Limits(**limits))


class Trunk:
    """A dispatcher with channels that are always busy, and who was called, in order."""

    def __init__(self, store: SqliteStore, channels: int) -> None:
        self.engine = ScriptedEngine(channels, clock=lambda: NOW, hold=True)
        self.dispatcher = Dispatcher(store, self.engine, lambda: TERMS, lambda: NOW)

    async def calls(self, count: int) -> list[int]:
        """The accounts of the next `count` calls; one ends for each that begins."""
        start = len(self.engine.placed)
        while len(self.engine.placed) < start + count:
            assert await self.dispatcher.run_once() or self.engine.live
            if self.engine.free_channels() == 0:
                self.engine.release(self.engine.live[0])
                await eventually_async(self.engine.free_channels, 10, "a channel is free")
        return [call.account.id for call in self.engine.placed[start : start + count]]

    async def stop(self) -> None:
        await self.engine.stop(0)
        await self.dispatcher.idle()


@pytest.mark.parametrize("channels", [1, 4])
async def test_a_backlog_of_one_delays_another_by_a_few_calls_at_most(store: SqliteStore, channels: int) -> None:
    many = await an_account(store)
    others = [await an_account(store) for _ in range(4)]
    await store.accept(many.id, a_bulk("many", BACKLOG), NOW)
    trunk = Trunk(store, channels)
    assert set(await trunk.calls(20)) == {many.id}
    for n, other in enumerate(others):  # each comes with one message, one after another
        await store.accept(other.id, a_bulk(f"one-{n}", 1), NOW)
        assert other.id in await trunk.calls(channels + 2)
    for n, other in enumerate(others):  # all come at once
        await store.accept(other.id, a_bulk(f"ten-{n}", 10), NOW)
    called = Counter(await trunk.calls(50))
    assert all(9 <= called[account.id] <= 11 for account in (many, *others)), called
    await trunk.stop()


async def test_a_backlog_that_keeps_to_its_channels_leaves_the_others_free(store: SqliteStore) -> None:
    many, few = await limited(store, channels=2), await an_account(store)
    await store.accept(many.id, a_bulk("many", 200), NOW)
    trunk = Trunk(store, 5)
    while await trunk.dispatcher.run_once():
        pass
    assert [call.account.id for call in trunk.engine.live] == [many.id] * 2
    await store.accept(few.id, a_bulk("few", 9), NOW)
    while await trunk.dispatcher.run_once():
        pass
    assert Counter(call.account.id for call in trunk.engine.live) == {many.id: 2, few.id: 3}
    trunk.engine.release(next(call for call in trunk.engine.live if call.account == many))
    for _ in range(10):
        await trunk.dispatcher.run_once()
        live = Counter(call.account.id for call in trunk.engine.live)
        assert live[many.id] <= 2
        assert sum(live.values()) <= 5
    await trunk.stop()


async def test_all_its_messages_are_called_within_its_channels(store: SqliteStore) -> None:
    account = await limited(store, channels=3)
    await store.accept(account.id, a_bulk("b", 40), NOW)
    done = 0
    while calls := await store.claim(10, NOW):
        assert len(calls) <= 3
        assert await store.claim(10, NOW) == []
        for call in calls:
            await store.finish(*an_end(call))
        done += len(calls)
    assert done == 40


async def test_channels_are_counted_again_after_a_restart(store: SqliteStore, tmp_path: Path) -> None:
    account = await limited(store, channels=2)
    await store.accept(account.id, a_bulk("b", 5), NOW)
    assert len(await store.claim(1, NOW)) == 1
    await store.close()
    await store.open()
    assert len(await store.claim(9, NOW)) == 1


async def test_waiting_up_to_the_limit_and_not_one_more(store: SqliteStore) -> None:
    account, other = await limited(store, waiting=10), await an_account(store)
    with pytest.raises(TooManyWaiting, match="at most 10"):
        await store.accept(account.id, a_bulk("a", 11), NOW)
    await store.accept(account.id, a_bulk("b", 10), NOW)
    with pytest.raises(TooManyWaiting):
        await store.accept(account.id, a_bulk("c", 1), NOW)
    await store.accept(other.id, a_bulk("d", 100), NOW)  # nobody else notices
    (call,) = [call for call in await store.claim(2, NOW) if call.account == account]
    await store.accept(account.id, a_bulk("c", 1), NOW)  # what rings does not wait
    with pytest.raises(TooManyWaiting):
        await store.accept(account.id, a_bulk("e", 1), NOW)
    await store.postpone(*an_end(call)[:2], NOW)  # what is tried again waits, though it is one too many
    await store.change_account(account.name, limits={"waiting": None})
    await store.accept(account.id, a_bulk("e", 1_000), NOW)
    assert len(await finish_all(store)) == 10 + 1 + 1_000 + 99


async def test_requests_at_once_together_keep_to_the_limit(store: SqliteStore) -> None:
    account = await limited(store, waiting=100)
    asked = [store.accept(account.id, a_bulk(f"b{n}", 30), NOW) for n in range(10)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert Counter(type(answer) for answer in answers) == {set: 3, TooManyWaiting: 7}
    assert len(await finish_all(store)) == 90
