"""Settling: from what came of a call to its one report. Pure; the store only writes it down."""

from urllib.parse import quote

import msgspec

from . import status as s
from .call import Call, CallResult, Cause
from .report import DeliveryReport, Price
from .schedule import opening
from .tariff import RateDeck, charged
from .times import SECOND, Instant

_ERROR_OF_CAUSE = {
    Cause.ANSWERED: s.ANSWERED,
    Cause.NO_ANSWER: s.NO_ANSWER,
    Cause.UNREACHABLE: s.REQUEST_TIMEOUT,
    Cause.BROKEN: s.INTERNAL_SERVER_ERROR,
    Cause.NO_AUDIO_FILE: s.DOWNLOADING_FILE,
    Cause.BAD_AUDIO_FILE: s.UNSUPPORTED_AUDIO_FORMAT,
    Cause.WRONG_NETWORK: s.UNKNOWN_ERROR,
    Cause.CANCELLED: s.CANCELLED,
    Cause.EXPIRED: s.VALIDITY_EXPIRED,
    Cause.UNKNOWN: s.UNKNOWN_ERROR,
}


TRIED_AGAIN = frozenset({5002, 5003, 5408, 5480, 5500, 5503, 5504})
"""The errors after which `retry` has a message called again, and no others (contract section 2): a person who
declined and a number that does not exist are never dialled again."""


class Terms(msgspec.Struct, frozen=True):
    """What a report needs to know beside the call: the rates and where recordings are fetched."""

    deck: RateDeck
    public_url: str


class TryAgain(msgspec.Struct, frozen=True):
    """The message is not over: its next attempt is due then."""

    due_at: Instant


def settle(call: Call, result: CallResult, terms: Terms) -> DeliveryReport | TryAgain:
    """What follows from a call: the message's one report, or another attempt (contract section 2, `retry`)."""
    due_at = _next_attempt(call, result)
    return report_of(call, result, terms) if due_at is None else TryAgain(due_at)


def _next_attempt(call: Call, result: CallResult) -> Instant | None:
    """None when nobody is called again: answered, no retry left, or no time for one before the validity ends."""
    retry = call.message.retry
    if retry is None or call.tries >= retry.max_count:
        return None
    if result.answered_at is not None or _error(result).id not in TRIED_AGAIN:
        return None
    window = call.message.window
    due_at = opening(window, result.ended_at + retry.after(call.tries + 1), call.account.zones(window, call.to))
    return due_at if due_at < call.expires_at else None


def report_of(call: Call, result: CallResult, terms: Terms) -> DeliveryReport:
    """The final report of a call. `doneAt` is never before `sentAt`, even if the clock stepped back."""
    error = _error(result)
    sent_at = _sent_at(call, result)
    rate = terms.deck.rate(call.to)
    return DeliveryReport(
        bulk_id=call.bulk_id,
        message_id=call.message_id,
        to=call.to,
        sent_at=sent_at,
        done_at=max(sent_at, result.ended_at),
        duration=_duration(result),
        status=s.REJECTED_ROUTE_NOT_AVAILABLE if result.cause is Cause.WRONG_NETWORK else s.status_of(error),
        error=error,
        zone=call.account.zone,
        caller=call.message.caller,
        mcc_mnc=rate.mcc_mnc if rate else None,
        callback_data=call.message.callback_data,
        dtmf_codes=_dtmf(call, result),
        recorded_audio_file_url=_recording_url(call, result, terms),
        price=Price(rate.per_second, rate.currency) if rate else None,
        answered_at=result.answered_at,
        file_seconds=result.file_seconds,
        charged_duration=charged(_answered_for(result), rate) if rate else None,
        started_at=result.ringing_at or result.invited_at,
    )


def _error(result: CallResult) -> s.Error:
    if result.cause is Cause.REFUSED and result.sip_status:
        return s.error_of_sip(result.sip_status)
    return _ERROR_OF_CAUSE.get(result.cause, s.UNKNOWN_ERROR)


def _sent_at(call: Call, result: CallResult) -> Instant:
    """The first INVITE, or when it was decided that there will be none (contract section 4)."""
    if call.sent_at is not None:
        return call.sent_at
    if result.invited_at is not None:
        return result.invited_at
    return call.placed_at if result.cause is Cause.UNKNOWN else result.ended_at


def _duration(result: CallResult) -> int:
    return ((_answered_for(result) or 0) + SECOND // 2) // SECOND


def _answered_for(result: CallResult) -> Instant | None:
    """Milliseconds from the answer to the end, None when nobody answered; 0 if the clock stepped back."""
    return None if result.answered_at is None else max(0, result.ended_at - result.answered_at)


def _dtmf(call: Call, result: CallResult) -> str | None:
    if call.message.max_dtmf is None and not call.message.repeat_dtmf:
        return None
    return ",".join(result.dtmf or ())


def _recording_url(call: Call, result: CallResult, terms: Terms) -> str | None:
    if result.recording is None:
        return None
    return f"{terms.public_url}/tts/3/files/{quote(call.message_id, safe='')}/{call.to}"
