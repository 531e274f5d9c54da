"""Who answers at which number of the sandbox: the last two digits choose. docs/sandbox.md shows this table."""

import re
from enum import StrEnum

import msgspec

FOR_EVER = float("inf")


class Deed(StrEnum):
    """What somebody does once, some time after they answered. Afterwards they stay until the caller hangs up."""

    LISTEN = "listen"
    PRESS = "press"
    HANG_UP = "hang up"
    VANISH = "vanish"


class Behaviour(msgspec.Struct, frozen=True):
    """What a phone does when it is called. Times are in seconds."""

    does: str  # said to people: docs/sandbox.md
    rings: float = 1.0  # 0: not at all
    refuses: int | None = None  # with which SIP status, once it has rung
    says: str = "hello"  # a sound of sounds.py
    deed: Deed = Deed.LISTEN
    after: float = 1.5  # from the answer to the deed, so that something was heard before
    keys: str = ""
    every: float = 0.0  # from a key to the next; 0: one right after the other


BEHAVIOURS: dict[str, Behaviour] = {
    "01": Behaviour("Answers after a second of ringing and presses 1.", deed=Deed.PRESS, keys="1"),
    "02": Behaviour("Answers and only listens."),
    "03": Behaviour("Is busy (SIP 486).", rings=0, refuses=486),
    "04": Behaviour("Rings for ever; nobody answers.", rings=FOR_EVER),
    "05": Behaviour("Declines after a second of ringing (SIP 603).", refuses=603),
    "06": Behaviour("Can't be reached: the phone is switched off (SIP 480).", rings=0, refuses=480),
    "07": Behaviour("Does not exist (SIP 404).", rings=0, refuses=404),
    "08": Behaviour("An answering machine: a greeting, a beep, then silence.", says="greeting"),
    "09": Behaviour(
        "Answers and hangs up 1.2 seconds later, in the middle of a sentence.", deed=Deed.HANG_UP, after=1.2
    ),
    "10": Behaviour("Answers after twelve seconds of ringing and presses 1.", rings=12, deed=Deed.PRESS, keys="1"),
    "13": Behaviour("Answers at once, without ringing, and presses 1.", rings=0, deed=Deed.PRESS, keys="1"),
    "14": Behaviour("The network fails (SIP 503).", rings=0, refuses=503),
    "15": Behaviour("Answers and enters several digits: 1234#.", deed=Deed.PRESS, keys="1234#"),
    "16": Behaviour(
        "Answers and vanishes two seconds later: no goodbye, no sound, no answer.", deed=Deed.VANISH, after=2
    ),
    "17": Behaviour(
        "Answers, presses 3 (say it again, for instance), and two seconds later 9.",
        deed=Deed.PRESS,
        keys="39",
        every=2,
    ),
}

ANYBODY = Behaviour("Answers after a second of ringing and presses 1.", deed=Deed.PRESS, keys="1")
"""Who is at any other number, so at the founding page's own: …78, …11 and …12."""


def behaviour_at(number: str) -> Behaviour:
    """Who is at a number; what is not a digit in it does not count."""
    return BEHAVIOURS.get(re.sub(r"[^0-9]", "", number)[-2:], ANYBODY)
