"""When people are called: the fields of a message that say so. Source: contract section 2."""

import re
from datetime import datetime
from typing import Any

from ..model.message import LONGEST_VALIDITY
from ..model.schedule import (
    MOST_RETRIES,
    SHORTEST_WINDOW,
    UTC_ONLY,
    DeliveryTimeWindow,
    Retry,
    SendingSpeed,
    on_ladder,
    opening,
)
from ..model.times import DAY, MINUTE, Instant, instant
from .checks import LARGEST, Fields

FASTEST_SPEED = 1_000_000
"""Messages in a unit [ours]."""

FARTHEST_DAYS = 366
"""How far ahead `sendAt` may lie [ours]: beyond it, somebody mistook the year."""

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_UNITS = ("second", "minute", "hour", "day")
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII | re.IGNORECASE
)


def timing(fields: Fields, now: Instant) -> dict[str, Any]:
    """The timing of a message, as fields of `VoiceMessage`; its faults are noted in `fields`."""
    speed = sending_speed(fields)
    found: dict[str, Any] = {
        "send_at": send_at(fields, now),
        "validity": min(fields.whole("validityPeriod", 1, LARGEST) or LONGEST_VALIDITY, LONGEST_VALIDITY),
        "window": _window(fields),
        "retry": _retry(fields),
        "sending_speed": speed,
    }
    if found["window"]:
        start = max(found["send_at"] or now, now)
        end = start + (7 * DAY if speed else found["validity"] * MINUTE)
        if opening(found["window"], start, UTC_ONLY) >= end:
            fields.fault("deliveryTimeWindow", NEVER_OPENS)
    return found


NEVER_OPENS = "never opens before the validity period ends: nobody could be called"


def send_at(fields: Fields, now: Instant) -> Instant | None:
    """`sendAt`; one that is past counts as now, and one before 1970 as 1970, so that every zone can write it."""
    text = fields.string("sendAt", moment_fault)
    moment = moment_of(text) if text else None
    if moment is not None and moment > now + FARTHEST_DAYS * DAY:
        fields.fault("sendAt", f"must be within {FARTHEST_DAYS} days from now")
        return None
    return moment if moment is None else max(moment, 0)


def moment_of(text: str) -> Instant | None:
    """A date and time with its zone, in any form of contract section 2; None for anything else."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None or not found["zone"]:
        return None
    try:
        return instant(datetime.fromisoformat(text.strip().replace(",", ".").upper()))
    except (ValueError, OverflowError):
        return None


def moment_fault(text: str) -> str | None:
    """What is wrong with a date and time, None when nothing is."""
    found = _MOMENT.fullmatch(text.strip())
    if found and not found["zone"]:
        return "must say its time zone, such as 2015-07-07T17:00:00.000+01:00"
    return None if moment_of(text) is not None else "must be a date and time, such as 2015-07-07T17:00:00.000+01:00"


def _object(fields: Fields, name: str) -> Fields | None:
    value = fields.given(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        fields.fault(name, "must be an object")
        return None
    return fields.nested(name, value)


def _retry(fields: Fields) -> Retry | None:
    retry = _object(fields, "retry")
    if retry is None:
        return None
    given = [
        retry.required_whole("minPeriod", 1, LARGEST),
        retry.required_whole("maxPeriod", 1, LARGEST),
        retry.required_whole("maxCount", 0, LARGEST),
    ]
    if None in given:
        return None
    low, high, count = (value or 0 for value in given)
    if low > high:
        retry.fault("minPeriod", "must not be more than maxPeriod")
        return None
    return Retry(on_ladder(low), on_ladder(high), min(count, MOST_RETRIES))


def sending_speed(fields: Fields) -> SendingSpeed | None:
    """`sendingSpeed`, of a message or of the whole request."""
    speed = _object(fields, "sendingSpeed")
    if speed is None:
        return None
    per = speed.required_whole("speed", 1, FASTEST_SPEED)
    unit = speed.required("timeUnit")
    if isinstance(unit, str):
        unit = unit.lower()
    if unit is not None and unit not in _UNITS:
        speed.fault("timeUnit", "must be second, minute, hour or day")
        return None
    return SendingSpeed(per, unit) if per and unit else None


def _window(fields: Fields) -> DeliveryTimeWindow | None:
    window = _object(fields, "deliveryTimeWindow")
    if window is None:
        return None
    days, opens, closes = _days(window), _time(window, "from"), _time(window, "to")
    if (window.given("from") is None) != (window.given("to") is None):
        window.fault("to" if window.given("to") is None else "from", "is required: from and to go together")
        return None
    if opens is None or closes is None:
        return DeliveryTimeWindow(days) if days and window.given("from") is None else None
    if (closes - opens) % (24 * 60) < SHORTEST_WINDOW:
        window.fault("to", "must be at least an hour after from")
        return None
    return DeliveryTimeWindow(days, opens, closes) if days else None


def _days(window: Fields) -> tuple[int, ...]:
    given = window.items("days") or []
    names = [day.upper() if isinstance(day, str) else day for day in given]
    if wrong := [n for n, day in enumerate(names) if day not in _DAYS]:
        for n in wrong:
            window.fault(f"days[{n}]", "must be a day from MONDAY to SUNDAY")
        return ()
    return tuple(sorted({_DAYS.index(day) for day in names}))


def _time(window: Fields, name: str) -> int | None:
    """Minutes after midnight; None where there is none, or a faulty one."""
    at = _object(window, name)
    if at is None:
        return None
    hour, minute = at.required_whole("hour", 0, 23), at.required_whole("minute", 0, 59)
    return None if hour is None or minute is None else hour * 60 + minute
