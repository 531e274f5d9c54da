"""How a text is read out: where its commas pause, and its dates and times in words of its language.

Numbers are left to the engines, which speak them by language. Source: contract section 2, `text`.
"""

import re
import unicodedata
from datetime import date, time
from functools import lru_cache
from typing import TypeAlias

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time

COMMA_S = 0.5
"""Seconds of silence that a comma is (contract section 2)."""

Part: TypeAlias = tuple[str, float]
"""Something to be said, perhaps nothing, and the seconds of silence after it."""

_COMMA = re.compile(r"(?<!\d)[,،，]|[,،，](?!\d)")  # within a number (1,000 or 3,14) it is no pause
_ALONE = r"(?<![\w./:,+-])"  # what stands in a longer code, number or path is no date
_ENDS = r"(?![\w/:+-]|[.,]\d)"
_ISO_DATE = re.compile(rf"{_ALONE}(\d{{4}})-(\d\d)-(\d\d)(?:T(?=\d\d:\d\d{_ENDS})|{_ENDS})", re.ASCII)
_TIME = re.compile(rf"{_ALONE}(\d\d?):(\d\d){_ENDS}(?!\s*(?:[AaPp]\.?[Mm]|[Uu]hr|[Uu]ur)\b)", re.ASCII)
_YEARS = range(1900, 2100)
_NEVER_SPOKEN = {"Cc", "Cs", "Co"}  # controls (U+0001 starts an espeak command), surrogates, private use
_COLON_IS_A_WORD = {"bs", "fa", "hr", "hyw", "ky", "mk", "sd", "sr", "uk", "ur"}  # so espeak-ng 1.52 says
_FULL_HOUR = {"de": "{} Uhr", "nl": "{} uur"}
_CLDR_NAME = {"cmn": "zh", "no": "nb", "hbs": "hr"}


def parts(text: str, language: str) -> list[Part]:
    """What to say and where to pause, in order. Blank parts are joined to the pause before them."""
    found: list[Part] = []
    pieces = _COMMA.split(in_words(plain_text(text), language))
    for place, piece in enumerate(pieces):
        pause = COMMA_S if place < len(pieces) - 1 else 0.0
        if found and not piece.strip():
            found[-1] = (found[-1][0], found[-1][1] + pause)
        else:
            found.append((piece.strip(), pause))
    return found


def plain_text(text: str) -> str:
    """The text with a space for each character that is no text but could be a command to an engine."""
    return "".join(" " if unicodedata.category(c) in _NEVER_SPOKEN else c for c in text)


def in_words(text: str, language: str) -> str:
    """Dates and times as the language says them; what is not clearly one is left as it is.

    A date is ISO 8601's (2026-11-24), or has the order and the sign of the language (24.11.2026 in `de`, 11/24/2026 in
    `en-us`) and a year of four digits. Where a language does not say which order (`en`), a date that two orders
    allow is left.
    """
    locale = _locale(language)
    if locale is None or not any(c.isdigit() for c in text):
        return text
    text = _ISO_DATE.sub(lambda found: _iso(found, locale), text)
    for pattern, order in _local(str(locale)):
        text = pattern.sub(lambda found, order=order: _in_order(found, order, locale), text)  # type: ignore[misc]
    return _TIME.sub(lambda found: _clock(found, locale), text)


def _iso(found: "re.Match[str]", locale: Locale) -> str:
    said = _date(int(found[1]), int(found[2]), int(found[3]), locale)
    return found[0] if said is None else said + (" " if found[0].endswith("T") else "")


def _in_order(found: "re.Match[str]", order: str, locale: Locale) -> str:
    """`order` is dmy, mdy or ymd; `dm` is either of the first two, where the numbers leave but one."""
    one, two, three = (int(found[n]) for n in (1, 3, 4))
    if order == "ymd":
        said = _date(one, two, three, locale)
    elif order == "dm":
        readings = {_date(three, two, one, locale), _date(three, one, two, locale)} - {None}
        said = readings.pop() if len(readings) == 1 else None
    else:
        said = _date(three, *((two, one) if order == "dmy" else (one, two)), locale)
    return found[0] if said is None else said


def _date(year: int, month: int, day: int, locale: Locale) -> str | None:
    try:
        moment = date(year, month, day)
    except ValueError:
        return None
    if year not in _YEARS:
        return None
    said = format_date(moment, "long", locale=locale).replace(",", "")
    # a dot before a capital would be heard as the sentence's end
    return re.sub(r"(?<=\d)\. (?=(\w))", lambda dot: " " if dot[1].isupper() else dot[0], said)


def _clock(found: "re.Match[str]", locale: Locale) -> str:
    hour, minute = int(found[1]), int(found[2])
    if hour > 23 or minute > 59:
        return found[0]
    if locale.language in _FULL_HOUR and not minute:
        return _FULL_HOUR[locale.language].format(hour)
    if str(locale) == "en_US" and hour not in range(1, 13):  # 9:05 may be in the evening there
        said: str = format_time(time(hour, minute), "short", locale=locale)
        return re.sub(r"\s", " ", said.replace(":00", ""))
    return found[0].replace(":", " ") if locale.language in _COLON_IS_A_WORD else found[0]


@lru_cache(256)
def _locale(language: str) -> Locale | None:
    """CLDR's of a language, without a region that it does not know."""
    tag = language.casefold().replace("_", "-")
    name, _, region = tag.partition("-")
    name = _CLDR_NAME.get(name, name)
    for wanted in (f"{name}-{region}", name):
        try:
            return Locale.parse(wanted, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return None


@lru_cache(256)
def _local(name: str) -> "list[tuple[re.Pattern[str], str]]":
    """How the locale writes a date in digits, and in which order."""
    locale = Locale.parse(name)
    short = re.sub(r"[^dMy./ -]", "", str(locale.date_formats["short"].pattern))
    order = "".join(dict.fromkeys(c for c in short.lower() if c in "dmy"))
    sign = next((c for c in short if c in "./-"), None)
    if sign is None or order not in ("dmy", "mdy", "ymd"):
        return []
    year, other = r"(\d{4})", r"(\d{1,2})"
    first, last = (year, other) if order == "ymd" else (other, year)
    final = r"\.?" if short.endswith(".") else ""
    pattern = re.compile(rf"{_ALONE}{first}(\{sign} ?){other}\2{last}{final}{_ENDS}", re.ASCII)
    return [(pattern, "dm" if name == "en" else order)]
