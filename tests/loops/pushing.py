"""What the notifier's tests work with: a store, a clock that stands still, and reports that are to be pushed."""

from collections.abc import Iterable
from typing import Any

from ringback.api.pushed import push_body
from ringback.loops.notifier import Notifier
from ringback.model.account import Account
from ringback.model.times import Instant
from ringback.outgoing import Outgoing
from ringback.store.sqlite import SqliteStore
from tests.receiver import LOOPBACK
from tests.store.builders import NOW, a_bulk, finish_all, notified

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
