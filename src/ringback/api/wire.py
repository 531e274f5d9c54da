"""Request bodies: what an account asks for, checked whole.

A request is taken whole or refused whole with every fault named by its path, except for single numbers that
can't be dialled. Source: contract sections 1, 2 and 7.
"""

from typing import Any

import msgspec

from ..model.message import VoiceMessage
from ..model.schedule import SendingSpeed
from ..model.times import Instant
from .checks import Faults, Fields, forbidden, root_of
from .errors import ApiError
from .message_fields import Speaks, any_language, bulk_id, message_id, refuse_later, voice_message
from .negotiation import sent_as
from .timing_fields import sending_speed

MOST_DESTINATIONS = 20_000
"""In one request (contract section 1)."""


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """A number as it was given, and the message id that the caller chose, if any."""

    to: str
    message_id: str | None = None


class SendRequest(msgspec.Struct, frozen=True):
    """What a body asks for: voice messages, each with its destinations in the body's order."""

    bulk_id: str | None
    messages: tuple[tuple[VoiceMessage, tuple[Wanted, ...]], ...]


def parse_single(body: bytes, content_type: str | None, now: Instant = 0, speaks: Speaks = any_language) -> SendRequest:
    """A SingleBody. Raises `ApiError`: 415 for its type, 400 with every fault. Source: contract section 1."""
    root, faults = _read(body, content_type)
    return _request(root, [(root, _numbers(root))], faults, now, speaks)


def parse_multi(body: bytes, content_type: str | None, now: Instant = 0, speaks: Speaks = any_language) -> SendRequest:
    """A MultiBody; else as `parse_single`."""
    root, faults = _read(body, content_type)
    messages = _messages(root, "to")
    return _request(root, [(message, _numbers(message)) for message in messages], faults, now, speaks)


def parse_advanced(
    body: bytes, content_type: str | None, now: Instant = 0, speaks: Speaks = any_language
) -> SendRequest:
    """An AdvancedBody; else as `parse_single`. Source: contract sections 1 and 2."""
    root, faults = _read(body, content_type)
    messages = _messages(root, "destinations")
    return _request(root, [(message, _destinations(message)) for message in messages], faults, now, speaks)


def _read(body: bytes, content_type: str | None) -> tuple[Fields, Faults]:
    sent = sent_as(content_type)
    if sent is None:
        raise ApiError(415, "Bodies are application/json or application/xml, in UTF-8")
    form, charset = sent
    faults = Faults()
    return Fields(root_of(body, form, charset), "", faults, form == "xml"), faults


def _request(
    root: Fields, messages: list[tuple[Fields, tuple[Wanted, ...]]], faults: Faults, now: Instant, speaks: Speaks
) -> SendRequest:
    bulk, speed = bulk_id(root), None
    if not any(fields is root for fields, _ in messages):
        refuse_later(root)
        speed = sending_speed(root)
    taken = tuple([(_paced(voice_message(fields, now, speaks), speed), wanted) for fields, wanted in messages])
    if len({message.sending_speed for message, _ in taken if message.sending_speed}) > 1:
        root.fault("sendingSpeed", "must be the same in all messages of a request: it is the bulk's")
    faults.raise_any()
    return SendRequest(bulk, taken)


def _paced(message: VoiceMessage, speed: SendingSpeed | None) -> VoiceMessage:
    """With the speed that stands beside `messages`, unless it has its own."""
    if speed is None or message.sending_speed:
        return message
    return msgspec.structs.replace(message, sending_speed=speed)


def _messages(root: Fields, destinations: str) -> list[Fields]:
    """The elements of `messages`. Too many destinations are refused before any is looked at closer."""
    items = root.items("messages") or []
    count = sum([_count(item.get(destinations)) for item in items if isinstance(item, dict)])
    if max(count, len(items)) > MOST_DESTINATIONS:
        root.fault("messages", f"at most {MOST_DESTINATIONS} destinations in a request")
        return []
    return [found for index, item in enumerate(items) if (found := root.item("messages", index, item))]


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list) else 1


def _numbers(message: Fields) -> tuple[Wanted, ...]:
    """The numbers of `to`: one or a list of them, with a `messageId` of the caller's beside a single one."""
    given = message.required("to")
    if given is None:
        return ()
    listed = isinstance(given, list)
    numbers = given if listed else [given]
    if not 1 <= len(numbers) <= MOST_DESTINATIONS:
        message.fault("to", f"must be 1 to {MOST_DESTINATIONS} numbers")
        return ()
    chosen = message_id(message)
    if chosen is not None and len(numbers) > 1:
        message.fault("messageId", "is for one number; give each its own with /tts/3/advanced")
    return tuple(
        [
            Wanted(number, chosen)
            for index, number in enumerate(numbers)
            if _is_number(message, f"to[{index}]" if listed else "to", number)
        ]
    )


def _is_number(fields: Fields, name: str, number: Any) -> bool:
    wrong = forbidden(number) if isinstance(number, str) else "must be a string"
    if wrong:
        fields.fault(name, wrong)
    return not wrong


def _destinations(message: Fields) -> tuple[Wanted, ...]:
    items = message.items("destinations") or []
    if len(items) > MOST_DESTINATIONS:
        message.fault("destinations", f"at most {MOST_DESTINATIONS} destinations in a request")
        return ()
    return tuple([_plain(item) or _destination(message, index, item) for index, item in enumerate(items)])


def _plain(item: Any) -> Wanted | None:
    """The destination that nearly all are: ASCII digits and no id of the caller's. None for a closer look."""
    if type(item) is dict and len(item) == 1:
        to = item.get("to")
        if isinstance(to, str) and to.isascii() and to.isdigit():
            return Wanted(to)
    return None


def _destination(message: Fields, index: int, item: Any) -> Wanted:
    fields = message.item("destinations", index, item)
    if fields is None:
        return Wanted("")
    to = fields.required("to")
    if to is not None:
        _is_number(fields, "to", to)
    return Wanted(to, message_id(fields))
