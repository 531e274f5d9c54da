"""From a checked request to what the store keeps, and from what it kept to the SendResponse."""

from typing import Any

import msgspec

from ..model.account import Account
from ..model.ids import new_id
from ..model.message import Bulk, Destination, Network, VoiceMessage
from ..model.number import dialable
from ..model.schedule import Timetable
from ..model.status import PENDING_ACCEPTED, REJECTED_DESTINATION, REJECTED_DUPLICATE_MESSAGE_ID, Status
from ..model.times import DAY, Instant
from . import xml
from .checks import Faults
from .negotiation import Form
from .timing_fields import FARTHEST_DAYS, NEVER_OPENS
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


def drafted(request: SendRequest, network: Network, sender: Account, now: Instant) -> Draft:
    """Gives ids to what has none, and its time to each; leaves out what can't be dialled and what is there twice.

    Raises `ApiError` 400 where a number's delivery window never opens before its message is no longer valid.
    """
    timing = _Timing(request, sender, now)
    lines: list[Line] = []
    seen: set[str] = set()
    messages = tuple([(message, _destinations(wanted, lines, seen)) for message, wanted in request.messages])
    timed = tuple([(message, timing.timed(n, message, to)) for n, (message, to) in enumerate(messages) if to])
    count, most = sum(len(to) for _, to in timed), sender.limits.waiting
    if most is not None and count > most:  # to try again later would never help
        timing.faults.add("messages", f"hold {count} destinations; of yours at most {most} may wait to be called")
    timing.faults.raise_any()
    return Draft(Bulk(request.bulk_id or new_id(), network, timed, timing.send_at), lines)


class _Timing:
    """When the destinations of a request are due."""

    def __init__(self, request: SendRequest, sender: Account, now: Instant) -> None:
        messages = [message for message, _ in request.messages]
        starts = [message.send_at for message in messages]
        self.send_at = min((start for start in starts if start), default=None) if all(starts) else None
        self.faults = Faults()
        self._sender = sender
        self._table = Timetable(next((m.sending_speed.interval_us for m in messages if m.sending_speed), 0))
        self._now = now

    def timed(
        self, index: int, message: VoiceMessage, destinations: tuple[Destination, ...]
    ) -> tuple[Destination, ...]:
        """Each with its time."""
        start = max(message.send_at or self._now, self._now)
        if message.window is None and message.sending_speed is None:
            return destinations if message.send_at is None else tuple([_at(start, to) for to in destinations])
        return tuple([_at(self._due(index, message, start, to.to), to) for to in destinations])

    def _due(self, index: int, message: VoiceMessage, start: Instant, number: str) -> Instant:
        zones = self._sender.zones(message.window, number)
        due = self._table.due(start, message.sending_speed is not None, message.window, zones)
        if due >= message.expires(start):
            self.faults.add(f"messages[{index}].deliveryTimeWindow", f"for {number} it {NEVER_OPENS}")
        elif due > self._now + FARTHEST_DAYS * DAY and not self.faults.named:
            self.faults.add("sendingSpeed", f"is too slow: {number} would be called in over {FARTHEST_DAYS} days")
        return due


def _at(due_at: Instant, to: Destination) -> Destination:
    return Destination(to.to, to.message_id, due_at)


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
