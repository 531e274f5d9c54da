"""From a checked request to what the store keeps, and from what it kept to the SendResponse."""

from typing import Any

import msgspec

from ..model.ids import new_id
from ..model.message import Bulk, Destination, Network
from ..model.number import dialable
from ..model.status import PENDING_ACCEPTED, REJECTED_DESTINATION, REJECTED_DUPLICATE_MESSAGE_ID, Status
from . import xml
from .negotiation import Form
from .wire import SendRequest, Wanted


class Line(msgspec.Struct, frozen=True, gc=False):
    """What becomes of one number of a request. No message id where it can't be dialled.

    `to` is as it was given. `again` marks an id that stood earlier in the same request.
    """

    to: str
    message_id: str | None
    again: bool = False


class Draft(msgspec.Struct, frozen=True):
    """A request ready to be kept: the bulk, and a line for every number in the request's order."""

    bulk: Bulk
    lines: list[Line]


def drafted(request: SendRequest, network: Network) -> Draft:
    """Gives ids to what has none, and leaves out what can't be dialled and what is there twice by its id."""
    lines: list[Line] = []
    seen: set[str] = set()
    messages = tuple([(message, _destinations(wanted, lines, seen)) for message, wanted in request.messages])
    kept = tuple([part for part in messages if part[1]])
    return Draft(Bulk(request.bulk_id or new_id(), network, kept), lines)


def _destinations(wanted: tuple[Wanted, ...], lines: list[Line], seen: set[str]) -> tuple[Destination, ...]:
    destinations: list[Destination] = []
    for one in wanted:
        digits = dialable(one.to)
        if digits is None:
            lines.append(Line(one.to, None))
            continue
        message_id = one.message_id or new_id()
        again = message_id in seen
        lines.append(Line(one.to, message_id, again))
        if not again:
            seen.add(message_id)
            destinations.append(Destination(digits, message_id))
    return tuple(destinations)


def send_response(draft: Draft, used: set[str], form: Form) -> bytes:
    """The SendResponse, in the request's order. `used` are the message ids that the store refused."""
    answer: dict[str, Any] = {
        "bulkId": draft.bulk.bulk_id,
        "messages": [_message(line, used) for line in draft.lines],
    }
    return msgspec.json.encode(answer) if form == "json" else xml.element("sendResponse", answer).encode()


def _message(line: Line, used: set[str]) -> dict[str, Any]:
    if line.message_id is None:
        return {"to": line.to, "status": _REJECTED_DESTINATION}
    refused = line.again or line.message_id in used
    return {
        "to": line.to,
        "status": _REJECTED_DUPLICATE if refused else _PENDING_ACCEPTED,
        "messageId": line.message_id,
    }


def _form(status: Status) -> dict[str, Any]:
    form: dict[str, Any] = msgspec.to_builtins(status)
    return form


_PENDING_ACCEPTED = _form(PENDING_ACCEPTED)
_REJECTED_DESTINATION = _form(REJECTED_DESTINATION)
_REJECTED_DUPLICATE = _form(REJECTED_DUPLICATE_MESSAGE_ID)
