"""Keys: digits that were pressed, as the entries that a report shows. Source: contract sections 2 and 4."""

END = "#"
"""Ends an entry and is no part of it."""


class Keys:
    """Collects one entry of at most `most` digits (1 or more)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._digits = ""
        self.done = False

    def press(self, key: str) -> None:
        """A key: `0`-`9`, `A`-`D`, `*` or `#` (RFC 4733 section 3.2). What comes after the end is not heard."""
        if self.done:
            return
        if key != END:
            self._digits += key
        self.done = key == END or len(self._digits) >= self._most

    def entries(self) -> tuple[str, ...]:
        """What was entered, ended or not; nothing when no digit came."""
        return (self._digits,) if self._digits else ()
