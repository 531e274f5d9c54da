"""Phone numbers as the contract takes them: digits, not numbering plans."""

import re
from functools import lru_cache

from phonenumbers import NumberParseException, parse
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from .schedule import UTC_ONLY, Zones

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


@lru_cache(maxsize=65_536)
def zones_of(number: str) -> Zones:
    """Every time zone that a number, given as digits, may be in; UTC for one that is in no numbering plan."""
    try:
        zones = time_zones_for_number(parse(f"+{number}"))
    except NumberParseException:
        return UTC_ONLY
    return UTC_ONLY if UNKNOWN_TIMEZONE in zones or not zones else tuple(sorted(zones))
