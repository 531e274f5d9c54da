"""The later form of a report, `GET /voice/1/reports`: contract section 4.

It is made of what the tape keeps: the founding page's JSON object and, beside it, what only this form shows. Whatever
both forms show is copied byte for byte, so that a price has the rate deck's digits here too.
"""

from typing import Any

import msgspec
from msgspec import Raw

from .report import Beside, exact_forms
from .times import Instant, written

FEATURE = "Text-to-Speech"
"""What the original calls a voice message, whatever it says."""

_NULL = Raw(b"null")


class _Founding(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The founding page's object, each value as its bytes."""

    bulk_id: Raw
    message_id: Raw
    to: Raw
    sent_at: Raw
    done_at: Raw
    duration: Raw
    mcc_mnc: Raw
    dtmf_codes: Raw
    price: Raw
    status: Raw
    error: Raw
    callback_data: Raw = _NULL


_NAMES = {"bulk_id": "bulkId", "message_id": "messageId", "caller": "from", "sent_at": "sentAt", "mcc_mnc": "mccMnc"}
_NAMES |= {"callback_data": "callbackData", "voice_call": "voiceCall"}


class _VoiceCall(msgspec.Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    feature: str = FEATURE
    start_time: str | None
    answer_time: str | None
    end_time: Raw
    duration: Raw
    charged_duration: int | None
    file_duration: float | None
    dtmf_codes: Raw
    answered_by: str | None
    ivr: None = None


class _Later(msgspec.Struct, frozen=True, gc=False, rename=_NAMES):
    bulk_id: Raw
    message_id: Raw
    caller: str | None
    to: Raw
    sent_at: Raw
    mcc_mnc: Raw
    callback_data: Raw
    voice_call: _VoiceCall
    price: Raw
    status: Raw
    error: Raw


def paired(founding: str, beside: str) -> bytes:
    """One report as `later_objects` reads it: its JSON (`tts3_json`) and what is kept beside it (`beside`)."""
    return f"[{founding},{beside}]".encode()


def later_objects(pairs: bytes) -> bytes:
    """The later form's JSON objects, separated by commas, of reports in pairs, separated by commas; b"" of none."""
    made = _ENCODER.encode([_later(*pair) for pair in _DECODER.decode(b"[" + pairs + b"]")])
    return made[1:-1]


def later_xml_forms(pairs: bytes) -> list[dict[str, Any]]:
    """The same as dicts for XML. The price is `pricePerSecond` here too: only the founding page calls it otherwise."""
    return exact_forms(later_objects(pairs))


def _later(founding: _Founding, beside: Beside) -> _Later:
    return _Later(
        founding.bulk_id,
        founding.message_id,
        beside.caller,
        founding.to,
        founding.sent_at,
        founding.mcc_mnc,
        founding.callback_data,
        _voice_call(founding, beside),
        founding.price,
        founding.status,
        founding.error,
    )


def _voice_call(founding: _Founding, beside: Beside) -> _VoiceCall:
    """Of the last attempt. What was never sent has no times."""
    sent = beside.started_at is not None or beside.answered_at is not None
    return _VoiceCall(
        start_time=_written(beside.started_at, beside.zone),
        answer_time=_written(beside.answered_at, beside.zone),
        end_time=founding.done_at if sent else _NULL,
        duration=founding.duration,
        charged_duration=beside.charged_duration,
        file_duration=beside.file_seconds and round(beside.file_seconds, 3),  # to the millisecond
        dtmf_codes=founding.dtmf_codes,
        answered_by=beside.answered_by,
    )


def _written(moment: Instant | None, zone: str) -> str | None:
    return None if moment is None else written(moment, zone)


_DECODER = msgspec.json.Decoder(list[tuple[_Founding, Beside]])
_ENCODER = msgspec.json.Encoder()
