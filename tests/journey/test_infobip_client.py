"""The official Python client, infobip-api-python-client: each of its methods of contract section 8, value by value.

Nobody here wrote it. Where it and Ringback disagree, it is right.
"""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from infobip_api_client import VoiceApi
from infobip_api_client.exceptions import (
    ApiException,
    BadRequestException,
    NotFoundException,
    UnauthorizedException,
)
from infobip_api_client.models import (
    CallsAdvancedMessage,
    CallsBulkRequest,
    CallsBulkStatus,
    CallsDestination,
    CallsIpCoreGeneralStatus,
    CallsMultiBody,
    CallsMultiMessage,
    CallsRetry,
    CallsSendingSpeed,
    CallsSingleBody,
    CallsUpdateStatusRequest,
    CallsVoice,
    CallTransfer,
    DeliveryDay,
    DeliveryTime,
    DeliveryTimeWindow,
)

from tests.eventually import eventually
from tests.journey.infobip import (
    BUSY,
    DELIVERED,
    EXPIRED,
    HUMAN,
    PENDING,
    ZAGREB,
    collected,
    error_of,
    later,
    message,
    moment,
    send,
    signed_in,
    status_of,
)
from tests.journey.server import Server

_serial = count(1)
WEEK = [*DeliveryDay]


@pytest.fixture(scope="module")
def voice(town: Server) -> VoiceApi:
    """The client of an account in Zagreb."""
    return signed_in(town, town.add("everybody", "--zone", "Europe/Zagreb"))


@pytest.fixture
def newcomer(town: Server) -> VoiceApi:
    """The client of a new account, which has sent nothing yet."""
    return signed_in(town, town.add(f"newcomer-{next(_serial)}", "--zone", "Europe/Zagreb"))


# -- sending ---------------------------------------------------------------------------------------------------


def test_send_single_voice_tts(voice: VoiceApi) -> None:
    speaker = CallsVoice(name="en-US", gender="male")
    sent = voice.send_single_voice_tts(
        CallsSingleBody(var_from="41793026700", to="+41 79 302 67 13", text="Good day.", language="en", voice=speaker)
    )
    assert sent.bulk_id
    assert UUID(sent.bulk_id)
    (one,) = sent.messages or []
    assert (one.to, status_of(one)) == ("+41 79 302 67 13", PENDING)
    assert one.message_id
    assert UUID(one.message_id)
    (report,) = collected(voice, 1, message_id=one.message_id)
    assert (report.message_id, report.bulk_id, report.to) == (one.message_id, sent.bulk_id, "41793026713")
    assert report.var_from == "41793026700"


def test_send_multiple_voice_tts(voice: VoiceApi) -> None:
    sent = voice.send_multiple_voice_tts(
        CallsMultiBody(
            messages=[
                CallsMultiMessage(var_from="41793026700", to=["41793020103", "Alphanumeric"], text="Good day."),
                CallsMultiMessage(
                    to=["41793020203"], text="Bonjour.", language="fr", voice=CallsVoice(gender="female")
                ),
            ]
        )
    )
    first, refused, second = sent.messages or []
    assert [first.to, refused.to, second.to] == ["41793020103", "Alphanumeric", "41793020203"]
    assert [status_of(first), status_of(second)] == [PENDING, PENDING]
    assert status_of(refused) == (5, "REJECTED", 52, "REJECTED_DESTINATION", "Invalid destination address.")
    assert refused.message_id is None
    reports = collected(voice, 2, bulk_id=sent.bulk_id)
    assert {report.message_id for report in reports} == {first.message_id, second.message_id}


