"""The rate deck: which network a number is in and what a second of calling it costs."""

import csv
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from .exceptions import ConfigError
from .times import SECOND, Instant

COLUMNS = ("prefix", "mccMnc", "pricePerSecond", "currency")
INCREMENTS = ("firstIncrement", "nextIncrement")
"""Columns that a deck may have as well: both or neither. Without them every second that was begun is charged."""

LONGEST_INCREMENT = 3_600
"""Seconds [ours]: whoever bills by more than the hour means something else."""

_LONGEST_PREFIX = 15  # digits: ITU-T E.164 allows no longer number


class Rate(msgspec.Struct, frozen=True):
    """The terms for numbers that begin with `prefix`. `mcc_mnc` is None where the network is not known."""

    prefix: str
    mcc_mnc: str | None
    per_second: Decimal
    currency: str
    first_increment: int = 1  # seconds that an answered call pays at least
    next_increment: int = 1  # seconds that it pays by beyond those: one that was begun counts whole


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


def charged(duration: Instant | None, rate: Rate) -> int:
    """The seconds that a call pays for: 0 when nobody answered (`duration` is None).

    `duration` is in milliseconds from the answer to the end, below 0 taken as 0. An answered call of any length pays
    the first increment, and every next one that was begun. This, and not the reports' `duration`, which is rounded
    half up, is what `pricePerSecond` is multiplied with.
    """
    if duration is None:
        return 0
    beyond = max(0, duration - rate.first_increment * SECOND)
    return rate.first_increment + -(-beyond // (rate.next_increment * SECOND)) * rate.next_increment


def parse_deck(text: str) -> RateDeck:
    """Reads a deck: CSV with the columns `prefix,mccMnc,pricePerSecond,currency` and, if it likes, `firstIncrement,
    nextIncrement`; lines with `#` are comments.

    Raises `ConfigError` naming every fault by its line. An empty prefix is the rate of last resort.
    """
    rates: dict[str, Rate] = {}
    faults: list[str] = []
    for line, row in _rows(text, faults):
        wrong = _faults(row, rates)
        faults += [f"line {line}: {fault}" for fault in wrong]
        if not wrong:
            rates[row["prefix"]] = _rate(row)
    if faults:
        raise ConfigError("the rate deck can't be used:\n" + "\n".join(faults))
    return RateDeck(rates)


def _rate(row: Mapping[str, str]) -> Rate:
    first, following = (int(row.get(column, 1)) for column in INCREMENTS)
    mcc_mnc, price = row["mccMnc"] or None, Decimal(row["pricePerSecond"])
    return Rate(row["prefix"], mcc_mnc, price, row["currency"], first, following)


def _rows(text: str, faults: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line by itself: a quote that is not closed must not swallow the lines after it."""
    lines = text.removeprefix("\ufeff").splitlines()  # spreadsheets write a byte order mark
    kept = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    columns = _columns(kept, faults)
    for number, line in kept[1:]:
        values = _cells(line)
        if len(values) != len(columns):
            faults.append(f"line {number}: {len(values)} columns where {len(columns)} belong")
        else:
            yield number, dict(zip(columns, values, strict=True))


def _columns(lines: list[tuple[int, str]], faults: list[str]) -> tuple[str, ...]:
    """What the first line says; where it says something else, the lines after it are read as it should have been."""
    if not lines:
        faults.append(f"line 1: the first line must be {','.join(COLUMNS)}")
        return COLUMNS
    number, first = lines[0]
    found = tuple(_cells(first))
    if found in (COLUMNS, COLUMNS + INCREMENTS):
        return found
    known = ",".join(COLUMNS)
    faults.append(f"line {number}: the first line must be {known}, with or without {','.join(INCREMENTS)} behind")
    return COLUMNS + INCREMENTS if len(found) > len(COLUMNS) else COLUMNS


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
    return faults + [
        f"{column} {row[column]!r} is not 1 to {LONGEST_INCREMENT} whole seconds"
        for column in INCREMENTS
        if not _is_increment(row.get(column, "1"))
    ]


def _is_increment(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,4}", text)) and 1 <= int(text) <= LONGEST_INCREMENT


def _is_price(text: str) -> bool:
    try:
        return bool(re.fullmatch(r"[0-9]+(\.[0-9]+)?", text)) and Decimal(text) >= 0
    except InvalidOperation:
        return False
