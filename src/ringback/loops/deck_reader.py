"""The deck reader: takes up a changed rate deck while calls go on, when it is told to."""

import asyncio
from collections.abc import Callable

import structlog

from ..model.exceptions import ConfigError
from ..model.tariff import RateDeck
from .loop import Loop

_log = structlog.get_logger()
_PAUSE = 3_600.0  # seconds; it acts only when asked


class DeckReader(Loop):
    """Reads the deck anew and hands it on. One that has faults changes nothing: the old one stays in force."""

    def __init__(self, read: Callable[[], RateDeck], use: Callable[[RateDeck], None]) -> None:
        super().__init__("deck-reader", _PAUSE)
        self._read = read
        self._use = use
        self._asked = False

    def ask(self) -> None:
        """The deck is read anew, also when it is being read just now."""
        self._asked = True
        self.wake()

    async def run_once(self) -> bool:
        """Reads it if that was asked for. A large deck takes seconds: not on the event loop."""
        if not self._asked:
            return False
        self._asked = False
        try:
            deck = await asyncio.to_thread(self._read)
        except ConfigError as fault:
            _log.error("the rate deck stays as it was", why=str(fault))
        else:
            self._use(deck)
            _log.info("the rate deck was read anew", rates=len(deck.rates))
        return False