def test_send_advanced_voice_tts_with_every_field(voice: VoiceApi) -> None:
    """All but what rings elsewhere or speaks another's audio; those have tests of their own."""
    everything = CallsAdvancedMessage(
        destinations=[CallsDestination(to="41793020313", message_id="mine/1"), CallsDestination(to="41793020403")],
        var_from="41793026700",
        text="Please press one, two, three or four.",
        language="en",
        voice=CallsVoice(gender="female"),
        speech_rate=1.5,
        callback_data='<order & "42">',
        validity_period=60,
        send_at=later(seconds=-5),
        repeat_dtmf="9",
        max_dtmf=1,
        dtmf_timeout=3,
        ring_timeout=20,
        call_timeout=60,
        pause=0,
        machine_detection="disable",
        notify_content_type="application/json",
        notify_content_version=2,
        retry=CallsRetry(min_period=3, max_period=1_000, max_count=9),
        sending_speed=CallsSendingSpeed(speed=10, time_unit="second"),
        delivery_time_window=DeliveryTimeWindow(
            days=WEEK, var_from=DeliveryTime(hour=0, minute=0), to=DeliveryTime(hour=23, minute=59)
        ),
    )
    sent = send(voice, everything, bulk_id="every-field")
    assert (sent.bulk_id, [status_of(one) for one in sent.messages]) == ("every-field", [PENDING, PENDING])
    assert sent.messages[0].message_id == "mine/1"
    (report,) = collected(voice, 1, bulk_id="every-field")  # the busy one is tried again in five minutes
    assert (report.message_id, report.callback_data) == ("mine/1", '<order & "42">')
    assert report.voice_call
    assert report.voice_call.dtmf_codes == "1"
    (busy,) = voice.get_sent_voice_logs(message_id=[sent.messages[1].message_id]).results or []
    assert busy.status
    assert busy.status.group_name == "PENDING"


def test_the_program_in_the_docs(town: Server) -> None:
    page = (Path(__file__).parents[2] / "docs" / "clients.md").read_text("utf-8")
    program = page.partition("<!-- run -->\n```python\n")[2].partition("```")[0]
    program = program.replace("http://127.0.0.1:8080", town.url).replace("YOUR-KEY", town.add("reader"))
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 0, done.stderr
    (message_id, status), (logged, group) = (line.split() for line in done.stdout.splitlines())
    assert (status, logged) == ("PENDING_ACCEPTED", message_id)
    assert group in ("PENDING", "DELIVERED")


# -- reports ---------------------------------------------------------------------------------------------------


def test_get_voice_delivery_reports(voice: VoiceApi) -> None:
    send(voice, message("41793020513", var_from="41793026700", max_dtmf=1, callback_data="data"), bulk_id="answered")
    (report,) = collected(voice, 1, bulk_id="answered")
    assert (report.bulk_id, report.var_from, report.to) == ("answered", "41793026700", "41793020513")
    assert (report.mcc_mnc, report.callback_data) == ("22801", "data")
    assert (status_of(report), error_of(report)) == (DELIVERED, HUMAN)
    assert report.price
    assert (report.price.price_per_second, report.price.currency) == (0.015, "EUR")
    call = report.voice_call
    assert call
    assert (call.feature, call.dtmf_codes, call.ivr, call.call_recording_file_id) == ("Text-to-Speech", "1", None, None)
    assert call.answered_by in ("HUMAN", None)
    moments = [moment(text) for text in (report.sent_at, call.start_time, call.answer_time, call.end_time)]
    assert {one.utcoffset() in ZAGREB for one in moments} == {True}
    assert moments == sorted(moments)
    assert abs(moments[-1] - datetime.now(UTC)) < timedelta(minutes=1)
    assert isinstance(call.duration, int)
    assert isinstance(call.charged_duration, int)
    assert 1 <= call.duration <= 3
    assert call.charged_duration >= call.duration
    assert call.file_duration
    assert 0.5 < call.file_duration < 5
    assert voice.get_voice_delivery_reports(bulk_id="answered").results == []


