"""The onlooker: notices what administration wrote from another process."""

from ..store.sqlite import SqliteStore
from .loop import Loop

_PAUSE = 0.5  # seconds that a removed account may still sign in


class Onlooker(Loop):
    """Looks at the store often enough that nobody signs in for long with a password that was changed."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__("onlooker", _PAUSE)
        self._store = store

    async def run_once(self) -> bool:
        """One look."""
        await self._store.look()
        return False
