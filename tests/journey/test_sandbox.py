"""Every number of the sandbox, by every way to send: the report says what happened there, as the contract wants."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journey.server import Server, body, tree

FOUNDING = Path(__file__).with_name("founding")
KEYS = ["bulkId", "messageId", "to", "sentAt", "doneAt", "duration", "mccMnc", "dtmfCodes"]
KEYS += ["recordedAudioFileUrl", "price", "status", "error"]
STATUS_KEYS = ["groupId", "groupName", "id", "name", "description"]
ERROR_KEYS = [*STATUS_KEYS, "permanent"]
TEXT = "This is a message that is long enough to be cut in the middle of its second sentence. Please press one, now."

ANSWERED = (3, "DELIVERED", 5, "DELIVERED_TO_HANDSET", "Message delivered to handset")
EXPIRED = (4, "EXPIRED", 15, "EXPIRED_EXPIRED", "Message expired")
UNDELIVERED = (2, "UNDELIVERABLE", 9, "UNDELIVERABLE_NOT_DELIVERED", "Message sent not delivered")
HUMAN = (0, "OK", 5000, "VOICE_ANSWERED", "Call answered by human", True)
BUSY = (2, "USER_ERRORS", 5002, "EC_VOICE_USER_BUSY", "User was busy during call attempt", True)
SILENT = (2, "USER_ERRORS", 5003, "EC_VOICE_NO_ANSWER", "User was notified, but did not answer call", True)
DECLINE = (3, "OPERATOR_ERRORS", 5603, "EC_DECLINE", "Decline.", False)

# number: status, error (None: only its id is fixed), keys, shortest and longest duration
WHAT_HAPPENS: dict[str, tuple[Any, Any, str, int, int]] = {
    "01": (ANSWERED, HUMAN, "1", 1, 3),
    "02": (ANSWERED, HUMAN, "", 5, 20),
    "03": (EXPIRED, BUSY, "", 0, 0),
    "04": (EXPIRED, SILENT, "", 0, 0),
    "05": (EXPIRED, DECLINE, "", 0, 0),
    "06": (EXPIRED, 5480, "", 0, 0),
    "07": (UNDELIVERED, 5404, "", 0, 0),
    "08": (ANSWERED, HUMAN, "", 5, 20),
    "09": (ANSWERED, HUMAN, "", 1, 2),
    "10": (ANSWERED, HUMAN, "1", 1, 3),
    "13": (ANSWERED, HUMAN, "1", 1, 3),
    "14": (UNDELIVERED, 5503, "", 0, 0),
    "15": (ANSWERED, HUMAN, "1234", 1, 5),
    "99": (ANSWERED, HUMAN, "1", 1, 3),
}
MOST_KEYS = {"15": 9}
NUMBERS = {suffix: f"3859811{suffix}" for suffix in WHAT_HAPPENS}


def message(suffix: str) -> dict[str, Any]:
    return {
        "from": "38513378",
        "destinations": [{"to": f"+{NUMBERS[suffix]}", "messageId": f"to-{suffix}"}],
        "text": TEXT,
        "record": suffix in ("01", "15"),
        "maxDtmf": MOST_KEYS.get(suffix, 1),
        "dtmfTimeout": 1,
        "ringTimeout": 2 if suffix == "04" else 45,
        "callbackData": f'<{suffix} & "co">' if suffix == "13" else None,
    }


@pytest.fixture(scope="module")
def answers(town: Server) -> Iterator[dict[str, dict[str, Any]]]:
    """The reports by the last digits, and where they came from."""
    town.add("caller", "--zone", "Europe/Zagreb")
    with town.customer("caller") as caller:
        caller.phone({"bulkId": "the bulk", "messages": [message(suffix) for suffix in WHAT_HAPPENS]})
        yield {report["messageId"][-2:]: report for report in caller.collect(len(WHAT_HAPPENS), 50)}


@pytest.mark.parametrize("suffix", WHAT_HAPPENS)
def test_the_report_says_what_happened(answers: dict[str, dict[str, Any]], suffix: str) -> None:
    status, error, keys, shortest, longest = WHAT_HAPPENS[suffix]
    report = answers[suffix]
    assert tuple(report["status"].values()) == status
    assert tuple(report["error"].values()) == error or report["error"]["id"] == error
    assert shortest <= report["duration"] <= longest
    assert report["dtmfCodes"] == keys
    assert (report["bulkId"], report["to"]) == ("the bulk", NUMBERS[suffix])
    assert (report["mccMnc"], report["price"]) == ("21901", {"pricePerSecond": 0.01, "currency": "EUR"})
    assert report["sentAt"] <= report["doneAt"]
    assert report["sentAt"][-5:] == "+0100"
    assert bool(report["recordedAudioFileUrl"]) == (suffix in ("01", "15"))


@pytest.mark.parametrize("suffix", WHAT_HAPPENS)
def test_the_keys_are_in_the_contract_s_order(answers: dict[str, dict[str, Any]], suffix: str) -> None:
    report = answers[suffix]
    place = KEYS.index("mccMnc") + 1
    assert list(report) == ([*KEYS[:place], "callbackData", *KEYS[place:]] if suffix == "13" else KEYS)
    assert list(report["price"]) == ["pricePerSecond", "currency"]
    assert list(report["status"]) == STATUS_KEYS
    assert list(report["error"]) == ERROR_KEYS


def test_callback_data_comes_back(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["13"]["callbackData"] == '<13 & "co">'


def test_the_phones_saw_the_caller_and_nobody_was_called_twice(town: Server, answers: dict[str, Any]) -> None:
    called = [line for line in town.diary() if line["event"] == "invite" and line["to"] in NUMBERS.values()]
    assert sorted(line["to"] for line in called) == sorted(NUMBERS.values())
    assert {line["from"] for line in called} == {"38513378"}


# -- the founding page's own numbers, against its own samples ------------------------------------------------


def golden(name: str, form: str) -> list[Any]:
    text = (FOUNDING / name / f"response.{form}").read_text()
    return json.loads(text)["results"] if form == "json" else list(tree(text).iter("result"))


@pytest.fixture(scope="module")
def golden_sent(town: Server) -> Iterator[Any]:
    """A customer who sent to the founding page's three numbers twice, to collect in JSON and in XML."""
    town.add("golden", "--zone", "Europe/Zagreb")
    numbers = [{"to": to} for to in ("385981178", "38598111", "385981112")]
    one = {"destinations": numbers, "text": "Please press one.", "record": True, "maxDtmf": 1}
    with town.customer("golden") as customer:
        yield {name: customer.phone({"bulkId": name, "messages": [one]}) for name in ("json", "xml")} and customer