def test_a_report_of_a_call_that_nobody_answered(voice: VoiceApi) -> None:
    sent = send(voice, message("41793020603"))
    (report,) = collected(voice, 1, bulk_id=sent.bulk_id)
    call = report.voice_call
    assert call
    assert (status_of(report), error_of(report)) == (EXPIRED, BUSY)
    assert (call.duration, call.charged_duration, call.answer_time, call.answered_by) == (0, 0, None, None)
    assert (report.var_from, report.callback_data) == (None, None)


def test_reports_are_limited_and_of_a_message(newcomer: VoiceApi, town: Server) -> None:
    sent = send(newcomer, message("41793020703", "41793020803", "41793020903"))
    ids = [one.message_id for one in sent.messages]
    eventually(lambda: {*ids} <= {*town.finished()}, 20, "the calls are over")
    (third,) = newcomer.get_voice_delivery_reports(message_id=ids[2]).results or []
    assert third.message_id == ids[2]
    first = newcomer.get_voice_delivery_reports(limit=1).results or []
    rest = newcomer.get_voice_delivery_reports().results or []
    assert sorted(one.message_id or "" for one in first + rest) == sorted(ids[:2])


# -- bulks -----------------------------------------------------------------------------------------------------


def test_the_bulk_methods(voice: VoiceApi) -> None:
    at = later(hours=1)
    send(voice, message("41793021013", send_at=at), bulk_id="a bulk/1")
    seen = voice.get_sent_bulks("a bulk/1")
    assert (seen.bulk_id, seen.send_at) == ("a bulk/1", at)
    assert seen.send_at
    assert seen.send_at.utcoffset() in ZAGREB
    moved = voice.reschedule_sent_bulk("a bulk/1", CallsBulkRequest(send_at=at + timedelta(hours=1)))
    assert (moved.bulk_id, moved.send_at) == ("a bulk/1", at + timedelta(hours=1))
    for wish in (CallsBulkStatus.PAUSED, CallsBulkStatus.PENDING, CallsBulkStatus.CANCELED):
        managed = voice.manage_sent_bulks_status("a bulk/1", CallsUpdateStatusRequest(status=wish))
        assert (managed.bulk_id, managed.status) == ("a bulk/1", wish)
        shown = voice.get_sent_bulks_status("a bulk/1")
        assert (shown.bulk_id, shown.status) == ("a bulk/1", wish)
    (report,) = collected(voice, 1, bulk_id="a bulk/1")
    assert (status_of(report), report.error.id if report.error else 0) == (EXPIRED, 4100)


# -- voices and logs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("neural_too", [None, False, True])
def test_get_voices(voice: VoiceApi, neural_too: bool | None) -> None:
    voices = voice.get_voices("en", neural_too).voices or []
    (default,) = [one for one in voices if one.is_default]
    assert default.name
    assert {one.gender for one in voices} >= {"male", "female"}
    assert {one.is_neural for one in voices} == {False}
    names = [one.name for one in voices]
    assert len(names) == len({*names})
    sent = voice.send_single_voice_tts(
        CallsSingleBody(var_from="41793026700", to="41793021113", text="Hello.", voice=CallsVoice(name=names[-1]))
    )
    (report,) = collected(voice, 1, bulk_id=sent.bulk_id)
    assert error_of(report) == HUMAN


def test_get_voices_of_a_language_that_nobody_speaks(voice: VoiceApi) -> None:
    with pytest.raises(NotFoundException):
        voice.get_voices("xx")


