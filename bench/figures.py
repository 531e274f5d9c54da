"""What a benchmark gives: figures, each with the claim it is held against, and the raw numbers behind them."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec


class Invalid(Exception):
    """The measuring itself went wrong: there is no figure."""


class Figure(msgspec.Struct, frozen=True):
    """One line of the table. `low` and `high` span the rounds; `met` is None where nothing is claimed."""

    what: str
    value: float
    unit: str = ""  # "" is a ratio
    low: float | None = None
    high: float | None = None
    aim: str = ""
    met: bool | None = None
    note: str = ""


class Outcome(msgspec.Struct):
    """What one benchmark measured."""

    figures: list[Figure]
    raw: dict[str, Any]


class Run(msgspec.Struct):
    """An outcome with where and when it was measured; `failure` says why there is none."""

    claim: str
    quick: bool
    at: str
    machine: dict[str, str]
    outcome: Outcome | None = None
    failure: str = ""


class Room(msgspec.Struct, frozen=True):
    """Where a benchmark may write, whether it is in a hurry, and how it says what it does."""

    folder: Path
    quick: bool
    say: Callable[[str], None]


Benchmark: TypeAlias = Callable[[Room], Outcome]


def at_least(what: str, ratios: Sequence[float], aim: float, note: str = "") -> Figure:
    """The median of some ratios, which is to reach `aim`."""
    middle = statistics.median(ratios)
    return Figure(what, middle, "", min(ratios), max(ratios), f"≥ {aim:g}", middle >= aim, note)


def at_most(what: str, values: Sequence[float], aim: float, unit: str = "", note: str = "") -> Figure:
    """The median of some values, which is not to pass `aim`."""
    middle = statistics.median(values)
    return Figure(what, middle, unit, min(values), max(values), f"≤ {aim:g} {unit}".strip(), middle <= aim, note)


def shown(what: str, values: Sequence[float], unit: str, note: str = "") -> Figure:
    """The median of values of which nothing is claimed: they belong to the machine."""
    return Figure(what, statistics.median(values), unit, min(values), max(values), note=note)


def none_of(what: str, count: int, note: str = "") -> Figure:
    """A count that is to be 0."""
    return Figure(what, count, "count", aim="0", met=count == 0, note=note)


def written(value: float, unit: str) -> str:
    """A value as people read it."""
    if unit == "count" or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def span(figure: Figure) -> str:
    """The figure with its rounds: `0.42 (0.39–0.44)`."""
    unit = f" {figure.unit}" if figure.unit not in ("", "count") else ""
    text = written(figure.value, figure.unit) + unit
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return text
    return f"{text} ({written(figure.low, figure.unit)}–{written(figure.high, figure.unit)})"


def verdict(figure: Figure) -> str:
    """Whether the claim held."""
    return "" if figure.met is None else "yes" if figure.met else "NO"
