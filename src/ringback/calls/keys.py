"""Keys: digits that were pressed, as the entries that a report shows. Source: contract sections 2 and 4."""

END = "#"
"""Ends an entry and is no part of it."""

MOST_REPLAYS = 5
"""How often a message is said again in one call (contract section 2, `repeatDtmf`)."""


class Keys:
    """Collects a call's entries: one for each time that the message was asked for again, and then one of `most` digits.

    `most` is None where only the keys in `repeat` count. How they go together: docs/decisions/0011.
    """

    def __init__(self, most: int | None, repeat: str = "") -> None:
        self._most = most
        self._repeat = repeat
        self._replays: list[str] = []
        self._digits = ""
        self._replayed = False  # by the key before this one
        self.done = False

    def press(self, key: str) -> bool:
        """A key: `0`-`9`, `A`-`D`, `*` or `#` (RFC 4733 section 3.2). True when the message is to be said anew.

        What comes after the end is not heard.
        """
        if self.done:
            return False
        if key != END and not self._digits and key in self._repeat and self.more_replays:
            self._replays.append(key)
            self._replayed = True
            return True
        replayed, self._replayed = self._replayed, False
        if key != END and self._most is not None:
            self._digits += key
        self.done = (key == END and not replayed) or len(self._digits) == self._most
        return False

    @property
    def more_replays(self) -> bool:
        """Whether a key of `repeat` would have the message said anew."""
        return bool(self._repeat) and len(self._replays) < MOST_REPLAYS

    @property
    def awaited(self) -> bool:
        """Whether a key can still change anything."""
        return not self.done and (self._most is not None or self.more_replays)

    def entries(self) -> tuple[str, ...]:
        """What was entered, ended or not; nothing when no digit came."""
        return (*self._replays, self._digits) if self._digits else tuple(self._replays)