def test_json_is_as_on_the_founding_page(golden_sent: Any, town: Server) -> None:
    expected = {report["to"]: report for name in ("all", "limit-2") for report in golden(name, "json")}
    found: list[Any] = []
    while len(found) < 3:
        found += golden_sent.take({"Prefer": "wait=20"}, bulkId="json")
    for report in found:
        file = f"{town.url}/tts/3/files/{report['messageId']}/{report['to']}"
        sample = expected[report["to"]]
        ours = {"bulkId", "messageId", "sentAt", "doneAt", "duration", "recordedAudioFileUrl"}
        ours |= {"mccMnc"} - set(sample)  # the page's third sample lacks it
        assert {k: v for k, v in report.items() if k not in ours} == {k: v for k, v in sample.items() if k not in ours}
        assert report["recordedAudioFileUrl"] == file
        assert [type(v) for v in report.values()] == [type((sample | {"mccMnc": ""})[k]) for k in report]
        assert len(report["sentAt"]) == len(sample["sentAt"])


def test_xml_is_as_on_the_founding_page(golden_sent: Any) -> None:
    expected = {one.findtext("to"): one for name in ("all", "limit-2") for one in golden(name, "xml")}
    found: list[Any] = []
    while len(found) < 3:
        answer = golden_sent.get(
            "/tts/3/reports", params={"bulkId": "xml"}, headers={"Prefer": "wait=20", "Accept": "application/xml"}
        )
        assert answer.headers["content-type"] == "application/xml"
        root = tree(answer.text)
        assert (root.tag, [child.tag for child in root]) == ("reportResponse", ["results"])
        found += root.iter("result")
    for one in found:
        sample = expected[one.findtext("to")]
        assert [child.tag for child in one] == [child.tag for child in sample]
        for part in ("price", "status", "error"):
            assert leaves(one.find(part)) == leaves(sample.find(part))
        assert (one.findtext("mccMnc"), one.findtext("dtmfCodes")) == ("21901", "1")


def leaves(element: Any) -> dict[str, str]:
    return {child.tag: child.text for child in element}


@pytest.mark.slow
def test_a_phone_that_vanishes_is_found_out(town: Server) -> None:
    town.add("patient")
    with town.customer("patient") as patient:
        patient.phone(body("38598119916", dtmfTimeout=60, callTimeout=50))
        (report,) = patient.collect(1, 55)
    assert report["error"]["name"] == "EC_VOICE_INTERNAL_SERVER_ERROR"
    assert report["duration"] < 45
