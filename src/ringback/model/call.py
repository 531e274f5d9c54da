"""A call: one attempt to reach one destination, and what came of it."""

from enum import StrEnum

import msgspec

from .account import Account
from .message import Network, VoiceMessage
from .schedule import NEVER
from .times import Instant


class Call(msgspec.Struct, frozen=True):
    """One attempt, written down before anything rings. `attempt` counts from 1.

    `tries` is how many of the earlier attempts were dialled, `sent_at` the first INVITE of those; after
    `expires_at` there is no further attempt.
    """

    account: Account
    bulk_id: str
    message_id: str
    attempt: int
    to: str
    network: Network
    message: VoiceMessage
    placed_at: Instant
    tries: int = 0
    sent_at: Instant | None = None
    expires_at: Instant = NEVER


class Cause(StrEnum):
    """Why a call ended. A busy line is a result like any other, not an exception."""

    ANSWERED = "answered"  # and then heard, or hung up by either side
    NO_ANSWER = "no-answer"  # it rang, and ringTimeout passed
    REFUSED = "refused"  # a final SIP answer: see sip_status
    UNREACHABLE = "unreachable"  # no answer to the INVITE at all, or no way to send it
    BROKEN = "broken"  # failed after it was answered: the media or the signalling died
    NO_AUDIO_FILE = "no-audio-file"  # never dialled: the file could not be had
    BAD_AUDIO_FILE = "bad-audio-file"  # never dialled: the file, text or voice can't be made sound
    WRONG_NETWORK = "wrong-network"  # never dialled: accepted for the sandbox, and this is a trunk, or the reverse
    CANCELLED = "cancelled"  # never dialled: called off before it was placed
    EXPIRED = "expired"  # not dialled: its validity ended before
    NOT_PLACED = "not-placed"  # never dialled: Ringback is stopping, and the message waits for its next start
    UNKNOWN = "unknown"  # Ringback died in mid-call; whether anybody heard it can't be known


class CallResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a call. Times are None where the call never got there.

    `dtmf` holds the entries in the order they were ended; None when no keys were asked for, empty when
    none came. `recording` names a file below the recordings folder. `sip_status` is 300 to 699.
    """

    cause: Cause
    ended_at: Instant
    ringing_at: Instant | None = None
    answered_at: Instant | None = None
    dtmf: tuple[str, ...] | None = None
    recording: str | None = None
    sip_status: int | None = None
    sip_call_id: str | None = None
    file_seconds: float | None = None  # how long the message itself is
    invited_at: Instant | None = None
