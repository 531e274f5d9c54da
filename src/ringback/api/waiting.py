"""Waiting for reports instead of polling (RFC 7240 `Prefer: wait`), in the order in which the waiters came."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ..model.message import AccountId


class Waiting:
    """Who waits for whose reports. A bell rings for all of an account's waiters, the longest waiting first."""

    def __init__(self) -> None:
        self._bells: dict[AccountId, dict[object, asyncio.Event]] = {}
        self.over = False

    @contextmanager
    def place(self, account: AccountId) -> Iterator[asyncio.Event]:
        """A place in the account's queue, kept until the block is left; the bell may ring any time after this."""
        bell = asyncio.Event()
        queue = self._bells.setdefault(account, {})
        queue[bell] = bell
        try:
            yield bell
        finally:
            del queue[bell]
            if not queue:
                self._bells.pop(account, None)

    def ring(self, account: AccountId) -> None:
        """A report of the account arrived."""
        for bell in self._bells.get(account, {}).values():
            bell.set()

    def close(self) -> None:
        """Nobody waits any longer: Ringback is stopping, and what is under way is answered."""
        self.over = True
        for account in list(self._bells):
            self.ring(account)
