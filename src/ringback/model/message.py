"""What an account asks for: a voice message, where it goes, and the request that holds them."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

AccountId: TypeAlias = int
"""The store's own number of an account; never shown to customers."""


class Network(StrEnum):
    """Where a message may be placed. Written down when it is accepted; it is never placed on the other."""

    SANDBOX = "sandbox"
    TRUNK = "trunk"


class Voice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which voice speaks: by name, or the first of a gender (`male`, `female`), or the language's default."""

    name: str | None = None
    gender: str | None = None


class VoiceMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one element of a request says and how it is said; the same for all its destinations.

    Times are in seconds. `max_dtmf` is the number of digits to collect, None when no keys were asked for.
    Source: contract sections 1 and 2.
    """

    text: str | None = None
    audio_file_url: str | None = None
    language: str = "en"
    voice: Voice = Voice()
    caller: str | None = None  # the contract's `from`
    record: bool = False
    max_dtmf: int | None = None
    dtmf_timeout: int = 10
    ring_timeout: int = 45
    call_timeout: int | None = None
    callback_data: str | None = None


class Destination(msgspec.Struct, frozen=True):
    """One number to phone (digits only) under one message id."""

    to: str
    message_id: str


class Bulk(msgspec.Struct, frozen=True):
    """One request's worth of messages: each voice message with the destinations it goes to."""

    bulk_id: str
    network: Network
    messages: tuple[tuple[VoiceMessage, tuple[Destination, ...]], ...]
