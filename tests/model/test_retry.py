"""Another attempt or the report: which outcomes are tried again, how often, and until when. Contract section 2."""

import msgspec
import pytest

from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.message import Network, VoiceMessage
from ringback.model.report import DeliveryReport
from ringback.model.schedule import NEVER, DeliveryTimeWindow, Retry
from ringback.model.settle import TRIED_AGAIN, TryAgain, settle
from ringback.model.times import HOUR, MINUTE
from tests.model.test_schedule import OFFICE, at
from tests.model.test_settle import TERMS, T

RETRY = Retry(1, 10, 3)


def a_call(**facts: object) -> Call:
    message = VoiceMessage(text="hello", retry=RETRY)
    call = Call(Account(1, "a"), "b", "m", 1, "41791234567", Network.SANDBOX, message, T)
    return msgspec.structs.replace(call, **facts)


def outcome(cause: Cause, call: Call | None = None, **facts: object) -> DeliveryReport | TryAgain:
    result = CallResult(cause, **({"ended_at": T} | facts))  # type: ignore[arg-type]
    return settle(call or a_call(), result, TERMS)


CAUSES = {  # contract section 2: 5002, 5003, 5408, 5480, 5500, 5503, 5504, and nothing else
    Cause.NO_ANSWER: True,
    Cause.UNREACHABLE: True,
    Cause.ANSWERED: False,
    Cause.NO_AUDIO_FILE: False,
    Cause.BAD_AUDIO_FILE: False,
    Cause.WRONG_NETWORK: False,
    Cause.CANCELLED: False,
    Cause.EXPIRED: False,
    Cause.UNKNOWN: False,
}


@pytest.mark.parametrize(("cause", "again"), CAUSES.items())
def test_which_causes_are_tried_again(cause: Cause, again: bool) -> None:
    assert isinstance(outcome(cause), TryAgain) == again


@pytest.mark.parametrize("sip", range(300, 700))
def test_which_sip_answers_are_tried_again(sip: int) -> None:
    again = sip in (486, 600, 408, 480, 500, 503, 504)
    assert isinstance(outcome(Cause.REFUSED, sip_status=sip), TryAgain) == again


def test_a_person_who_declined_and_a_number_that_does_not_exist_are_never_dialled_again() -> None:
    for sip in (603, 404, 484, 604):
        assert isinstance(outcome(Cause.REFUSED, sip_status=sip), DeliveryReport)
    assert TRIED_AGAIN.isdisjoint({5603, 5404})


def test_somebody_who_answered_is_not_called_again_although_the_call_broke() -> None:
    assert isinstance(outcome(Cause.BROKEN, answered_at=T - 9), DeliveryReport)


def test_the_waits_climb_and_the_count_is_spent() -> None:
    waits = []
    for tries in range(4):
        found = outcome(Cause.NO_ANSWER, a_call(tries=tries))
        waits.append(found.due_at - T if isinstance(found, TryAgain) else None)
    assert waits == [MINUTE, 2 * MINUTE, 5 * MINUTE, None]


def test_a_retry_of_none_and_no_retry() -> None:
    for retry in (None, Retry(1, 1, 0)):
        assert isinstance(outcome(Cause.NO_ANSWER, a_call(message=VoiceMessage(text="x", retry=retry))), DeliveryReport)


def test_no_attempt_after_the_validity_and_the_report_says_how_the_last_one_went() -> None:
    last = outcome(Cause.NO_ANSWER, a_call(expires_at=T + MINUTE, sent_at=T - HOUR))
    assert isinstance(last, DeliveryReport)
    assert (last.error.id, last.sent_at) == (5003, T - HOUR)
    assert isinstance(outcome(Cause.NO_ANSWER, a_call(expires_at=T + MINUTE + 1)), TryAgain)


def test_the_next_attempt_waits_for_the_window() -> None:
    ended = at("2026-11-24T16:59:30")
    message = VoiceMessage(text="x", retry=RETRY, window=OFFICE)
    found = outcome(Cause.NO_ANSWER, a_call(message=message), ended_at=ended)
    assert found == TryAgain(at("2026-11-25T09:00"))
    zurich = a_call(message=message, account=Account(1, "a", windows="destination"))
    assert outcome(Cause.NO_ANSWER, zurich, ended_at=ended) == TryAgain(at("2026-11-25T08:00"))
    closed = VoiceMessage(text="x", retry=RETRY, window=DeliveryTimeWindow(()))
    assert isinstance(outcome(Cause.NO_ANSWER, a_call(message=closed, expires_at=NEVER)), DeliveryReport)
