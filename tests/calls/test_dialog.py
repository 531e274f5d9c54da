"""What the stack tells of a call, as a dialog keeps it."""

import itertools

import pytest
from baresip.events import Event, StackEvent

from ringback.calls.dialog import Dialog


@pytest.fixture
def dialog() -> Dialog:
    ticks = itertools.count(1)
    return Dialog(lambda: next(ticks))


def tell(dialog: Dialog, *events: Event, text: str | None = None) -> Dialog:
    for event in events:
        dialog.on_event(StackEvent(event, call=7, text=text, call_id="id"))
    return dialog


def test_each_moment_is_the_first_of_its_kind(dialog: Dialog) -> None:
    tell(dialog, Event.CALL_RINGING, Event.CALL_PROGRESS, Event.CALL_RINGING)
    assert (dialog.heard.is_set(), dialog.settled.is_set()) == (True, False)
    tell(dialog, Event.CALL_ESTABLISHED, Event.CALL_ESTABLISHED)
    assert (dialog.settled.is_set(), dialog.over) == (True, False)
    tell(dialog, Event.CALL_CLOSED, Event.CALL_CLOSED, text="Connection reset by peer")
    assert (dialog.ringing_at, dialog.answered_at, dialog.ended_at) == (1, 2, 3)
    assert (dialog.over, dialog.gone, dialog.broken, dialog.sip_status) == (True, True, False, None)
    assert dialog.call_id == "id"


def test_our_own_end_leaves_something_to_hang_up(dialog: Dialog) -> None:
    dialog.close("hung up")
    tell(dialog, Event.CALL_CLOSED, text="486 Busy Here")
    assert (dialog.reason, dialog.ended_at, dialog.gone) == ("hung up", 1, True)


@pytest.mark.parametrize(
    ("reason", "status", "broken"),
    [
        ("302 Moved", 302, False),
        ("699", 699, False),
        ("200 OK", None, False),
        ("700 no", None, False),
        ("Connection timed out", None, False),
        ("rtp stream error", None, True),
        ("", None, False),
    ],
)
def test_a_reason_is_a_status_or_a_breakdown(dialog: Dialog, reason: str, status: int | None, broken: bool) -> None:
    tell(dialog, Event.CALL_CLOSED, text=reason)
    assert (dialog.sip_status, dialog.broken) == (status, broken)


def test_only_keys_are_keys(dialog: Dialog) -> None:
    for text in ("1", "d", "*", "#", "!", "12", "\x1b", "٣", "", None):
        tell(dialog, Event.CALL_DTMF_START, text=text)
    assert "".join(dialog.keys) == "1D*#"


def test_a_storm_of_keys_is_cut_at_its_end(dialog: Dialog) -> None:
    tell(dialog, *[Event.CALL_DTMF_START] * 60, text="1")
    tell(dialog, *[Event.CALL_DTMF_START] * 60, text="2")
    assert "".join(dialog.keys) == "1" * 60 + "2" * 4
