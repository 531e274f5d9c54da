"""What an account asks for: a voice message, where it goes and when, and the request that holds them."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from .schedule import NEVER, DeliveryTimeWindow, Retry, SendingSpeed
from .times import MINUTE, Instant

AccountId: TypeAlias = int
"""The store's own number of an account; never shown to customers."""

LONGEST_VALIDITY = 2_880
"""Minutes: 48 hours, the default as well (contract section 2)."""


class Network(StrEnum):
    """Where a message may be placed. Written down when it is accepted; it is never placed on the other."""

    SANDBOX = "sandbox"
    TRUNK = "trunk"


class Voice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which voice speaks: by name, or the first of a gender (`male`, `female`), or the language's default."""

    name: str | None = None
    gender: str | None = None


class Notify(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a report is pushed, as `json` or `xml`, in the form of `/tts/3/reports` (version 1) or of
    `/voice/1/reports` (version 2). Source: contract sections 2 and 5.
    """

    url: str
    form: str = "json"
    version: int = 1


class VoiceMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one element of a request says, how it is said and when; the same for all its destinations.

    Times are in seconds, `validity` in minutes from `send_at`. `max_dtmf` is the number of digits to collect, None
    when no keys were asked for; `repeat_dtmf` holds the keys that say the message once more. `speech_rate` is 0.5
    to 2. Source: contract sections 1 and 2.
    """

    text: str | None = None
    audio_file_url: str | None = None
    language: str = "en"
    voice: Voice = Voice()
    speech_rate: float = 1.0
    pause: int = 0
    caller: str | None = None  # the contract's `from`
    record: bool = False
    repeat_dtmf: str = ""
    max_dtmf: int | None = None
    dtmf_timeout: int = 10
    ring_timeout: int = 45
    call_timeout: int | None = None
    callback_data: str | None = None
    notify: Notify | None = None
    send_at: Instant | None = None
    validity: int = LONGEST_VALIDITY
    window: DeliveryTimeWindow | None = None
    retry: Retry | None = None
    sending_speed: SendingSpeed | None = None

    def expires(self, start: Instant) -> Instant:
        """When no further attempt is made, if it is due from `start` on; a sending speed overrides the validity."""
        return NEVER if self.sending_speed else start + self.validity * MINUTE


class Destination(msgspec.Struct, frozen=True, gc=False):
    """One number to phone (digits only) under one message id, no earlier than `due_at`; None is at once."""

    to: str
    message_id: str
    due_at: Instant | None = None


class Bulk(msgspec.Struct, frozen=True):
    """One request's worth of messages: each voice message with the destinations it goes to.

    `send_at` is when its first message is due, None for at once.
    """

    bulk_id: str
    network: Network
    messages: tuple[tuple[VoiceMessage, tuple[Destination, ...]], ...]
    send_at: Instant | None = None
