"""A bucket of tokens (issue 3, item 11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.model.rate import spent


def admitted(per_second: int, moments: list[float]) -> list[bool]:
    until, found = 0.0, []
    for now in moments:
        until, wait = spent(per_second, until, now)
        found.append(wait == 0)
    return found


@pytest.mark.parametrize("per_second", [1, 3, 7, 1000])
def test_a_second_s_worth_at_once_and_no_more(per_second: int) -> None:
    assert admitted(per_second, [1e6] * (per_second + 2)) == [True] * per_second + [False] * 2


@pytest.mark.parametrize("per_second", [1, 3, 7, 1000])
def test_an_even_pace_is_never_refused(per_second: int) -> None:
    assert all(admitted(per_second, [1e6 + n / per_second for n in range(5_000)]))


def test_it_says_how_long_to_wait_and_a_refusal_costs_nothing() -> None:
    until = 0.0
    for _ in range(4):
        until, wait = spent(4, until, 100.0)
        assert wait == 0
    refused, wait = spent(4, until, 100.0)
    assert (refused, wait) == (until, pytest.approx(0.25))
    assert spent(4, until, 100.0 + wait)[1] == 0


@given(st.integers(1, 50), st.lists(st.floats(0, 0.3), max_size=200))
def test_never_more_than_two_seconds_worth_in_a_second(per_second: int, pauses: list[float]) -> None:
    moments, now = [], 1e6
    for pause in pauses:
        now += pause
        moments.append(now)
    times = [at for at, right in zip(moments, admitted(per_second, moments), strict=True) if right]
    for at in times:
        assert sum(at <= other < at + 1 for other in times) <= 2 * per_second
