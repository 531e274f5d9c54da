"""The rate deck: which rate wins, and every fault by its line."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.model.exceptions import ConfigError
from ringback.model.tariff import Rate, RateDeck, charged, parse_deck

HEAD = "prefix,mccMnc,pricePerSecond,currency\n"
DECK = HEAD + ",,0.05,EUR\n41,,0.02,CHF\n4179,22801,0.0300,CHF\n41790000000000,22802,1,CHF\n"


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        parse_deck(text)
    first, *lines = str(refused.value).splitlines()
    assert first == "the rate deck can't be used:"
    return lines


@pytest.mark.parametrize(
    ("number", "prefix"),
    [
        ("41790000000000", "41790000000000"),
        ("417900000000001", "41790000000000"),
        ("4179000000000", "4179"),
        ("4179", "4179"),
        ("417", "41"),
        ("41", "41"),
        ("4", ""),
        ("999", ""),
        ("", ""),
    ],
)
def test_the_longest_prefix_wins(number: str, prefix: str) -> None:
    found = parse_deck(DECK).rate(number)
    assert found is not None
    assert found.prefix == prefix


def test_a_rate_is_exactly_what_the_deck_says() -> None:
    assert parse_deck(DECK).rate("4179") == Rate("4179", "22801", Decimal("0.0300"), "CHF")
    assert str(parse_deck(DECK).rates["4179"].per_second) == "0.0300"
    assert parse_deck(DECK).rates["41"].mcc_mnc is None


def test_without_a_rate_of_last_resort_there_may_be_none() -> None:
    deck = parse_deck(HEAD + "41,,0.02,CHF\n")
    assert deck.rate("42123") is None
    assert RateDeck({}).rate("41") is None


@given(st.sets(st.text("0123", max_size=5), min_size=1), st.text("0123", max_size=8))
def test_the_rate_is_the_longest_of_all_that_fit(prefixes: set[str], number: str) -> None:
    found = parse_deck(HEAD + "".join(f"{prefix},,1,EUR\n" for prefix in prefixes)).rate(number)
    fitting = [prefix for prefix in prefixes if number.startswith(prefix)]
    assert (found and found.prefix) == max(fitting, key=len, default=None)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + DECK,
        DECK.replace("\n", "\r\n"),
        "\ufeff" + DECK.replace("\n", "\r\n"),
        DECK.rstrip("\n"),
        "# rates\n\n" + DECK.replace("\n", "\n# more\n \n"),
        DECK.replace("41,", '"41",').replace("EUR", '"EUR"'),
        DECK.replace(",", " , "),
    ],
    ids=["bom", "crlf", "bom and crlf", "no last newline", "comments", "quotes", "spaces"],
)
def test_as_spreadsheets_and_people_write_it(text: str) -> None:
    assert parse_deck(text) == parse_deck(DECK)


FAULTS = {
    "prefix": ("+41,,0.01,EUR", ["prefix '+41' is not 0 to 15 digits"]),
    "long prefix": ("1234567890123456,,0.01,EUR", ["prefix '1234567890123456' is not 0 to 15 digits"]),
    "mccMnc": ("41,228,0.01,EUR", ["mccMnc '228' is not 5 or 6 digits"]),
    "no price": ("41,,,EUR", ["pricePerSecond '' is not a number of 0 or more"]),
    "below 0": ("41,,-1,EUR", ["pricePerSecond '-1' is not a number of 0 or more"]),
    "exponent": ("41,,1E-7,EUR", ["pricePerSecond '1E-7' is not a number of 0 or more"]),
    "NaN": ("41,,NaN,EUR", ["pricePerSecond 'NaN' is not a number of 0 or more"]),
    "comma": ('41,,"0,01",EUR', ["pricePerSecond '0,01' is not a number of 0 or more"]),
    "other digits": ("41,,\u0661,EUR", ["pricePerSecond '\u0661' is not a number of 0 or more"]),
    "currency": ("41,,0.01,eur", ["currency 'eur' is not three capital letters"]),
    "too few": ("41,,0.01", ["3 columns where 4 belong"]),
    "too many": ("41,,0,01,EUR", ["5 columns where 4 belong"]),
    "all at once": (
        "x,1,y,z",
        [
            "prefix 'x' is not 0 to 15 digits",
            "mccMnc '1' is not 5 or 6 digits",
            "pricePerSecond 'y' is not a number of 0 or more",
            "currency 'z' is not three capital letters",
        ],
    ),
    "open quote": ('"41,,0.01,EUR', ["1 columns where 4 belong"]),
    "endless cell": ("4" * 200_000, ["0 columns where 4 belong"]),
}


@pytest.mark.parametrize(("row", "named"), FAULTS.values(), ids=FAULTS.keys())
def test_every_fault_is_named_by_its_line(row: str, named: list[str]) -> None:
    text = HEAD + "# a comment\n40,,0.01,EUR\n" + row + "\n49,,0.01,EUR\n50,x,0.01,EUR\n"
    assert faults(text) == [*(f"line 4: {fault}" for fault in named), "line 6: mccMnc 'x' is not 5 or 6 digits"]


def test_a_prefix_that_stands_twice() -> None:
    assert faults(DECK + "41,,9,EUR\n,,9,EUR\n") == [
        "line 6: prefix '41' stands twice",
        "line 7: prefix '' stands twice",
    ]


@pytest.mark.parametrize("head", ["prefix,mccMnc,pricePerSecond", "Prefix,mccMnc,pricePerSecond,currency", "41,,1,EUR"])
def test_the_first_line_names_the_columns(head: str) -> None:
    named = "line 2: the first line must be prefix,mccMnc,pricePerSecond,currency, with or without "
    assert faults(f"# rates\n{head}\n41,,1,EUR\n") == [named + "firstIncrement,nextIncrement behind"]


@pytest.mark.parametrize("text", ["", "\n", "# nothing but a comment\n"])
def test_a_file_that_says_nothing_is_no_deck(text: str) -> None:
    """As one that is just being written."""
    assert faults(text) == ["line 1: the first line must be prefix,mccMnc,pricePerSecond,currency"]


WIDE = HEAD.rstrip("\n") + ",firstIncrement,nextIncrement\n"


def test_increments() -> None:
    deck = parse_deck(WIDE + "41,,0.02,CHF,60,1\n4179,22801,0.03,CHF,30,6\n")
    assert deck.rates["41"] == Rate("41", None, Decimal("0.02"), "CHF", 60, 1)
    assert (deck.rates["4179"].first_increment, deck.rates["4179"].next_increment) == (30, 6)
    narrow = parse_deck(DECK).rates["4179"]
    assert (narrow.first_increment, narrow.next_increment) == (1, 1)


BAD_INCREMENTS = ["0", "", "-1", "1.5", "3601", "99999", "x", "\u0661"]


@pytest.mark.parametrize("bad", BAD_INCREMENTS)
def test_every_faulty_increment_is_named(bad: str) -> None:
    named = f"{bad!r} is not 1 to 3600 whole seconds"
    assert faults(WIDE + f"41,,1,EUR,{bad},1\n42,x,1,EUR,1,1\n43,,1,EUR,3600,{bad}\n") == [
        f"line 2: firstIncrement {named}",
        "line 3: mccMnc 'x' is not 5 or 6 digits",
        f"line 4: nextIncrement {named}",
    ]


def test_increments_come_both_or_neither_and_lines_are_as_long_as_the_first() -> None:
    assert faults(WIDE + "41,,1,EUR,60,1\n42,,1,EUR\n") == ["line 3: 4 columns where 6 belong"]
    head, *rest = faults(HEAD.rstrip("\n") + ",firstIncrement\n41,,1,EUR,60,1\n42,,1,EUR,60\n")
    assert head.startswith("line 1: the first line must be")
    assert rest == ["line 3: 5 columns where 6 belong"]


@pytest.mark.parametrize(
    ("milliseconds", "first", "following", "seconds"),
    [
        (None, 60, 60, 0),
        (0, 1, 1, 1),
        (-5, 1, 1, 1),
        (1, 1, 1, 1),
        (1_000, 1, 1, 1),
        (1_001, 1, 1, 2),
        (10_499, 1, 1, 11),  # whose duration is 10
        (0, 60, 1, 60),
        (60_000, 60, 1, 60),
        (60_001, 60, 1, 61),
        (29_999, 30, 6, 30),
        (30_001, 30, 6, 36),
        (36_000, 30, 6, 36),
        (36_001, 30, 6, 42),
        (60_001, 60, 60, 120),
    ],
)
def test_what_is_charged(milliseconds: int | None, first: int, following: int, seconds: int) -> None:
    assert charged(milliseconds, Rate("", None, Decimal(1), "EUR", first, following)) == seconds


@given(st.integers(0, 10_000_000), st.integers(1, 3_600), st.integers(1, 3_600))
def test_what_is_charged_covers_the_call_by_less_than_an_increment(duration: int, first: int, following: int) -> None:
    seconds = charged(duration, Rate("", None, Decimal(1), "EUR", first, following))
    assert seconds * 1_000 >= duration
    assert (seconds - first) % following == 0
    assert seconds == first or (seconds - following) * 1_000 < duration
