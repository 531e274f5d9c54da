"""Phone numbers as the contract takes them: digits, not numbering plans."""

import re

_DECORATION = re.compile(r"[ ().\-]")
_DIGITS = re.compile(r"[0-9]{3,15}")


def dialable(number: str) -> str | None:
    """The digits to dial, or None where `number` can't be dialled.

    3 to 15 digits must be left after spaces, `( ) - .` and one leading `+` or `00` are taken away. A
    numbering plan never refuses one: the founding page's own numbers are in no plan. Source: contract section 1.
    """
    bare = _DECORATION.sub("", number)
    digits = bare.removeprefix("+") if bare.startswith("+") else bare.removeprefix("00")
    return digits if _DIGITS.fullmatch(digits) else None
