"""The founding page's form of a report, in JSON and in XML."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.api import xml
from ringback.model import status as s
from ringback.model.report import Beside, DeliveryReport, Price, beside, tts3_form, tts3_json, tts3_xml_forms
from ringback.model.times import instant

KEYS = ["bulkId", "messageId", "to", "sentAt", "doneAt", "duration", "mccMnc"]
KEYS += ["dtmfCodes", "recordedAudioFileUrl", "price", "status", "error"]
DIGITS = ["0.01", "0.0100", "0", "0.0000", "0.00000000", "0.0000001", "1", "10", "100", "0.30000000000000004", "1.10"]
DIGITS += ["123456789012345678901234567890.123456789012345678901234567890", f"0.{0:030}1"]
SAMPLE = """{
 "bulkId":"8c20f086-d82b-48cc-b2b3-3ca5f7aca9fb", "messageId":"ff4804ef-6ab6-4abd-984d-ab3b1387e852",
 "to":"385981178", "sentAt":"2015-02-12T09:58:20.323+0100", "doneAt":"2015-02-12T09:58:20.337+0100",
 "duration":10, "mccMnc": "21901", "dtmfCodes":"1",
 "recordedAudioFileUrl":"https://api.infobip.com/tts/3/files/ff4804ef-6ab6-4abd-984d-ab3b1387e852/385981178",
 "price":{"pricePerSecond":0.01, "currency":"EUR"},
 "status":{"id":5, "groupId":3, "groupName":"DELIVERED", "name":"DELIVERED_TO_HANDSET",
           "description":"Message delivered to handset"},
 "error":{"groupId":0, "groupName":"OK", "id": 5000, "name": "VOICE_ANSWERED",
          "description": "Call answered by human", "permanent": true}}"""  # the founding page's first JSON sample
SAMPLE_XML = """
<result>
 <bulkId>8c20f086-d82b-48cc-b2b3-3ca5f7aca9fb</bulkId>
 <messageId>ff4804ef-6ab6-4abd-984d-ab3b1387e852</messageId>
 <to>385981178</to>
 <sentAt>2015-02-12T09:58:20.323+0100</sentAt>
 <doneAt>2015-02-12T09:58:20.337+0100</doneAt>
 <duration>10</duration>
 <mccMnc>21901</mccMnc>
 <dtmfCodes>1</dtmfCodes>
 <recordedAudioFileUrl>https://api.infobip.com/tts/3/files/ff4804ef-6ab6-4abd-984d-ab3b1387e852/385981178</recordedAudioFileUrl>
 <price>
  <pricePerMessage>0.01</pricePerMessage>
  <currency>EUR</currency>
 </price>
 <status>
  <groupId>3</groupId>
  <groupName>DELIVERED</groupName>
  <id>5</id>
  <name>DELIVERED_TO_HANDSET</name>
  <description>Message delivered to handset</description>
 </status>
 <error>
  <groupId>0</groupId>
  <groupName>OK</groupName>
  <id>5000</id>
  <name>VOICE_ANSWERED</name>
  <description>Call answered by human</description>
  <permanent>true</permanent>
 </error>
