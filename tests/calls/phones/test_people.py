"""The table of numbers: people.py does what docs/sandbox.md says, and the docs say all of it."""

from pathlib import Path

import pytest

from ringback.calls.phones.people import ANYBODY, BEHAVIOURS, FOR_EVER, Behaviour, Deed, behaviour_at
from ringback.model.status import ANSWERED, NO_ANSWER, error_of_sip

DOCS = Path(__file__).parents[3] / "docs" / "sandbox.md"


def row(ending: str, who: Behaviour) -> str:
    return f"| {ending} | {who.does} | {reported(who)} |"


def reported(who: Behaviour) -> str:
    """What a report says of a call there. One who vanishes is somebody's guess."""
    if who.deed is Deed.VANISH:
        return "the call's end is found out late"
    error = error_of_sip(who.refuses) if who.refuses else NO_ANSWER if who.rings == FOR_EVER else ANSWERED
    return f"`{error.name}`"


def test_the_docs_show_the_table() -> None:
    rows = [row(ending, who) for ending, who in BEHAVIOURS.items()] + [row("any other", ANYBODY)]
    shown = [line for line in DOCS.read_text().splitlines() if line.startswith("|")]
    assert shown[2:] == rows


@pytest.mark.parametrize("number", ["385981178", "38598111", "385981112", "38598199", "7", ""])
def test_the_founding_pages_own_numbers_answer_and_press_1(number: str) -> None:
    who = behaviour_at(number)
    assert (who.deed, who.keys, who.refuses) == (Deed.PRESS, "1", None)


def test_only_digits_count() -> None:
    assert behaviour_at("+385 98-10 (3)").refuses == 486
