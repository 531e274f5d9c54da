"""When: windows in every zone and through changes of the clocks, the retry ladder, sending speed."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.model.number import zones_of
from ringback.model.schedule import (
    LADDER,
    NEVER,
    UTC_ONLY,
    DeliveryTimeWindow,
    Retry,
    SendingSpeed,
    Timetable,
    _starts,
    on_ladder,
    opening,
)
from ringback.model.times import DAY, HOUR, MINUTE, SECOND, Instant, instant

TUESDAY = instant(datetime(2026, 11, 24, tzinfo=ZoneInfo("UTC")))  # midnight
EVERY_DAY = tuple(range(7))
OFFICE = DeliveryTimeWindow((0, 1, 2, 3, 4), 9 * 60, 17 * 60)
NIGHT = DeliveryTimeWindow((1,), 22 * 60, 6 * 60)


def at(text: str, zone: str = "UTC") -> Instant:
    return instant(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("window", "moment", "opens"),
    [
        (OFFICE, "2026-11-24T08:59:59.999", "2026-11-24T09:00"),
        (OFFICE, "2026-11-24T09:00", "2026-11-24T09:00"),
        (OFFICE, "2026-11-24T16:59:59.999", "2026-11-24T16:59:59.999"),
        (OFFICE, "2026-11-24T17:00", "2026-11-25T09:00"),
        (OFFICE, "2026-11-27T17:00", "2026-11-30T09:00"),  # Friday evening
        (NIGHT, "2026-11-24T21:59", "2026-11-24T22:00"),
        (NIGHT, "2026-11-25T05:59", "2026-11-25T05:59"),  # it belongs to the day that it opened on
        (NIGHT, "2026-11-24T05:59", "2026-11-24T22:00"),  # Monday's is not asked for
        (NIGHT, "2026-11-25T06:00", "2026-12-01T22:00"),
        (DeliveryTimeWindow((6,)), "2026-11-24T12:00", "2026-11-29T00:00"),
        (DeliveryTimeWindow((1,)), "2026-11-24T23:59:59.999", "2026-11-24T23:59:59.999"),
        (DeliveryTimeWindow((1,)), "2026-11-25T00:00", "2026-12-01T00:00"),
        (None, "2026-11-24T12:00", "2026-11-24T12:00"),
    ],
)
def test_when_it_opens(window: DeliveryTimeWindow | None, moment: str, opens: str) -> None:
    assert opening(window, at(moment), UTC_ONLY) == at(opens)


def test_one_timetable_reckons_the_zones_of_a_number_once_a_day() -> None:
    """A +1 800 number has some forty zones, of which the office hours have but few in common."""
    zones, hours = zones_of("18005551234"), DeliveryTimeWindow(EVERY_DAY, 8 * 60, 22 * 60)
    before = _starts.cache_info().misses
    table = Timetable(SendingSpeed(10, "minute").interval_us)
    due = [table.due(TUESDAY + n, True, hours, zones) for n in range(5_000)]
    assert _starts.cache_info().misses - before <= 2
    assert due == sorted(due)
    assert all(hours.is_open(moment, zones) for moment in due[::100])


def test_a_window_must_be_open_in_all_zones_at_once() -> None:
    zones = ("America/New_York", "Pacific/Honolulu")  # five hours apart in winter
    assert opening(OFFICE, TUESDAY + 12 * HOUR, zones) == at("2026-11-24T09:00", "Pacific/Honolulu")
    short = DeliveryTimeWindow(EVERY_DAY, 9 * 60, 14 * 60)
    assert opening(short, TUESDAY, zones) == NEVER  # where one opens the other has closed
    longer = DeliveryTimeWindow(EVERY_DAY, 9 * 60, 14 * 60 + 1)
    assert opening(longer, TUESDAY, zones) == at("2026-11-24T09:00", "Pacific/Honolulu")


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-03-28T23:00", "2026-03-29T01:00"),  # 02:30 is no time of that night: the clocks read 03:00 then
        ("2026-10-24T23:00", "2026-10-25T00:30"),  # 02:30 is twice; the first one opens
    ],
)
def test_when_the_clocks_change(moment: str, opens: str) -> None:
    window = DeliveryTimeWindow(EVERY_DAY, 2 * 60 + 30, 12 * 60)
    found = opening(window, at(moment), ("Europe/Zurich",))
    assert abs(found - at(opens)) <= 30 * MINUTE
    assert window.is_open(found, ("Europe/Zurich",))


@given(
    days=st.sets(st.integers(0, 6), min_size=1),
    opens=st.integers(0, 1439),
    length=st.integers(60, 1439),
    moment=st.integers(TUESDAY - 400 * DAY, TUESDAY + 400 * DAY),
    zones=st.sets(st.sampled_from(["UTC", "Europe/Zurich", "Asia/Kolkata", "America/New_York"]), min_size=1),
)
def test_an_opening_is_the_first_open_moment(
    days: set[int], opens: int, length: int, moment: Instant, zones: set[str]
) -> None:
    window = DeliveryTimeWindow(tuple(sorted(days)), opens, (opens + length) % 1440)
    names = tuple(sorted(zones))
    found = opening(window, moment, names)
    assert found >= moment
    if found < NEVER:
        assert is_open_by_the_clock(window, found, names)
    for earlier in range(moment, min(found, moment + 7 * DAY), 29 * MINUTE):
        assert not is_open_by_the_clock(window, earlier, names)


def is_open_by_the_clock(window: DeliveryTimeWindow, moment: Instant, zones: tuple[str, ...]) -> bool:
    """The rule told otherwise: on the clocks' face, minute by minute."""
    for zone in zones:
        local = datetime.fromtimestamp(moment / SECOND, tz=ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)
        open_days = [
            day
            for day in (local.date(), local.date() - timedelta(days=1))
            if day.weekday() in window.days
            and datetime.combine(day, datetime.min.time()) + timedelta(minutes=window.opens)
            <= local
            < datetime.combine(day, datetime.min.time()) + timedelta(minutes=window.opens + window.minutes)
        ]
        if not open_days:
            return False
    return True


