"""Keys become entries: contract sections 2 and 4."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.calls.keys import MOST_REPLAYS, Keys

PRESSED = st.text("0123456789ABCD*#", max_size=12)


def pressed(keys: str, most: int) -> Keys:
    made = Keys(most)
    for key in keys:
        made.press(key)
    return made


@given(PRESSED, st.integers(1, 9))
def test_an_entry_is_what_was_pressed_up_to_its_end(keys: str, most: int) -> None:
    made = pressed(keys, most)
    expected = keys.partition("#")[0][:most]
    assert made.entries() == ((expected,) if expected else ())
    assert made.done == (len(expected) == most or "#" in keys)


@given(PRESSED, PRESSED, st.integers(1, 9))
def test_nothing_is_heard_after_the_end(keys: str, later: str, most: int) -> None:
    made = pressed(keys, most)
    if made.done:
        assert pressed(keys + later, most).entries() == made.entries()
    assert all(re.fullmatch(r"[0-9A-D*]{1,9}", entry) for entry in made.entries())


def test_a_hash_alone_ends_an_empty_entry() -> None:
    assert (pressed("#", 3).entries(), pressed("#", 3).done) == ((), True)


def told(keys: str, most: int | None, repeat: str) -> tuple[Keys, list[int]]:
    """What was made of the keys, and the places of those that said it anew."""
    made = Keys(most, repeat)
    return made, [place for place, key in enumerate(keys) if made.press(key)]


@pytest.mark.parametrize(
    ("keys", "most", "repeat", "entries", "anew", "done"),
    [
        ("39", 1, "3", ("3", "9"), [0], True),
        ("3312", 2, "3", ("3", "3", "12"), [0, 1], True),
        ("132", 3, "3", ("132",), [], True),  # inside an entry it is a digit
        ("3#9", 1, "3", ("3", "9"), [0], True),  # `#` ends the entry that it stands behind
        ("3##9", 1, "3", ("3",), [0], True),
        ("3#", None, "3", ("3",), [0], False),
        ("#", None, "3", (), [], True),
        ("1245", None, "3", (), [], False),
        ("17#2", None, "3", (), [], True),
        ("1732", None, "3", ("3",), [2], False),
        ("33333", None, "3", ("3",) * 5, [0, 1, 2, 3, 4], False),
        ("333333", 1, "3", ("3",) * 6, [0, 1, 2, 3, 4], True),  # what can't be said again is an entry like any other
        ("12", 4, "", ("12",), [], False),
    ],
)
def test_entries_that_ask_for_it_again(
    keys: str, most: int | None, repeat: str, entries: tuple[str, ...], anew: list[int], done: bool
) -> None:
    made, places = told(keys, most, repeat)
    assert (made.entries(), places, made.done) == (entries, anew, done)


@given(PRESSED, st.none() | st.integers(1, 9), st.text("0123456789ABCD*", max_size=3))
def test_any_keys_and_any_repeat(keys: str, most: int | None, repeat: str) -> None:
    made, places = told(keys, most, repeat)
    entries = made.entries()
    assert len(places) <= MOST_REPLAYS
    assert entries[: len(places)] == tuple(keys[place] for place in places)
    assert all(keys[place] in repeat for place in places)
    rest = entries[len(places) :]
    assert len(rest) <= (0 if most is None else 1)
    assert all(re.fullmatch(r"[0-9A-D*]+", entry) and len(entry) <= (most or 0) for entry in rest)
    assert made.awaited == (not made.done and (most is not None or (repeat != "" and len(places) < MOST_REPLAYS)))
