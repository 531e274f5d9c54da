"""Texts as they are read out: dates and times in words of the language, commas as pauses."""

import pytest

from ringback.audio.reading import in_words, parts

DATES = [
    ("en", "on 2026-11-24 at 14:30", "on November 24 2026 at 14:30"),
    ("en", "11/24/2026", "November 24 2026"),
    ("en", "24/11/2026", "November 24 2026"),
    ("en-us", "on 11/24/2026, 14:30", "on November 24 2026, 2:30 PM"),
    ("en_US", "2026-11-24T14:00", "November 24 2026 2 PM"),
    ("en-us", "at 0:05", "at 12:05 AM"),
    ("en-gb", "on 24/11/2026.", "on 24 November 2026."),
    ("de", "am 24.11.2026 um 14:00", "am 24 November 2026 um 14 Uhr"),
    ("de", "am 1. 2. 2026 um 14:30", "am 1 Februar 2026 um 14:30"),
    ("de", "um 14:00 Uhr", "um 14:00 Uhr"),
    ("de-at", "24.11.2026", "24 November 2026"),
    ("hr", "dana 24.11.2026. u 14:30", "dana 24. studenoga 2026. u 14 30"),
    ("hr", "dana 24. 11. 2026. u", "dana 24. studenoga 2026. u"),
    ("fr", "le 24/11/2026", "le 24 novembre 2026"),
    ("es", "el 24/11/2026", "el 24 de noviembre de 2026"),
    ("it", "il 24/11/2026", "il 24 novembre 2026"),
    ("nl", "op 24-11-2026", "op 24 november 2026"),
    ("pl", "24.11.2026", "24 listopada 2026"),
    ("ru", "2026-11-24", "24 ноября 2026\u202fг."),
    ("sv", "2026-11-24", "24 november 2026"),
    ("hu", "2026. 11. 24.", "2026. november 24."),
    ("ja", "2026/11/24", "2026年11月24日"),
    ("cmn", "2026-11-24", "2026年11月24日"),
]

NO_DATES = [
    ("en", "03/04/2026"),  # which of the two it is, English alone does not say
    ("en", "24.11.2026"),
    ("en-us", "24/11/2026"),
    ("en-us", "at 9:05"),  # in the morning or in the evening
    ("en-us", "at 2:30 p.m."),
    ("de", "11/24/2026"),
    ("de", "31.2.2026"),
    ("de", "13.13.2026"),
    ("de", "192.168.1.2026"),
    ("de", "v1.2.2026"),
    ("de", "1.2.20261"),
    ("en", "2026-02-30"),
    ("en", "1026-11-24"),
    ("en", "0385-2026-11-24"),
    ("en", "2026-11-24-7"),
    ("en", "order 2026-11-24/7"),
    ("hr", "14:75"),
    ("hr", "14:30:15"),
    ("hr", "24:00"),
    ("xx", "2026-11-24"),
    ("", "2026-11-24"),
    ("../de", "2026-11-24"),
    ("de", "٢٤.١١.٢٠٢٦"),
    ("de", "24.11.26"),
]


@pytest.mark.parametrize(("language", "text", "said"), DATES)
def test_a_date_is_said_in_words(language: str, text: str, said: str) -> None:
    assert in_words(text, language) == said


@pytest.mark.parametrize(("language", "text"), NO_DATES)
def test_what_is_not_clearly_a_date_is_left(language: str, text: str) -> None:
    assert in_words(text, language) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("one two", [("one two", 0.0)]),
        ("one, two", [("one", 0.5), ("two", 0.0)]),
        ("one,,,,two", [("one", 2.0), ("two", 0.0)]),
        ("one , , two,", [("one", 1.0), ("two", 0.5)]),
        (", one", [("", 0.5), ("one", 0.0)]),
        ("1,000 and 3,14", [("1,000 and 3,14", 0.0)]),
        ("1,,2", [("1", 1.0), ("2", 0.0)]),
        ("1, 2", [("1", 0.5), ("2", 0.0)]),
        ("room 7,go", [("room 7", 0.5), ("go", 0.0)]),
        ("一，二、三", [("一", 0.5), ("二、三", 0.0)]),
        ("a\x01b", [("a b", 0.0)]),
        ("", [("", 0.0)]),
        (",", [("", 0.5)]),
    ],
)
def test_commas_are_pauses(text: str, found: list[tuple[str, float]]) -> None:
    assert parts(text, "en") == found


def test_a_date_s_own_comma_is_no_pause() -> None:
    assert parts("on 2026-11-24", "en-us") == [("on November 24 2026", 0.0)]
