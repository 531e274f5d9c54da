"""Instants, and the contract's one way of writing them."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

Instant: TypeAlias = int
"""A moment: milliseconds since 1970-01-01T00:00:00Z. Whole numbers, so that they store, sort and subtract exactly."""

SECOND: int = 1_000
MINUTE: int = 60 * SECOND
HOUR: int = 60 * MINUTE
DAY: int = 24 * HOUR


def instant(moment: datetime) -> Instant:
    """The instant of an aware `datetime`, cut to whole milliseconds."""
    return (moment.astimezone(UTC) - _EPOCH) // _MILLISECOND


@lru_cache(maxsize=4096)
def written(moment: Instant, zone_name: str) -> str:
    """`moment` as the founding page writes it: `2015-02-12T09:58:20.323+0100`, in the named time zone.

    Source: contract section 2, "Dates out". One official client refuses an offset with a colon.
    """
    seconds, millis = divmod(moment, SECOND)
    local = datetime.fromtimestamp(seconds, tz=zone(zone_name))
    return f"{local:%Y-%m-%dT%H:%M:%S}.{millis:03d}{local:%z}"


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises `ZoneInfoNotFoundError`."""
    return ZoneInfo(name)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC) - _EPOCH
