"""The log's form of a message, pending or finished. Source: contract section 4, "Logs"."""

from typing import Any

import msgspec

from .status import NO_ERROR, PENDING_ACCEPTED, PENDING_WAITING_DELIVERY
from .times import Instant, written

PENDING = "1"
"""The status group of what has no report yet, as a facet begins."""


def facet(group: int, mcc_mnc: str | None) -> str:
    """What a message is filtered by beside its ids and numbers: its status group, a digit, and its network."""
    return f"{group}{mcc_mnc or ''}"


def matches(of: str, group: int | None, mcc: str | None, mnc: str | None) -> bool:
    """Whether a facet is of that status group and network; None matches all. A mobile country code has 3 digits."""
    return (
        (group is None or of[:1] == str(group)) and (mcc is None or of[1:4] == mcc) and (mnc is None or of[4:] == mnc)
    )


class Logged(msgspec.Struct, frozen=True, gc=False):
    """What the store knows of one message: its report as `/tts/3/reports` shows it, None while it is pending.

    `sent_at` of what was not dialled yet is when it was to be sent. `claimed`: its first attempt has begun.
    """

    bulk_id: str
    message_id: str
    to: str
    caller: str | None
    text: str | None
    sent_at: Instant
    claimed: bool
    report: str | None


class _Told(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What a log takes from a rendered report, as it stands there, digit for digit."""

    sent_at: str
    done_at: str
    duration: int
    mcc_mnc: str | None
    price: msgspec.Raw
    status: msgspec.Raw
    error: msgspec.Raw


_told = msgspec.json.Decoder(_Told)
_NO_PRICE = msgspec.Raw(b"null")
_WAITING = msgspec.Raw(msgspec.json.encode(PENDING_ACCEPTED))
_UNDER_WAY = msgspec.Raw(msgspec.json.encode(PENDING_WAITING_DELIVERY))
_NO_ERROR = msgspec.Raw(msgspec.json.encode(NO_ERROR))


def log_json(messages: list[Logged], zone: str) -> bytes:
    """Their JSON objects, separated by commas. `zone` is the account's: pending ones' times are written in it."""
    return b",".join([msgspec.json.encode(_form(message, zone)) for message in messages])


def _form(message: Logged, zone: str) -> dict[str, Any]:
    """Keys in the contract's order; what is not known is None."""
    if message.report is not None:
        told = _told.decode(message.report)
        sent_at, done_at, duration, mcc_mnc = told.sent_at, told.done_at, told.duration, told.mcc_mnc
        price, status, error = told.price, told.status, told.error
    else:
        sent_at, done_at, duration, mcc_mnc = written(message.sent_at, zone), None, None, None
        price, status, error = _NO_PRICE, _UNDER_WAY if message.claimed else _WAITING, _NO_ERROR
    return {
        "bulkId": message.bulk_id,
        "messageId": message.message_id,
        "from": message.caller,
        "to": message.to,
        "text": message.text,
        "sentAt": sent_at,
        "doneAt": done_at,
        "duration": duration,
        "mccMnc": mcc_mnc,
        "price": price,
        "status": status,
        "error": error,
    }
