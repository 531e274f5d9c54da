"""Settling: every cause, the times, the duration, the keys, the recording and the price."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.model import status as s
from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.message import Network, VoiceMessage
from ringback.model.report import DeliveryReport, Price
from ringback.model.settle import Terms, report_of
from ringback.model.tariff import Rate, RateDeck

T = 1_750_000_000_000
DECK = RateDeck({"41": Rate("41", "22801", Decimal("0.0100"), "CHF"), "42": Rate("42", None, Decimal(0), "EUR")})
TERMS = Terms(DECK, "https://calls.example")


def a_call(to: str = "41790000000", message_id: str = "m", **message: object) -> Call:
    asked = VoiceMessage(text="hello", **message)  # type: ignore[arg-type]
    return Call(Account(1, "a", "Europe/Zurich"), "b", message_id, 1, to, Network.SANDBOX, asked, T)


def a_report(cause: Cause = Cause.ANSWERED, *, call: Call | None = None, **facts: object) -> DeliveryReport:
    result = CallResult(cause, **({"ended_at": T + 9_000} | facts))  # type: ignore[arg-type]
    return report_of(call or a_call(), result, TERMS)


BY_CAUSE = {
    Cause.ANSWERED: (s.DELIVERED_TO_HANDSET, s.ANSWERED),
    Cause.NO_ANSWER: (s.EXPIRED_EXPIRED, s.NO_ANSWER),
    Cause.UNREACHABLE: (s.EXPIRED_EXPIRED, s.REQUEST_TIMEOUT),
    Cause.BROKEN: (s.UNDELIVERABLE_NOT_DELIVERED, s.INTERNAL_SERVER_ERROR),
    Cause.NO_AUDIO_FILE: (s.UNDELIVERABLE_NOT_DELIVERED, s.DOWNLOADING_FILE),
    Cause.BAD_AUDIO_FILE: (s.UNDELIVERABLE_NOT_DELIVERED, s.UNSUPPORTED_AUDIO_FORMAT),
    Cause.WRONG_NETWORK: (s.REJECTED_ROUTE_NOT_AVAILABLE, s.UNKNOWN_ERROR),
    Cause.CANCELLED: (s.EXPIRED_EXPIRED, s.CANCELLED),
    Cause.EXPIRED: (s.EXPIRED_EXPIRED, s.VALIDITY_EXPIRED),
    Cause.UNKNOWN: (s.EXPIRED_UNKNOWN, s.UNKNOWN_ERROR),
    Cause.REFUSED: (s.EXPIRED_UNKNOWN, s.UNKNOWN_ERROR),  # without the SIP status that should be there
}


@pytest.mark.parametrize("cause", set(Cause) - {Cause.NOT_PLACED})
def test_every_cause_has_its_status_and_its_error(cause: Cause) -> None:
    report = a_report(cause)
    assert (report.status, report.error) == BY_CAUSE[cause]


@pytest.mark.parametrize(
    ("sip", "status", "error"),
    [(486, 15, 5002), (603, 15, 5603), (480, 15, 5480), (404, 9, 5404), (604, 9, 5404), (403, 4, 5403), (502, 9, 5502)],
)
def test_a_refusal_is_what_the_sip_answer_says(sip: int, status: int, error: int) -> None:
    report = a_report(Cause.REFUSED, sip_status=sip)
    assert (report.status.id, report.error.id) == (status, error)


@pytest.mark.parametrize(
    ("cause", "invited", "sent"),
    [
        (Cause.ANSWERED, T + 70, T + 70),
        (Cause.UNKNOWN, T + 70, T + 70),
        (Cause.UNKNOWN, None, T),  # the attempt was written down then; more nobody knows
        (Cause.NO_AUDIO_FILE, None, T + 9_000),
        (Cause.CANCELLED, None, T + 9_000),
        (Cause.WRONG_NETWORK, None, T + 9_000),
    ],
)
def test_sent_at_is_the_invite_or_the_moment_of_decision(cause: Cause, invited: int | None, sent: int) -> None:
    report = a_report(cause, invited_at=invited)
    assert (report.sent_at, report.done_at) == (sent, T + 9_000)


@given(cause=st.sampled_from(Cause), invited=st.none() | st.integers(0, 2 * T), ended=st.integers(0, 2 * T))
def test_done_is_never_before_sent(cause: Cause, invited: int | None, ended: int) -> None:
    report = a_report(cause, invited_at=invited, ended_at=ended, sip_status=486)
    assert report.done_at >= report.sent_at
    assert report.done_at in (report.sent_at, ended)


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [(0, 0), (1, 0), (499, 0), (500, 1), (1_499, 1), (1_500, 2), (2_500, 3), (10_000, 10), (-1, 0), (-90_000, 0)],
)
def test_the_duration_rounds_half_up_and_is_never_negative(milliseconds: int, seconds: int) -> None:
    assert a_report(answered_at=T, ended_at=T + milliseconds).duration == seconds


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.REFUSED, Cause.UNKNOWN])
def test_unanswered_lasts_0_seconds(cause: Cause) -> None:
    assert a_report(cause, invited_at=T, ringing_at=T + 100).duration == 0


@pytest.mark.parametrize(
    ("asked", "keys", "codes"),
    [
        (None, None, None),
        (None, ("1",), None),
        (1, None, ""),
        (1, (), ""),
        (1, ("1",), "1"),
        (1, ("3", "9"), "3,9"),
        (2, ("", "12"), ",12"),
    ],
)
def test_keys(asked: int | None, keys: tuple[str, ...] | None, codes: str | None) -> None:
    assert a_report(call=a_call(max_dtmf=asked), dtmf=keys).dtmf_codes == codes


@pytest.mark.parametrize(("keys", "codes"), [(None, ""), ((), ""), (("3", "3"), "3,3")])
def test_keys_that_repeat_are_asked_for_too(keys: tuple[str, ...] | None, codes: str) -> None:
    assert a_report(call=a_call(repeat_dtmf="3"), dtmf=keys).dtmf_codes == codes


@pytest.mark.parametrize(
    ("message_id", "in_the_url"),
    [
        ("ff4804ef-6ab6-4abd-984d-ab3b1387e852", "ff4804ef-6ab6-4abd-984d-ab3b1387e852"),
        ("../a/b", "..%2Fa%2Fb"),
        ("a b?c#d%&", "a%20b%3Fc%23d%25%26"),
        ("Ärger", "%C3%84rger"),
    ],
)
def test_the_recordings_url_is_absolute_and_percent_encoded(message_id: str, in_the_url: str) -> None:
    report = a_report(call=a_call("4179", message_id), recording="ab/file.wav")
    assert report.recorded_audio_file_url == f"https://calls.example/tts/3/files/{in_the_url}/4179"


def test_without_a_recording_there_is_no_url() -> None:
    assert a_report(call=a_call(record=True)).recorded_audio_file_url is None


@pytest.mark.parametrize("cause", [Cause.ANSWERED, Cause.NO_ANSWER, Cause.CANCELLED])
def test_the_price_is_the_tariffs_exactly_even_when_nobody_answered(cause: Cause) -> None:
    report = a_report(cause)
    assert report.price == Price(Decimal("0.0100"), "CHF")
    assert str(report.price.per_second) == "0.0100"
    assert report.mcc_mnc == "22801"


def test_a_rate_of_0_is_a_price_and_no_rate_is_none() -> None:
    free, unknown = a_report(call=a_call("42123")), a_report(call=a_call("43123"))
    assert (free.price, free.mcc_mnc) == (Price(Decimal(0), "EUR"), None)
    assert (unknown.price, unknown.mcc_mnc) == (None, None)


BILLED = Terms(RateDeck({"41": Rate("41", None, Decimal(1), "CHF", 60, 6)}), "https://calls.example")


@pytest.mark.parametrize(
    ("answered", "ended", "duration", "charged"),
    [(None, T, 0, 0), (T, T, 0, 60), (T, T - 1, 0, 60), (T, T + 60_400, 60, 66), (T, T + 66_500, 67, 72)],
)
def test_what_is_charged_follows_the_rate(answered: int | None, ended: int, duration: int, charged: int) -> None:
    report = report_of(a_call(), CallResult(Cause.ANSWERED, ended, answered_at=answered), BILLED)
    assert (report.duration, report.charged_duration) == (duration, charged)


def test_without_a_rate_nobody_knows_what_is_charged() -> None:
    assert a_report(call=a_call("43123"), answered_at=T).charged_duration is None


@pytest.mark.parametrize(
    ("ringing", "invited", "started"), [(T + 2, T + 1, T + 2), (None, T + 1, T + 1), (None, None, None)]
)
def test_it_started_when_it_rang_or_was_sent(ringing: int | None, invited: int | None, started: int | None) -> None:
    assert a_report(ringing_at=ringing, invited_at=invited).started_at == started


def test_the_rest_is_the_calls_own() -> None:
    call = a_call("41791", "id", caller="4144", callback_data="back")
    report = a_report(call=call, answered_at=T + 1, file_seconds=1.5)
    assert (report.bulk_id, report.message_id, report.to) == ("b", "id", "41791")
    assert (report.zone, report.caller, report.callback_data) == ("Europe/Zurich", "4144", "back")
    assert (report.answered_at, report.file_seconds) == (T + 1, 1.5)
