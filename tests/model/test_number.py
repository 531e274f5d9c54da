"""What can be dialled: digits, and no numbering plan's opinion of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.model.number import dialable

NUMBERS = [
    ("385981178", "385981178"),  # the founding page's
    ("38598111", "38598111"),
    ("41793026727", "41793026727"),
    ("+41793026727", "41793026727"),
    ("0041793026727", "41793026727"),
    ("+41 (79) 302-67.27", "41793026727"),
    ("(+41)79", "4179"),
    ("0 0 4 1 7 9", "4179"),
    ("112", "112"),
    ("00112", "112"),
    ("123456789012345", "123456789012345"),
    ("+00123", "00123"),  # one leading + or 00 is taken away, not both
    ("0000123", "00123"),
    ("079 302", "079302"),
    ("", None),
    ("+", None),
    ("00", None),
    ("12", None),
    ("+12", None),
    ("0012", None),
    ("1234567890123456", None),
    ("++4179302", None),
    ("4179+302", None),
    ("Alphanumeric", None),
    ("4179x302", None),
    ("4179\n302", None),
    ("4179302\n", None),
    ("4179/302", None),
    ("\u0664\u0661\u0667\u0669", None),  # Arabic-Indic digits
    ("4179\u00a0302", None),
    ("sip:4179@x", None),
]


@pytest.mark.parametrize(("number", "digits"), NUMBERS)
def test_number(number: str, digits: str | None) -> None:
    assert dialable(number) == digits


@given(st.text())
def test_what_is_dialled_is_3_to_15_digits(number: str) -> None:
    digits = dialable(number)
    assert digits is None or (3 <= len(digits) <= 15 and set(digits) <= set("0123456789"))


@given(st.from_regex(r"[1-9][0-9]{2,14}", fullmatch=True), st.sampled_from(["", "+", "00"]), st.randoms())
def test_decoration_never_matters(digits: str, lead: str, chance: object) -> None:
    decorated = "".join(c + chance.choice(["", " ", "(", ")", "-", "."]) for c in lead + digits)  # type: ignore[attr-defined]
    assert dialable(decorated) == digits


@given(st.from_regex(r"[0-9]*", fullmatch=True).filter(lambda digits: not digits.startswith("00")))
def test_any_3_to_15_digits_are_a_number_whatever_their_plan(digits: str) -> None:
    assert dialable(digits) == (digits if 3 <= len(digits) <= 15 else None)
