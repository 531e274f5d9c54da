"""The push queue's part of `SqliteStore`: what waits to be pushed, and what became of it."""

from collections.abc import Callable

from ..model.message import AccountId
from ..model.push import Push
from ..model.times import Instant
from . import pushes
from .group import GroupCommit


class PushSteps:
    """The steps of a push, each one transaction."""

    _group: GroupCommit
    on_arrival: Callable[[AccountId], None]

    def __init__(self) -> None:
        self.on_push: Callable[[], None] = lambda: None
        self._receivers: dict[AccountId, str] = {}
        self._push_era = 0
        self._nothing_to_push_before: Instant = 0

    async def pushes_due(self, each: int, now: Instant) -> list[Push]:
        """What is to be pushed now, up to about `each` of every account; accounts and their receivers take turns."""
        if now < self._nothing_to_push_before:
            return []
        era = self._push_era
        due = await self._group.run(lambda db: pushes.due(db, each, now, self._receivers))
        if era == self._push_era:
            self._nothing_to_push_before = due.next_at
        return due.pushes

    async def pushes_over(self, before: Instant, limit: int) -> list[Push]:
        """What still waits to be pushed though it was finished at `before` or earlier, the oldest first."""
        return await self._group.run(lambda db: pushes.old(db, before, limit))

    async def pushed(self, push: Push, now: Instant) -> None:
        """Its receiver has it, and nobody pulls it any more."""
        await self._group.run(lambda db: pushes.pushed(db, push, now))

    async def push_again(self, push: Push, due_at: Instant) -> None:
        """A try failed, and the next one is at `due_at`."""
        await self._group.run(lambda db: pushes.again(db, push, due_at))
        self._push_arrived()

    async def fall_back(self, push: Push) -> None:
        """It is on the tape, to be pulled, and is not pushed any more; nothing when it waits no longer."""
        if await self._group.run(lambda db: pushes.fall_back(db, push)):
            self.on_arrival(push.account)

    def _push_arrived(self) -> None:
        """Something is to be pushed sooner than was known."""
        self._push_era += 1
        self._nothing_to_push_before = 0
        self.on_push()