@pytest.mark.parametrize(
    ("minutes", "rung"), [(1, 1), (3, 5), (5, 5), (31, 60), (961, 1440), (1441, 1440), (10**9, 1440)]
)
def test_off_the_ladder_rounds_up(minutes: int, rung: int) -> None:
    assert on_ladder(minutes) == rung


def test_the_climb() -> None:
    assert [Retry(2, 20, 4).after(n) // MINUTE for n in range(1, 7)] == [2, 5, 10, 20, 20, 20]
    assert [Retry(30, 30, 4).after(n) // MINUTE for n in range(1, 5)] == [30] * 4
    assert [Retry(1, 1440, 4).after(n) // MINUTE for n in range(1, 14)] == [*LADDER, 1440]


@pytest.mark.parametrize(
    ("speed", "unit", "interval_us"),
    [(10, "hour", 360_000_000), (1, "day", 86_400_000_000), (3, "second", 333_334), (1_000_000, "second", 1)],
)
def test_the_interval_is_never_too_short(speed: int, unit: str, interval_us: int) -> None:
    assert SendingSpeed(speed, unit).interval_us == interval_us  # type: ignore[arg-type]


def test_a_timetable_spreads_what_is_paced_and_only_that() -> None:
    table = Timetable(SendingSpeed(10, "hour").interval_us)
    assert [table.due(TUESDAY, True, None, UTC_ONLY) - TUESDAY for _ in range(3)] == [0, 6 * MINUTE, 12 * MINUTE]
    assert table.due(TUESDAY, False, None, UTC_ONLY) == TUESDAY
    assert table.due(TUESDAY + HOUR, True, None, UTC_ONLY) == TUESDAY + HOUR
    assert table.end_us == (TUESDAY + HOUR + 6 * MINUTE) * 1_000


def test_a_timetable_s_slots_lie_in_open_windows() -> None:
    table = Timetable(SendingSpeed(1, "hour").interval_us)
    found = [table.due(at("2026-11-24T15:30"), True, OFFICE, UTC_ONLY) for _ in range(4)]
    assert found == [at(f"2026-11-{moment}") for moment in ("24T15:30", "24T16:30", "25T09:00", "25T10:00")]


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("41791234567", ("Europe/Zurich",)),
        ("12125550123", ("America/New_York",)),
        ("385981178", UTC_ONLY),  # the founding page's is in no plan
        ("99900000101", UTC_ONLY),
        ("123", UTC_ONLY),
    ],
)
def test_zones_of_a_number(number: str, zones: tuple[str, ...]) -> None:
    assert zones_of(number) == zones


def test_a_free_phone_number_may_be_in_dozens_of_zones() -> None:
    assert len(zones_of("18005550123")) > 20
    assert {"America/New_York", "Pacific/Honolulu"} <= set(zones_of("18005550123"))
