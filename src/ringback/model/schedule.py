"""When: delivery windows, the retry ladder, sending speed. Pure. Source: contract section 2."""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from .times import DAY, HOUR, MINUTE, SECOND, Instant, instant, zone

Zones: TypeAlias = tuple[str, ...]
"""IANA names of time zones."""

UTC_ONLY: Zones = ("UTC",)

NEVER: Instant = 1 << 50
"""Later than any moment, also in microseconds: what is due or expires then, doesn't."""

LADDER = (1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 960, 1_440)
"""Minutes between two attempts."""

MOST_RETRIES = 4
SHORTEST_WINDOW = 60  # minutes

_DAY = 24 * 60  # minutes
_LOOK_AHEAD = 9  # days: that of the question, a week, and what a change of the clocks may take from it


class Retry(msgspec.Struct, frozen=True):
    """How often and at what intervals to try again: minutes, on the ladder; at most `max_count` times."""

    min_period: int
    max_period: int
    max_count: int

    def after(self, attempt: int) -> Instant:
        """How long after the end of attempt 1, 2, … the next may begin, in milliseconds.

        Climbs the ladder from `min_period` and stays at `max_period`; equal, the interval is constant.
        """
        rung = min(LADDER.index(self.min_period) + attempt - 1, LADDER.index(self.max_period))
        return LADDER[max(rung, 0)] * MINUTE


def on_ladder(minutes: int) -> int:
    """The next rung at or above; over the highest, the highest."""
    return next((rung for rung in LADDER if rung >= minutes), LADDER[-1])


class SendingSpeed(msgspec.Struct, frozen=True):
    """At most `speed` messages in each `unit`."""

    speed: int
    unit: Literal["second", "minute", "hour", "day"]

    @property
    def interval_us(self) -> int:
        """Microseconds from one message to the next, rounded up."""
        return -(-_UNITS[self.unit] * 1_000 // self.speed)


_UNITS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY}


class DeliveryTimeWindow(msgspec.Struct, frozen=True):
    """When people may be phoned: on these days (0 is Monday), from `opens` to `closes`, minutes after midnight.

    Without hours, all day. One that closes before it opens goes past midnight, and belongs to the day it opened on.
    """

    days: tuple[int, ...]
    opens: int = 0
    closes: int = _DAY

    @property
    def minutes(self) -> int:
        """How long it is open on a day."""
        return (self.closes - self.opens) % _DAY or _DAY

    def is_open(self, moment: Instant, zones: Zones) -> bool:
        """Whether it is open in every one of the zones."""
        return all(self._is_open_in(name, moment) for name in zones)

    def _is_open_in(self, name: str, moment: Instant) -> bool:
        local = datetime.fromtimestamp(moment / SECOND, tz=zone(name))
        since = local.hour * 60 + local.minute - self.opens
        opened_on = local.date() if since >= 0 else local.date() - timedelta(days=1)
        return since % _DAY < self.minutes and opened_on.weekday() in self.days

    def openings(self, name: str, moment: Instant) -> list[Instant]:
        """When it opens in a zone, in the days after `moment`."""
        today = datetime.fromtimestamp(moment / SECOND, tz=zone(name)).date()
        days = [today + timedelta(days=n) for n in range(_LOOK_AHEAD + 1)]
        return [self._opening(day, name) for day in days if day.weekday() in self.days]

    def _opening(self, day: date, name: str) -> Instant:
        hour, minute = divmod(self.opens, 60)
        return instant(datetime.combine(day, time(hour, minute), tzinfo=zone(name)).astimezone(UTC))


@lru_cache(maxsize=4096)
def opening(window: DeliveryTimeWindow | None, moment: Instant, zones: Zones) -> Instant:
    """The first moment, not before `moment`, at which the window is open in all zones; `NEVER` without one."""
    if window is None or window.is_open(moment, zones):
        return moment
    starts = _starts(window, moment // DAY, zones)
    after = bisect_right(starts, moment)
    return starts[after] if after < len(starts) else NEVER


@lru_cache(maxsize=512)
def _starts(window: DeliveryTimeWindow, day: int, zones: Zones) -> tuple[Instant, ...]:
    """When it opens in all zones, in the week after any moment of a day in UTC (counted from 1970).

    For a day and not for a moment: a paced bulk asks for each of its slots, and a +1 800 number has 42 zones.
    """
    starts = {start for name in zones for start in window.openings(name, day * DAY)}
    return tuple([start for start in sorted(starts) if window.is_open(start, zones)])


class Timetable:
    """When each message of one request is due: in the request's order, in open windows, at the sending speed."""

    def __init__(self, interval_us: int) -> None:
        self._interval_us = interval_us
        self._slot_us = 0

    @property
    def end_us(self) -> int:
        """The first free slot after all that were given, in microseconds since 1970."""
        return self._slot_us

    def due(self, start: Instant, paced: bool, window: DeliveryTimeWindow | None, zones: Zones) -> Instant:
        """The next message's moment, `NEVER` when its window does not open. One that is `paced` takes a slot."""
        if not paced:
            return opening(window, start, zones)
        self._slot_us = max(self._slot_us, start * 1_000)
        due = opening(window, self._slot_us // 1_000, zones)
        if due < NEVER and zones == UTC_ONLY:  # the slots lie within the window; zones differ from number to number
            self._slot_us = max(self._slot_us, due * 1_000)
        self._slot_us += self._interval_us
        return due
