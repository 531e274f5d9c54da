"""Whole stories, told by a program with the official Python client: what it schedules, hears of and is pushed."""

import io
import wave
from collections.abc import Iterator

import numpy as np
import pytest
from infobip_api_client.models import (
    CallsBulkRequest,
    CallsBulkStatus,
    CallsIpCoreGeneralStatus,
    CallsReportResponse,
    CallsUpdateStatusRequest,
)

from tests.eventually import eventually
from tests.journey.conftest import put_away
from tests.journey.infobip import (
    BUSY,
    DELIVERED,
    EXPIRED,
    HUMAN,
    PENDING,
    collected,
    error_of,
    later,
    message,
    moment,
    send,
    signed_in,
    status_of,
)
from tests.journey.server import Server, tree
from tests.journey.web import site

UNDELIVERED = (2, "UNDELIVERABLE", 9, "UNDELIVERABLE_NOT_DELIVERED", "Message sent not delivered")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may reach the loopback: the customer's own web server is there."""
    server = Server(tmp_path_factory.mktemp("town") / "data", RINGBACK_PRIVATE_URLS="127.0.0.0/8").start()
    yield server
    put_away(server)


def test_three_people_are_scheduled_moved_paused_and_called(town: Server) -> None:
    voice = signed_in(town, town.add("story"))
    numbers = ["41793030113", "41793030203", "41793030307"]
    at = later(hours=1)
    sent = send(voice, message(*numbers, send_at=at, max_dtmf=1), bulk_id="story")
    ids = [one.message_id for one in sent.messages]
    logs = voice.get_sent_voice_logs(general_status=CallsIpCoreGeneralStatus.PENDING).results or []
    assert {log.message_id: log.to for log in logs} == dict(zip(ids, numbers, strict=True))
    assert {(log.bulk_id, log.text, status_of(log), log.done_at, log.duration) for log in logs} == {
        ("story", "Please press one.", PENDING, None, None)
    }
    paused = voice.manage_sent_bulks_status("story", CallsUpdateStatusRequest(status=CallsBulkStatus.PAUSED))
    assert paused.status is CallsBulkStatus.PAUSED
    now = later(seconds=-1)
    assert voice.reschedule_sent_bulk("story", CallsBulkRequest(send_at=now)).bulk_id == "story"
    assert voice.get_sent_bulks_status("story").status is CallsBulkStatus.PAUSED
    assert voice.get_voice_delivery_reports().results == []
    assert not {*numbers} & {*town.invites()}
    voice.manage_sent_bulks_status("story", CallsUpdateStatusRequest(status=CallsBulkStatus.PENDING))
    reports = {report.message_id: report for report in collected(voice, 3)}
    assert [status_of(reports[one]) for one in ids] == [DELIVERED, EXPIRED, UNDELIVERED]
    assert [error_of(reports[one])[2] for one in ids] == [5000, 5002, 5404]
    assert error_of(reports[ids[1]]) == BUSY
    assert all(moment(report.sent_at) >= now for report in reports.values())
    assert voice.get_voice_delivery_reports().results == []
    assert voice.get_sent_bulks_status("story").status is CallsBulkStatus.FINISHED
    logs = voice.get_sent_voice_logs(bulk_id=["story"]).results or []
    assert {log.message_id: status_of(log) for log in logs} == {one: status_of(reports[one]) for one in ids}
    assert voice.get_sent_voice_logs(general_status=CallsIpCoreGeneralStatus.PENDING).results == []
    assert [town.invites()[number] for number in numbers] == [1, 1, 1]


def test_reports_are_pushed_in_the_form_of_get_voice_delivery_reports(town: Server) -> None:
    voice = signed_in(town, town.add("pushed"))
    with site("text/plain") as receiver:
        wants = {"notify_url": receiver.origin + "/v?a=b", "notify_content_version": 2, "callback_data": "data"}
        sent = send(voice, message("41793030413", max_dtmf=1, **wants)).messages[0].message_id
        eventually(lambda: receiver.visits, 20, "the report is pushed")
    (visit,) = receiver.visits
    assert (visit.method, visit.path, visit.headers["content-type"]) == ("POST", "/v?a=b", "application/json")
    assert visit.headers["idempotency-key"] == sent
    pushed = CallsReportResponse.from_json(visit.body.decode())
    assert pushed
    (report,) = pushed.results or []
    assert (report.message_id, report.to, report.callback_data) == (sent, "41793030413", "data")
    assert (status_of(report), error_of(report)) == (DELIVERED, HUMAN)
    assert report.voice_call
    assert report.voice_call.dtmf_codes == "1"
    assert voice.get_voice_delivery_reports().results == []
    logs = voice.get_sent_voice_logs(message_id=[sent]).results or []
    assert [status_of(log) for log in logs] == [DELIVERED]


@pytest.mark.parametrize("version", [1, 2])
def test_reports_are_pushed_in_xml(town: Server, version: int) -> None:
    voice = signed_in(town, town.add(f"pushed-xml-{version}"))
    with site("text/plain") as receiver:
        wants = {"notify_content_type": "application/xml", "notify_content_version": version}
        sent = send(voice, message("41793030503", notify_url=receiver.origin, **wants)).messages[0].message_id
        eventually(lambda: receiver.visits, 20, "the report is pushed")
    (visit,) = receiver.visits
    assert visit.headers["content-type"] == "application/xml"
    root = tree(visit.body.decode())
    assert (root.tag, root.findtext("results/result/messageId")) == ("reportResponse", sent)
    assert root.findtext("results/result/error/name") == "EC_VOICE_USER_BUSY"
    assert (root.find("results/result/voiceCall") is not None) == (version == 2)


def test_an_audio_file_is_spoken(town: Server) -> None:
    voice = signed_in(town, town.add("spoken"))
    with site("audio/wav", tone) as files:
        sent = send(voice, message("41793030602", text=None, audio_file_url=files.origin + "/hello.wav", max_dtmf=None))
        (report,) = collected(voice, 1, message_id=sent.messages[0].message_id)
    assert {visit.method for visit in files.visits} == {"HEAD", "GET"}
    assert error_of(report) == HUMAN
    assert report.voice_call
    assert report.voice_call.file_duration
    assert abs(report.voice_call.file_duration - TONE_S) < 0.1


TONE_S = 1.5


def tone() -> bytes:
    """A WAV of 440 Hz."""
    samples = (np.sin(np.arange(int(8_000 * TONE_S)) * 2 * np.pi * 440 / 8_000) * 8_000).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(samples.tobytes())
    return file.getvalue()


def test_an_audio_file_that_can_t_be_had(town: Server) -> None:
    voice = signed_in(town, town.add("unspoken"))
    with site("text/html", lambda: b"<html></html>") as files:
        send(voice, message("41793030702", text=None, audio_file_url=files.origin + "/hello.wav"))
        (report,) = collected(voice, 1)
    assert (status_of(report), error_of(report)[2]) == (UNDELIVERED, 5005)
    assert town.invites()["41793030702"] == 0