</result>"""  # its XML, with the order inside `status` that its second sample has


def a_report(**facts: Any) -> DeliveryReport:
    values = {
        "bulk_id": "8c20f086-d82b-48cc-b2b3-3ca5f7aca9fb",
        "message_id": "ff4804ef-6ab6-4abd-984d-ab3b1387e852",
        "to": "385981178",
        "sent_at": instant(datetime.fromisoformat("2015-02-12T09:58:20.323+01:00")),
        "done_at": instant(datetime.fromisoformat("2015-02-12T09:58:20.337+01:00")),
        "duration": 10,
        "status": s.DELIVERED_TO_HANDSET,
        "error": s.ANSWERED,
        "zone": "Europe/Zagreb",
        "mcc_mnc": "21901",
        "dtmf_codes": "1",
        "recorded_audio_file_url": "https://api.infobip.com/tts/3/files/ff4804ef-6ab6-4abd-984d-ab3b1387e852/385981178",
        "price": Price(Decimal("0.01"), "EUR"),
    }
    return DeliveryReport(**(values | facts))


def bare(**facts: Any) -> DeliveryReport:
    """With nothing in it that may be absent."""
    nothing = dict.fromkeys(("mcc_mnc", "dtmf_codes", "recorded_audio_file_url", "price"))
    return a_report(**(nothing | facts))


def xml_of(*reports: DeliveryReport) -> str:
    forms = tts3_xml_forms(",".join(map(tts3_json, reports)).encode())
    return "".join(xml.element("result", form) for form in forms)


def test_the_founding_pages_sample_in_json() -> None:
    assert json.loads(tts3_json(a_report())) == json.loads(SAMPLE)


def test_the_founding_pages_sample_in_xml() -> None:
    assert xml_of(a_report()) == "".join(line.strip() for line in SAMPLE_XML.splitlines())


def test_keys_stand_in_the_contracts_order() -> None:
    assert list(json.loads(tts3_json(a_report()))) == KEYS == list(tts3_form(a_report()))
    assert list(json.loads(tts3_json(bare()))) == KEYS
    price = json.loads(tts3_json(a_report()))["price"]
    assert list(price) == ["pricePerSecond", "currency"]


@pytest.mark.parametrize("given", ["back", ""])
def test_callback_data_stands_after_mcc_mnc_when_given(given: str) -> None:
    form = json.loads(tts3_json(a_report(callback_data=given)))
    at = KEYS.index("mccMnc") + 1
    assert list(form) == [*KEYS[:at], "callbackData", *KEYS[at:]]
    assert form["callbackData"] == given


def test_what_is_unknown_is_null_in_json_and_absent_in_xml() -> None:
    form = json.loads(tts3_json(bare()))
    unknown = {"mccMnc", "dtmfCodes", "recordedAudioFileUrl", "price"}
    assert {key for key, value in form.items() if value is None} == unknown
    assert not any(f"<{key}" in xml_of(bare()) for key in unknown)


def test_asked_for_keys_that_did_not_come_are_empty() -> None:
    assert json.loads(tts3_json(bare(dtmf_codes="")))["dtmfCodes"] == ""
    assert "<dtmfCodes></dtmfCodes>" in xml_of(bare(dtmf_codes=""))


@pytest.mark.parametrize("digits", DIGITS)
def test_the_price_is_the_decks_digits(digits: str) -> None:
    report = a_report(price=Price(Decimal(digits), "EUR"))
    assert f'"price":{{"pricePerSecond":{digits},"currency":"EUR"}}' in tts3_json(report)
    assert f"<pricePerMessage>{digits}</pricePerMessage><currency>EUR</currency>" in xml_of(report)


@given(st.decimals(min_value=0, allow_nan=False, allow_infinity=False))
def test_no_price_has_an_exponent(price: Decimal) -> None:
    written = tts3_json(bare(price=Price(price, "EUR"))).partition('"pricePerSecond":')[2].partition(",")[0]
    assert set(written) <= set("0123456789.-")
    assert Decimal(written) == price


HOSTILE = '</messageId>&<![CDATA["\\\u2028Ä😀\t'


def test_hostile_texts_come_back_whole() -> None:
    report = a_report(message_id=HOSTILE, bulk_id=HOSTILE, callback_data=HOSTILE)
    form = json.loads(tts3_json(report))
    assert {form[key] for key in ("messageId", "bulkId", "callbackData")} == {HOSTILE}
    assert tts3_xml_forms(tts3_json(report).encode())[0]["messageId"] == HOSTILE


def test_several_reports_and_none_as_xml() -> None:
    assert tts3_xml_forms(b"") == []
    assert xml_of(a_report(), bare()) == xml_of(a_report()) + xml_of(bare())


def test_what_the_later_form_needs_is_kept_beside() -> None:
    report = a_report(caller="4144", answered_at=7, file_seconds=2.5)
    assert msgspec.json.decode(beside(report), type=Beside) == Beside("Europe/Zagreb", "4144", 7, 2.5)
    assert msgspec.json.decode(beside(bare()), type=Beside) == Beside("Europe/Zagreb")
