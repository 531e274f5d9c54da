"""Instants, and how they are written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.model.times import DAY, HOUR, SECOND, instant, written

SAMPLE = instant(datetime(2015, 2, 12, 8, 58, 20, 323_000, tzinfo=UTC))

WRITTEN = [
    (SAMPLE, "Europe/Zagreb", "2015-02-12T09:58:20.323+0100"),
    (SAMPLE, "UTC", "2015-02-12T08:58:20.323+0000"),
    (SAMPLE, "America/New_York", "2015-02-12T03:58:20.323-0500"),
    (SAMPLE, "America/St_Johns", "2015-02-12T05:28:20.323-0330"),
    (SAMPLE, "Asia/Kathmandu", "2015-02-12T14:43:20.323+0545"),
    (SAMPLE, "Pacific/Kiritimati", "2015-02-12T22:58:20.323+1400"),
    (SAMPLE, "Pacific/Pago_Pago", "2015-02-11T21:58:20.323-1100"),  # the day before
    (SAMPLE - 323, "UTC", "2015-02-12T08:58:20.000+0000"),
    (SAMPLE - 322, "UTC", "2015-02-12T08:58:20.001+0000"),
    (SAMPLE + 677, "UTC", "2015-02-12T08:58:21.000+0000"),
    (0, "UTC", "1970-01-01T00:00:00.000+0000"),
    (-1, "UTC", "1969-12-31T23:59:59.999+0000"),
    # Zurich: 2025-03-30 01:00 UTC the clock goes forward, 2025-10-26 01:00 UTC back: 02:30 comes twice
    (1_743_296_399_999, "Europe/Zurich", "2025-03-30T01:59:59.999+0100"),
    (1_743_296_400_000, "Europe/Zurich", "2025-03-30T03:00:00.000+0200"),
    (1_761_438_600_000, "Europe/Zurich", "2025-10-26T02:30:00.000+0200"),
    (1_761_442_200_000, "Europe/Zurich", "2025-10-26T02:30:00.000+0100"),
]


@pytest.mark.parametrize(("moment", "zone", "text"), WRITTEN)
def test_written(moment: int, zone: str, text: str) -> None:
    assert written(moment, zone) == text


@given(moment=st.integers(0, 4_000_000_000_000), zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/Sao_Paulo"]))
def test_what_is_written_says_the_same_instant(moment: int, zone: str) -> None:
    assert instant(datetime.strptime(written(moment, zone), "%Y-%m-%dT%H:%M:%S.%f%z")) == moment


def test_an_instant_is_cut_to_whole_milliseconds() -> None:
    moment = datetime(2015, 7, 7, 17, 0, 0, 1_999, tzinfo=timezone(timedelta(hours=1)))
    assert instant(moment) == 1_436_284_800_001
    assert instant(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


def test_a_day_is_in_milliseconds() -> None:
    assert (SECOND, HOUR, DAY) == (1_000, 3_600_000, 86_400_000)
