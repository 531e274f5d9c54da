"""The rate deck: which network a number is in and what a second of calling it costs."""

import csv
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from .exceptions import ConfigError

COLUMNS = ("prefix", "mccMnc", "pricePerSecond", "currency")
_LONGEST_PREFIX = 15  # digits: ITU-T E.164 allows no longer number


class Rate(msgspec.Struct, frozen=True):
    """The terms for numbers that begin with `prefix`. `mcc_mnc` is None where the network is not known."""

    prefix: str
    mcc_mnc: str | None
    per_second: Decimal
    currency: str


class RateDeck(msgspec.Struct, frozen=True):
    """Rates by prefix; the longest prefix of a number wins."""

    rates: Mapping[str, Rate]

    def rate(self, number: str) -> Rate | None:
        """The rate for a number given as digits, None without one."""
        for length in range(min(len(number), _LONGEST_PREFIX), -1, -1):
            found = self.rates.get(number[:length])
            if found:
                return found
        return None


def parse_deck(text: str) -> RateDeck:
    """Reads a deck: CSV with the columns `prefix,mccMnc,pricePerSecond,currency`; lines with `#` are comments.

    Raises `ConfigError` naming every fault by its line. An empty prefix is the rate of last resort.
    """
    rates: dict[str, Rate] = {}
    faults: list[str] = []
    for line, row in _rows(text, faults):
        wrong = _faults(row, rates)
        faults += [f"line {line}: {fault}" for fault in wrong]
        if not wrong:
            rates[row["prefix"]] = Rate(
                row["prefix"], row["mccMnc"] or None, Decimal(row["pricePerSecond"]), row["currency"]
            )
    if faults:
        raise ConfigError("the rate deck can't be used:\n" + "\n".join(faults))
    return RateDeck(rates)


def _rows(text: str, faults: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line by itself: a quote that is not closed must not swallow the lines after it."""
    lines = text.removeprefix("\ufeff").splitlines()  # spreadsheets write a byte order mark
    kept = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    for number, line in kept:
        values = _cells(line)
        if number == kept[0][0]:
            if tuple(values) != COLUMNS:
                faults.append(f"line {number}: the first line must be {','.join(COLUMNS)}")
        elif len(values) != len(COLUMNS):
            faults.append(f"line {number}: {len(values)} columns where {len(COLUMNS)} belong")
        else:
            yield number, dict(zip(COLUMNS, values, strict=True))


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cells in csv.reader([line]) for cell in cells]
    except csv.Error:  # a cell beyond the reader's limit
        return []


def _faults(row: dict[str, str], rates: Mapping[str, Rate]) -> list[str]:
    faults = []
    if not re.fullmatch(r"[0-9]{0,15}", row["prefix"]):
        faults.append(f"prefix {row['prefix']!r} is not 0 to 15 digits")
    elif row["prefix"] in rates:
        faults.append(f"prefix {row['prefix']!r} stands twice")
    if not re.fullmatch(r"([0-9]{5,6})?", row["mccMnc"]):
        faults.append(f"mccMnc {row['mccMnc']!r} is not 5 or 6 digits")
    if not _is_price(row["pricePerSecond"]):
        faults.append(f"pricePerSecond {row['pricePerSecond']!r} is not a number of 0 or more")
    if not re.fullmatch(r"[A-Z]{3}", row["currency"]):
        faults.append(f"currency {row['currency']!r} is not three capital letters")
    return faults


def _is_price(text: str) -> bool:
    try:
        return bool(re.fullmatch(r"[0-9]+(\.[0-9]+)?", text)) and Decimal(text) >= 0
    except InvalidOperation:
        return False
