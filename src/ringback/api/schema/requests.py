"""Request bodies as the OpenAPI document shows them: names, types and bounds of contract sections 1 and 2.

Bodies are read by api/wire.py, which names every fault by its path; these types say the same to people and to
generators of clients. tests/api/test_openapi_bodies.py holds them against what is really read and refused. A field
that is null counts as absent; the types do not say so, because no client needs it.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ...model.message import LONGEST_VALIDITY
from ...model.schedule import LADDER, MOST_RETRIES
from ..checks import LARGEST
from ..message_fields import (
    CALLER,
    FASTEST,
    LANGUAGE,
    LONGEST_CALL_S,
    LONGEST_CALLBACK,
    LONGEST_DTMF_S,
    LONGEST_ID,
    LONGEST_PAUSE_S,
    LONGEST_RING_S,
    LONGEST_TEXT,
    LONGEST_URL,
    LONGEST_VOICE_NAME,
    MOST_DIGITS,
    MOST_REPEAT_KEYS,
    REPEAT_KEYS,
    SLOWEST,
)
from ..sessions import LONGEST as LONGEST_LOGIN
from ..timing_fields import FARTHEST_DAYS, FASTEST_SPEED
from ..wire import MOST_DESTINATIONS
from .answers import BulkStatusName

_Number: TypeAlias = Annotated[
    str,
    Meta(
        description="A number to phone: 3 to 15 digits, apart from spaces, ( ) - . and one leading + or 00. One that"
        " can't be dialled does not refuse the request: its status in the answer says so.",
        examples=["41793026727"],
    ),
]
_Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
_Url: TypeAlias = Annotated[str, Meta(max_length=LONGEST_URL, extra_json_schema={"format": "uri"})]
_Whole: TypeAlias = Annotated[int, Meta(ge=1, le=LARGEST)]
_Day: TypeAlias = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
_Moment: TypeAlias = Annotated[
    str,
    Meta(
        description=f"A date and time with its zone, +01:00, +0100 or Z, at most {FARTHEST_DAYS} days ahead."
        " One that is past counts as now.",
        examples=["2015-07-07T17:00:00.000+01:00"],
        extra_json_schema={"format": "date-time"},
    ),
]


def _whole(low: int, high: int, description: str) -> Meta:
    return Meta(ge=low, le=high, description=description)


class Voice(msgspec.Struct, rename="camel"):
    """Which voice speaks: by name; or the first of a gender; without either the language's default."""

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_VOICE_NAME)] | UnsetType = UNSET
    gender: Literal["male", "female"] | UnsetType = UNSET


class Retry(msgspec.Struct, rename="camel"):
    """How often, and at what intervals in minutes, a call that nobody answered is tried again.

    The interval climbs from minPeriod to maxPeriod; equal, it is constant.
    """

    min_period: Annotated[
        _Whole, Meta(description=f"Rounded up to one of {', '.join(map(str, LADDER))}; at most maxPeriod.")
    ]
    max_period: Annotated[_Whole, Meta(description="As minPeriod.")]
    max_count: Annotated[
        int, Meta(ge=0, le=LARGEST, description=f"Above {MOST_RETRIES} it is taken as {MOST_RETRIES}; 0 is never.")
    ]


class SendingSpeed(msgspec.Struct, rename="camel"):
    """At most so many messages in each unit of time, over the whole bulk; overrides validityPeriod."""

    speed: Annotated[int, Meta(ge=1, le=FASTEST_SPEED)]
    time_unit: Literal["second", "minute", "hour", "day"]


class TimeOfDay(msgspec.Struct, rename="camel"):
    """An hour and a minute."""

    hour: Annotated[int, Meta(ge=0, le=23)]
    minute: Annotated[int, Meta(ge=0, le=59)]


class DeliveryTimeWindow(msgspec.Struct, rename="camel"):
    """When people may be phoned; in UTC, or by account in every zone that the number may be in."""

    days: Annotated[list[_Day], Meta(min_length=1)]
    from_: TimeOfDay | UnsetType = msgspec.field(name="from", default=UNSET)
    to: TimeOfDay | UnsetType = UNSET


