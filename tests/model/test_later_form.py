"""The later form of a report, made of what the tape keeps; read by the official client's own class."""

import json
from decimal import Decimal
from typing import Any

import pytest
from infobip_api_client.models.calls_report_response import CallsReportResponse

from ringback.api import xml
from ringback.model import status as s
from ringback.model.later_form import later_objects, later_xml_forms, paired
from ringback.model.report import DeliveryReport, Price, beside, tts3_json
from ringback.model.times import SECOND
from tests.model.test_report import HOSTILE, a_report, bare

KEYS = ["bulkId", "messageId", "from", "to", "sentAt", "mccMnc", "callbackData", "voiceCall", "price", "status"]
KEYS += ["error"]
CALL = ["feature", "startTime", "answerTime", "endTime", "duration", "chargedDuration", "fileDuration", "dtmfCodes"]
CALL += ["answeredBy", "ivr"]
SENT = a_report().sent_at


def pairs(*reports: DeliveryReport) -> bytes:
    return b",".join(paired(tts3_json(report), beside(report)) for report in reports)


def later(report: DeliveryReport) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(later_objects(pairs(report)))
    return form


def full(**facts: Any) -> DeliveryReport:
    known = {
        "caller": "4144",
        "callback_data": "back",
        "started_at": SENT + 2_000,
        "answered_at": SENT + 4_500,
        "done_at": SENT + 14_600,
        "charged_duration": 60,
        "file_seconds": 3.4000000000000004,
        "answered_by": "HUMAN",
    }
    return a_report(**(known | facts))


def test_everything_that_is_known() -> None:
    form = later(full())
    assert form == {
        "bulkId": "8c20f086-d82b-48cc-b2b3-3ca5f7aca9fb",
        "messageId": "ff4804ef-6ab6-4abd-984d-ab3b1387e852",
        "from": "4144",
        "to": "385981178",
        "sentAt": "2015-02-12T09:58:20.323+0100",
        "mccMnc": "21901",
        "callbackData": "back",
        "voiceCall": {
            "feature": "Text-to-Speech",
            "startTime": "2015-02-12T09:58:22.323+0100",
            "answerTime": "2015-02-12T09:58:24.823+0100",
            "endTime": "2015-02-12T09:58:34.923+0100",
            "duration": 10,
            "chargedDuration": 60,
            "fileDuration": 3.4,
            "dtmfCodes": "1",
            "answeredBy": "HUMAN",
            "ivr": None,
        },
        "price": {"pricePerSecond": 0.01, "currency": "EUR"},
        "status": json.loads(tts3_json(full()))["status"],
        "error": json.loads(tts3_json(full()))["error"],
    }


@pytest.mark.parametrize("report", [full(), bare(), full(price=Price(Decimal("0.0100"), "EUR"))])
def test_keys_stand_in_the_contracts_order(report: DeliveryReport) -> None:
    assert list(later(report)) == KEYS
    assert list(later(report)["voiceCall"]) == CALL


def test_what_is_unknown_is_null_in_json_and_absent_in_xml() -> None:
    unknown = {"from", "mccMnc", "callbackData", "price"}
    of_the_call = {*CALL} - {"feature", "duration"}
    form = later(bare())
    assert {key for key, value in form.items() if value is None} == unknown
    assert {key for key, value in form["voiceCall"].items() if value is None} == of_the_call
    (in_xml,) = (xml.element("result", form) for form in later_xml_forms(pairs(bare())))
    assert not any(f"<{key}" in in_xml for key in unknown | of_the_call)
    assert "<voiceCall><feature>Text-to-Speech</feature><duration>10</duration></voiceCall>" in in_xml


@pytest.mark.parametrize(("started", "answered", "ended"), [(1, None, True), (None, 1, True), (None, None, False)])
def test_what_was_never_sent_has_no_end_either(started: int | None, answered: int | None, ended: bool) -> None:
    report = bare(started_at=started, answered_at=answered)
    assert (later(report)["voiceCall"]["endTime"] is not None) is ended


def test_a_row_of_an_older_ringback_is_read() -> None:
    old = '{"zone":"Europe/Zagreb","caller":"4144","answered_at":1423731501323,"file_seconds":2.5}'
    call = json.loads(later_objects(paired(tts3_json(a_report()), old)))["voiceCall"]
    assert (call["startTime"], call["chargedDuration"], call["answeredBy"]) == (None, None, None)
    assert (call["answerTime"], call["endTime"]) == ("2015-02-12T09:58:21.323+0100", "2015-02-12T09:58:20.337+0100")


@pytest.mark.parametrize("digits", ["0.01", "0.0100", "0.0000001", "0", "0.30000000000000004", "1" * 30 + ".1"])
def test_the_price_is_the_decks_digits(digits: str) -> None:
    report = full(price=Price(Decimal(digits), "EUR"))
    assert f'"price":{{"pricePerSecond":{digits},"currency":"EUR"}}'.encode() in later_objects(pairs(report))
    (form,) = later_xml_forms(pairs(report))
    assert f"<price><pricePerSecond>{digits}</pricePerSecond>" in xml.element("result", form)


def test_several_reports_and_none() -> None:
    both = json.loads(b"[" + later_objects(pairs(full(), bare())) + b"]")
    assert both == [later(full()), later(bare())]
    assert (later_objects(b""), later_xml_forms(b"")) == (b"", [])


def test_hostile_texts_come_back_whole() -> None:
    form = later(full(message_id=HOSTILE, bulk_id=HOSTILE, callback_data=HOSTILE, caller=HOSTILE))
    assert {form[key] for key in ("messageId", "bulkId", "callbackData", "from")} == {HOSTILE}


@pytest.mark.parametrize(
    "report",
    [
        full(),
        bare(),
        full(price=Price(Decimal(1), "EUR"), file_seconds=3.0, dtmf_codes="3,9"),
        bare(status=s.EXPIRED_EXPIRED, error=s.NO_ANSWER, duration=0, charged_duration=0, started_at=SENT + SECOND),
    ],
)
def test_the_official_client_reads_it(report: DeliveryReport) -> None:
    text = '{"results":[' + later_objects(pairs(report)).decode() + "]}"
    read = CallsReportResponse.from_json(text)
    assert read
    (form,) = json.loads(text)["results"]
    (seen,) = read.to_dict()["results"]
    assert _told(form) == _told(seen)


def _told(form: Any) -> Any:
    """Without what is null, which the client leaves out."""
    if not isinstance(form, dict):
        return form
    return {key: _told(value) for key, value in form.items() if value is not None}
