"""A short history of a store on a disk, and what must be true of it after a power cut at any moment."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from ringback.model.call import Call
from ringback.model.times import HOUR
from ringback.store.sqlite import SqliteStore
from ringback.store.store import Answer, Filter
from tests.store.builders import ANY, NOW, a_bulk, a_key, an_end, ids_in, ids_of, take
from tests.store.places import SqlitePlace

OLD = NOW - 49 * HOUR  # taken then, forgotten now


class Acknowledged(msgspec.Struct):
    """What the store has said, and what it was asked and has not answered (`...ing`): both are known to the outside."""

    account: int = 0
    accepted: set[str] = set()
    accepting: set[str] = set()
    claimed: set[str] = set()
    claiming: bool = False
    finished: set[str] = set()
    finishing: set[str] = set()
    taken: set[str] = set()
    taking: bool = False
    answers: dict[str, Answer] = {}
    pruned: set[str] = set()
    pruning: set[str] = set()


class History:
    """Runs the history on a store; `said` is right at every moment of it."""

    def __init__(self) -> None:
        self.said = Acknowledged()

    def copy(self) -> Acknowledged:
        return msgspec.json.decode(msgspec.json.encode(self.said), type=Acknowledged)

    async def run(self, place: SqlitePlace, wrote: Callable[[SqliteStore], None] = lambda store: None) -> None:
        for life in range(2):
            store = place.store()
            await store.open()
            wrote(store)
            try:
                if life == 0:
                    await self._begin(store)
                await self._live(store, f"life{life}")
            finally:
                await store.close()

    async def _begin(self, store: SqliteStore) -> None:
        self.said.account = (await store.add_account("a", "p", b"k", "UTC")).id
        await self._accept(store, "early", 4)
        for call in await self._claim(store, 4):
            await self._finish(store, call)
        await self._take(store, 2, now=OLD)

    async def _live(self, store: SqliteStore, bulk: str) -> None:
        await self._accept(store, bulk, 9)
        calls = await self._claim(store, 7)
        for call in calls[:5]:
            await self._finish(store, call)
        await self._take(store, 1, message=calls[4].message_id)
        await self._take(store, 2, bulk=calls[3].bulk_id, key=f"b-{bulk}")
        await self._take(store, 2)
        await self._take(store, 1, key=f"k-{bulk}")
        await self._prune(store)

    async def _accept(self, store: SqliteStore, bulk: str, n: int) -> None:
        request = a_bulk(bulk, n, parts=2)
        self.said.accepting = {to.message_id for _, tos in request.messages for to in tos}
        assert await store.accept(self.said.account, request, NOW) == set()
        self.said.accepted |= self.said.accepting
        self.said.accepting = set()

    async def _claim(self, store: SqliteStore, n: int) -> list[Call]:
        self.said.claiming = True
        calls = await store.claim(n, NOW)
        self.said.claimed |= {call.message_id for call in calls}
        self.said.claiming = False
        return calls

    async def _finish(self, store: SqliteStore, call: Call) -> None:
        self.said.finishing = {call.message_id}
        await store.finish(*an_end(call))
        self.said.finished |= self.said.finishing
        self.said.finishing = set()

    async def _take(
        self,
        store: SqliteStore,
        n: int,
        *,
        key: str = "",
        now: int = NOW,
        bulk: str | None = None,
        message: str | None = None,
    ) -> None:
        self.said.taking = True
        given = await store.take(self.said.account, n, Filter(bulk, message), now, a_key(key) if key else None)
        assert given.reports
        self.said.taken |= set(ids_of(given.reports))
        if now == OLD:
            self.said.pruning |= set(ids_of(given.reports))
        if given.answer:
            self.said.answers[key] = given.answer
        self.said.taking = False

    async def _prune(self, store: SqliteStore) -> None:
        if (await store.prune(NOW)).reports:
            self.said.pruned |= self.said.pruning


async def check(folder: Path, said: Acknowledged) -> None:
    """Opens what survived a power cut, and holds it against what had been said."""
    place = SqlitePlace(folder)
    store = place.store()
    await store.open()
    try:
        assert place.sql("PRAGMA integrity_check") == [("ok",)]
        if said.account:
            await _hold(place, store, said)
    finally:
        await store.close()


async def _hold(place: SqlitePlace, store: SqliteStore, said: Acknowledged) -> None:
    assert place.ledger().whole
    there = {row[0] for row in place.sql("SELECT message_id FROM message")}
    maybe_gone = said.pruned | said.pruning
    assert said.accepted - maybe_gone <= there <= said.accepted | said.accepting
    assert there & said.accepting in (set(), said.accepting), "a request was kept in part"
    assert not there & said.pruned, "what was forgotten came back"
    ringing = {call.message_id for call in await store.unfinished()}
    assert said.claimed - said.finished - said.finishing <= ringing
    for key, answer in said.answers.items():
        again = await store.take(said.account, 9, ANY, NOW, a_key(key))
        assert (again.replayed, again.answer) == (True, answer)
    for call in await store.unfinished():
        await store.finish(*an_end(call))
    while calls := await store.claim(9, NOW):
        assert not {call.message_id for call in calls} & said.claimed, "called twice"
        for call in calls:
            await store.finish(*an_end(call))
    collected = await take(store, said.account)
    assert not set(collected) & said.taken, "handed out twice"
    assert len(set(collected)) == len(collected)
    lost = there - said.taken - set(collected)
    assert not lost or (said.taking and len(lost) <= 2), f"lost: {lost}"  # an answer under way was lost with the power
    for answer in said.answers.values():
        assert set(ids_in(answer)) <= said.taken
