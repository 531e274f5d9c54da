"""Keys become entries: contract sections 2 and 4."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ringback.calls.keys import Keys

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
