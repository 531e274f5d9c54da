"""What is sent: the message and its parts. Source of the fields and their ranges: contract section 2.

Nothing is checked here that the server checks: it names every fault by its path in one `BadRequest`.
"""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, time
from typing import Literal, TypeAlias

Day: TypeAlias = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


@dataclass(frozen=True, slots=True)
class Destination:
    """A number of 3 to 15 digits, and if you like an id of your own for its message, 1 to 100 characters."""

    to: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice by its name, or the first of a gender. `is_default` is told by `Ringback.voices`, and never sent."""

    name: str | None = None
    gender: Literal["male", "female"] | None = None
    is_default: bool = field(default=False, metadata={"sent": False})


@dataclass(frozen=True, slots=True)
class Retry:
    """Tried again after `min_period` minutes, then ever later up to `max_period`, at most `max_count` (4) times."""

    min_period: int
    max_period: int
    max_count: int


@dataclass(frozen=True, slots=True)
class SendingSpeed:
    """At most `speed` messages of the bulk in each unit of time."""

    speed: int
    time_unit: Literal["second", "minute", "hour", "day"] = "minute"


@dataclass(frozen=True, slots=True)
class DeliveryTimeWindow:
    """On which days, and between which times in UTC (both or neither, an hour apart or more), it may ring."""

    days: tuple[Day, ...]
    opens: time | None = field(default=None, metadata={"name": "from"})
    closes: time | None = field(default=None, metadata={"name": "to"})


@dataclass(frozen=True, slots=True)
class CallTransfer:
    """On the key `equals` (`dtmf`), or on any (`anyDtmf`), the call is transferred, for so many seconds at most."""

    transfer_to: str
    on: Literal["dtmf", "anyDtmf"] = field(default="dtmf", metadata={"name": "if"})
    equals: str | None = None
    call_transfer_max_duration: int | None = None


To: TypeAlias = str | Destination


@dataclass(frozen=True, slots=True)
class Message:
    """One voice message to one number or many: what is said (`text` or `audio_file_url`), how and when.

    `caller` is the number that the phone shows. Minutes: `validity_period`. Seconds: `dtmf_timeout`,
    `ring_timeout`, `call_timeout`, `pause`. `send_at` has a time zone. What is None is left to the server.
    """

    to: To | Iterable[To] = field(metadata={"name": "destinations"})
    text: str | None = None
    _: KW_ONLY
    audio_file_url: str | None = None
    caller: str | None = field(default=None, metadata={"name": "from"})
    language: str | None = None
    voice: Voice | None = None
    speech_rate: float | None = None
    pause: int | None = None
    record: bool | None = None
    max_dtmf: int | None = None
    dtmf_timeout: int | None = None
    repeat_dtmf: str | None = None
    machine_detection: Literal["hangup", "continue", "disable"] | None = None
    call_transfers: tuple[CallTransfer, ...] | None = None
    ring_timeout: int | None = None
    call_timeout: int | None = None
    send_at: datetime | None = None
    validity_period: int | None = None
    retry: Retry | None = None
    sending_speed: SendingSpeed | None = None
    delivery_time_window: DeliveryTimeWindow | None = None
    callback_data: str | None = None
    notify_url: str | None = None
    notify_content_type: Literal["application/json", "application/xml"] | None = None
    notify_content_version: Literal[1, 2] | None = None

    def __post_init__(self) -> None:
        given = (self.to,) if isinstance(self.to, str | Destination) else self.to
        destinations = tuple(Destination(one) if isinstance(one, str) else one for one in given)
        object.__setattr__(self, "to", destinations)