class Message(msgspec.Struct, rename="camel"):
    """What is said, how and when. Give exactly one of text and audioFileUrl."""

    from_: (
        Annotated[str, Meta(pattern=f"^{CALLER}$", description="The caller's number.", examples=["41793026700"])]
        | UnsetType
    ) = msgspec.field(name="from", default=UNSET)
    text: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=LONGEST_TEXT,
                description="What is spoken; a comma is half a second's pause. Not blank and not punctuation only.",
                examples=["Hello from Ringback. Press one."],
            ),
        ]
        | UnsetType
    ) = UNSET
    audio_file_url: (
        Annotated[
            _Url, Meta(description="What is played: wav, mp3, ogg, aac, m4a, aiff, mp4 audio or wma, under 4 MB.")
        ]
        | UnsetType
    ) = UNSET
    language: (
        Annotated[str, Meta(pattern=f"^{LANGUAGE}$", description="The text's language.", examples=["en", "pt-br"])]
        | UnsetType
    ) = "en"
    voice: Annotated[Voice | str, Meta(description="An object, or a string that holds it as JSON.")] | UnsetType = UNSET
    speech_rate: (
        Annotated[float, Meta(description=f"How fast, 1 being as usual; clamped to {SLOWEST} to {FASTEST}.")]
        | UnsetType
    ) = 1.0
    pause: Annotated[int, _whole(0, LONGEST_PAUSE_S, "Seconds of silence after the answer.")] | UnsetType = 0
    record: Annotated[bool, Meta(description="Whether the call is recorded.")] | UnsetType = False
    repeat_dtmf: (
        Annotated[
            str,
            Meta(
                pattern=f"^{REPEAT_KEYS}$",
                min_length=1,
                max_length=MOST_REPEAT_KEYS,
                description="Keys that replay the message, at most five times.",
            ),
        ]
        | UnsetType
    ) = UNSET
    max_dtmf: Annotated[int, _whole(1, MOST_DIGITS, "How many digits are collected; # ends the entry.")] | UnsetType = (
        UNSET
    )
    dtmf_timeout: Annotated[int, _whole(1, LONGEST_DTMF_S, "Seconds to wait for a key.")] | UnsetType = 10
    ring_timeout: Annotated[int, _whole(1, LONGEST_RING_S, "Seconds to let it ring.")] | UnsetType = 45
    call_timeout: Annotated[int, _whole(1, LONGEST_CALL_S, "The longest a call may last, in seconds.")] | UnsetType = (
        UNSET
    )
    machine_detection: (
        Annotated[
            Literal["disable"],
            Meta(description="hangup and continue come with a later release, and are refused until then."),
        ]
        | UnsetType
    ) = "disable"
    callback_data: (
        Annotated[str, Meta(max_length=LONGEST_CALLBACK, description="Echoed in the report.")] | UnsetType
    ) = UNSET
    notify_url: Annotated[_Url, Meta(description="Where the report is POSTed.")] | UnsetType = UNSET
    notify_content_type: Literal["application/json", "application/xml"] | UnsetType = "application/json"
    notify_content_version: (
        Annotated[int, _whole(1, 2, "1 is the form of /tts/3/reports, 2 that of /voice/1/reports.")] | UnsetType
    ) = 1
    send_at: _Moment | UnsetType = UNSET
    validity_period: (
        Annotated[
            _Whole,
            Meta(description=f"Minutes from sendAt after which nobody is phoned; above {LONGEST_VALIDITY} as that."),
        ]
        | UnsetType
    ) = LONGEST_VALIDITY
    delivery_time_window: DeliveryTimeWindow | UnsetType = UNSET
    retry: Retry | UnsetType = UNSET
    sending_speed: SendingSpeed | UnsetType = UNSET


_Numbers: TypeAlias = Annotated[
    _Number | Annotated[list[_Number], Meta(min_length=1, max_length=MOST_DESTINATIONS)],
    Meta(description=f"A number, or a list of up to {MOST_DESTINATIONS:,}."),
]
_MessageId: TypeAlias = Annotated[
    _Id, Meta(description="An id of your own, printable and never used before; kept verbatim. For one number alone.")
]
_BulkId: TypeAlias = Annotated[_Id, Meta(description="An id of your own, printable and never used before.")]


class SingleBody(Message, kw_only=True):
    """One message to one number."""

    to: _Numbers
    message_id: _MessageId | UnsetType = UNSET
    bulk_id: _BulkId | UnsetType = UNSET


class MultiMessage(Message, kw_only=True):
    """A message, and the numbers it goes to."""

    to: _Numbers
    message_id: _MessageId | UnsetType = UNSET


class MultiBody(msgspec.Struct, rename="camel", kw_only=True):
    """Several messages, each to several numbers; at most 20,000 numbers in all."""

    messages: Annotated[list[MultiMessage], Meta(min_length=1, max_length=MOST_DESTINATIONS)]
    bulk_id: _BulkId | UnsetType = UNSET
    sending_speed: SendingSpeed | UnsetType = UNSET


class Destination(msgspec.Struct, rename="camel"):
    """A number, and an id of your own for the message to it."""

    to: _Number
    message_id: _MessageId | UnsetType = UNSET


class AdvancedMessage(Message, kw_only=True):
    """A message, and its destinations."""

    destinations: Annotated[list[Destination], Meta(min_length=1, max_length=MOST_DESTINATIONS)]


class AdvancedBody(msgspec.Struct, rename="camel", kw_only=True):
    """Several messages, each to several destinations with ids of their own; at most 20,000 in all."""

    messages: Annotated[list[AdvancedMessage], Meta(min_length=1, max_length=MOST_DESTINATIONS)]
    bulk_id: _BulkId | UnsetType = UNSET
    sending_speed: SendingSpeed | UnsetType = UNSET


class BulkMove(msgspec.Struct, rename="camel"):
    """When a bulk is sent instead."""

    send_at: _Moment


class BulkChange(msgspec.Struct, rename="camel"):
    """What becomes of a bulk: PENDING and PAUSED change places, and both become CANCELED; anything else is refused."""

    status: BulkStatusName


class Login(msgspec.Struct, rename="camel"):
    """The account's name and password."""

    username: Annotated[str, Meta(min_length=1, max_length=LONGEST_LOGIN)]
    password: Annotated[str, Meta(min_length=1, max_length=LONGEST_LOGIN)]