def test_get_sent_voice_logs(newcomer: VoiceApi) -> None:
    since = later(seconds=-1)
    one = send(newcomer, message("41793021213", var_from="41793026700"), bulk_id="one").messages[0].message_id
    two = send(newcomer, message("41793021303"), bulk_id="two").messages[0].message_id
    collected(newcomer, 2)
    logs = {log.message_id: log for log in newcomer.get_sent_voice_logs().results or []}
    assert {*logs} == {one, two}
    log = logs[one]
    assert (log.bulk_id, log.to, log.var_from, log.text) == ("one", "41793021213", "41793026700", "Please press one.")
    assert (log.mcc_mnc, status_of(log), error_of(log)) == ("22801", DELIVERED, HUMAN)
    assert log.price
    assert (log.price.price_per_second, log.price.currency) == (0.015, "EUR")
    assert log.sent_at
    assert log.done_at
    assert (log.sent_at.utcoffset() in ZAGREB, log.sent_at <= log.done_at) == (True, True)
    assert log.duration
    assert 1 <= log.duration <= 3
    filters: dict[Any, dict[str, Any]] = {
        (one,): {"var_from": "41793026700"},
        (two,): {"to": "41793021303"},
        (one, two): {"bulk_id": ["one", "two"], "sent_since": since, "sent_until": later(seconds=1), "mcc": "228"},
        (two, two): {"message_id": [two or ""], "mnc": "01", "limit": 1},
        (one, one): {"general_status": CallsIpCoreGeneralStatus.DELIVERED},
        (two, 2): {"general_status": CallsIpCoreGeneralStatus.EXPIRED, "bulk_id": ["two"]},
        (): {"sent_since": later(minutes=1)},
    }
    for expected, asked in filters.items():
        found = {log.message_id for log in newcomer.get_sent_voice_logs(**asked).results or []}
        assert found == {*expected} - {2}, asked


# -- errors ----------------------------------------------------------------------------------------------------


def details(fault: ApiException) -> Any:
    """What the client made of the body: its own types."""
    assert fault.data.request_error.service_exception
    return fault.data.request_error.service_exception


def test_without_a_good_key(town: Server) -> None:
    stranger = signed_in(town, "nobody-s-key")
    for ask in (
        stranger.get_voice_delivery_reports,
        stranger.get_sent_voice_logs,
        lambda: stranger.get_sent_bulks("one"),
        lambda: send(stranger, message("41793021403")),
    ):
        with pytest.raises(UnauthorizedException) as fault:
            ask()
        assert (fault.value.status, details(fault.value).message_id) == (401, "UNAUTHORIZED")
        assert details(fault.value).text == "Invalid login details"


def test_a_bad_request_names_every_fault(voice: VoiceApi) -> None:
    with pytest.raises(BadRequestException) as fault:
        send(voice, message("41793021503", text="...", pause=11), message("41793021503", var_from="Ringback"))
    told = details(fault.value)
    assert (told.message_id, told.text) == ("BAD_REQUEST", "Bad request")
    assert {*told.validation_errors} == {"messages[0].text", "messages[0].pause", "messages[1].from"}
    assert all(isinstance(text, str) for texts in told.validation_errors.values() for text in texts)


TRANSFER = CallTransfer(var_if="dtmf", equals="1", transfer_to="41793021613", call_transfer_max_duration=60)


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("machineDetection", {"machine_detection": "hangup"}),
        ("callTransfers", {"call_transfers": [TRANSFER]}),
        ("sendAt", {"send_at": datetime(2030, 1, 1)}),  # noqa: DTZ001  (that is the fault)
    ],
)
def test_what_ringback_does_not_take_is_said(voice: VoiceApi, field: str, more: dict[str, Any]) -> None:
    with pytest.raises(BadRequestException) as fault:
        send(voice, message("41793021603", **more))
    assert [*details(fault.value).validation_errors] == [f"messages[0].{field}"]


def test_an_unknown_bulk(voice: VoiceApi) -> None:
    paused = CallsUpdateStatusRequest(status=CallsBulkStatus.PAUSED)
    for ask in (
        lambda: voice.get_sent_bulks("none"),
        lambda: voice.get_sent_bulks_status("none"),
        lambda: voice.reschedule_sent_bulk("none", CallsBulkRequest(send_at=later(hours=1))),
        lambda: voice.manage_sent_bulks_status("none", paused),
    ):
        with pytest.raises(NotFoundException) as fault:
            ask()
        assert details(fault.value).message_id == "NOT_FOUND"
