"""Single, multi and advanced, in JSON and in XML; and what is refused, which leaves nothing behind."""

import json
import socket
from typing import Any
from urllib.parse import quote

import pytest

from tests.eventually import eventually
from tests.journey.server import Customer, Server, basic, body, run, tree

JSON_BODIES: dict[str, Any] = {
    "single": {"to": "41791000103", "text": "Hello."},
    "multi": {"messages": [{"to": ["41791000203", "41791000303"], "text": "Hello."}]},
    "advanced": {"messages": [{"destinations": [{"to": "41791000403"}], "text": "Hello."}]},
}
XML_BODIES = {
    "single": "<request><to>41791000103</to><text>Hello.</text></request>",
    "multi": "<request><messages><message><to><to>41791000203</to><to>41791000303</to></to><text>Hello.</text>"
    "</message></messages></request>",
    "advanced": "<request><messages><messages><destinations><to>41791000403</to></destinations><text>Hello.</text>"
    "</messages></messages></request>",
}
NUMBERS = {"single": ["41791000103"], "multi": ["41791000203", "41791000303"], "advanced": ["41791000403"]}
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
XML = {"Content-Type": "application/xml", "Accept": "application/xml"}
EVIL = [
    '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><request><to>41791000503</to><text>&x;</text></request>',
    '<!DOCTYPE r SYSTEM "http://127.0.0.1:1/r.dtd"><request><to>41791000503</to><text>Hello.</text></request>',
    '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><request><to>41791000503</to><text>&b;</text></request>',
]
ODD_IDS = ["a/b", "../../etc/passwd", 'it\'s "quoted"', "100 %2F&?#;", "žluťoučký 😀", "<id>", "a//b/", "."]


@pytest.mark.parametrize("kind", JSON_BODIES)
def test_a_send_in_json_is_called_and_reported(customer: Customer, town: Server, kind: str) -> None:
    answer = customer.post(f"/tts/3/{kind}", json=JSON_BODIES[kind])
    assert answer.status_code == 200
    sent = answer.json()
    assert list(sent) == ["bulkId", "messages"]
    assert [one["to"] for one in sent["messages"]] == NUMBERS[kind]
    for one in sent["messages"]:
        assert list(one) == ["to", "status", "messageId"]
        assert list(one["status"].values())[:4] == [1, "PENDING", 26, "PENDING_ACCEPTED"]
    found = customer.collect(len(NUMBERS[kind]))
    assert {report["messageId"] for report in found} == {one["messageId"] for one in sent["messages"]}
    assert {report["bulkId"] for report in found} == {sent["bulkId"]}
    assert {report["error"]["name"] for report in found} == {"EC_VOICE_USER_BUSY"}


@pytest.mark.parametrize("kind", XML_BODIES)
def test_a_send_in_xml_is_called_and_reported(customer: Customer, kind: str) -> None:
    answer = customer.post(f"/tts/3/{kind}", content=XML_BODIES[kind].encode(), headers=XML)
    assert answer.status_code == 200
    root = tree(answer.text)
    assert root.tag == "sendResponse"
    assert [one.findtext("to") for one in root.iter("message")] == NUMBERS[kind]
    assert {one.findtext("status/name") for one in root.iter("message")} == {"PENDING_ACCEPTED"}
    found = customer.collect(len(NUMBERS[kind]))
    assert {report["messageId"] for report in found} == {one.findtext("messageId") for one in root.iter("message")}


def test_a_number_that_can_t_be_dialled_is_refused_alone(customer: Customer) -> None:
    answer = customer.post("/tts/3/advanced", json=body(["Alphanumeric", "41791000603"])).json()
    wrong, right = answer["messages"]
    assert list(wrong) == ["to", "status"]
    assert (wrong["to"], wrong["status"]["id"], wrong["status"]["name"]) == ("Alphanumeric", 52, "REJECTED_DESTINATION")
    assert wrong["status"]["action"] == "Check to parameter."
    (report,) = customer.collect(1)
    assert report["messageId"] == right["messageId"]


def test_an_id_that_was_used_is_refused_and_nobody_is_called_twice(customer: Customer, town: Server) -> None:
    twice = body([{"to": "41791000703", "messageId": "mine"}])
    customer.phone(twice)
    customer.collect(1)
    (again,) = customer.post("/tts/3/advanced", json=twice).json()["messages"]
    assert (again["status"]["id"], again["status"]["name"]) == (23, "REJECTED_DUPLICATE_MESSAGE_ID")
    customer.phone(body("41791000803"))
    (report,) = customer.collect(1)  # and not one more
    assert report["to"] == "41791000803"
    assert town.invites()["41791000703"] == 1


def test_any_printable_id_is_called_reported_and_its_file_is_served(customer: Customer, town: Server) -> None:
    sent = [{"to": f"4179200{n}113", "messageId": one} for n, one in enumerate(ODD_IDS)]
    assert customer.phone(body(sent, record=True) | {"bulkId": 'a bulk/with "all" of it'}) == ODD_IDS
    found = customer.collect(len(ODD_IDS))
    assert sorted(report["messageId"] for report in found) == sorted(ODD_IDS)
    for report in found:
        assert report["bulkId"] == 'a bulk/with "all" of it'
        path = f"/tts/3/files/{quote(report['messageId'], safe='')}/{report['to']}"
        assert report["recordedAudioFileUrl"] == town.url + path
        assert as_it_stands(town, path, customer.name).startswith(b"HTTP/1.1 200")
    names = {path.name for path in (town.data / "recordings").rglob("*")}
    assert not any(part in name for name in names for part in ("passwd", "quoted", "%", "<"))


def as_it_stands(town: Server, path: str, name: str) -> bytes:
    """The answer to a GET whose path no client has tidied up."""
    with socket.create_connection(("127.0.0.1", town.port), 10) as peer:
        peer.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {basic(name)}\r\n\r\n".encode()
        )
        return b"".join(iter(lambda: peer.recv(65536), b""))


# -- refused: nothing is stored, nobody is called ------------------------------------------------------------

LATER = {
    "machineDetection": "hangup",
    "callTransfers": [{"if": "dtmf", "equals": "1", "transferTo": "41791"}],
}


def refused(customer: Customer, status: int, answer: Any) -> dict[str, Any]:
    """The refusal, in the contract's shape; and nothing of it is there afterwards."""
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()["requestError"]["serviceException"]
    assert told["messageId"]
    assert told["text"]
    customer.phone(body([{"to": "41799999903", "messageId": "after"}]))
    (report,) = customer.collect(1)
    assert report["messageId"] == "after"
    return told


@pytest.mark.parametrize("field", LATER)
def test_what_is_not_built_is_refused_by_name(customer: Customer, town: Server, field: str) -> None:
    answer = customer.post("/tts/3/advanced", json=body("41793000003", **{field: LATER[field]}))
    told = refused(customer, 400, answer)
    assert any(field in name for name in told["validationErrors"]), told
    assert town.invites()["41793000003"] == 0


def test_every_fault_is_named_and_nothing_is_kept(customer: Customer, town: Server) -> None:
    faulty = {
        "bulkId": "x" * 101,
        "messages": [
            {"destinations": [{"to": "41793000103"}], "text": "Right."},
            {"destinations": [{"to": "41793000203", "messageId": ""}], "text": "a", "audioFileUrl": "http://a/b.wav"},
            {"destinations": [], "text": "nul \0"},
            {"destinations": [{"to": 5}], "maxDtmf": "many", "record": "perhaps", "from": "me"},
            {"destinations": [{"to": "41793000303"}], "text": "lone \ud800"},
            {"destinations": [{"to": "41793000403"}]},
        ],
    }
    told = refused(customer, 400, customer.post("/tts/3/advanced", content=json.dumps(faulty), headers=JSON))
    named = " ".join(told["validationErrors"])
    for field in ("bulkId", "messages[1].text", "messages[2].text", "messages[3].maxDtmf", "messages[3].record"):
        assert field in named
    for field in ("messages[2].destinations", "messages[3].from", "messages[4].text", "messages[5].text"):
        assert field in named
    assert "messages[0]" not in named
    assert not any(to.startswith("417930001") for to in town.invites())


@pytest.mark.parametrize(
    "text", ['{"messages":[', "[]", "null", '"x"', "{}", '{"messages":{}}', "\xff\xfe", '{"a":' * 5000]
)
def test_json_that_is_none_is_refused(customer: Customer, text: str) -> None:
    told = refused(customer, 400, customer.post("/tts/3/advanced", content=text.encode("latin-1"), headers=JSON))
    assert told["messageId"] == "BAD_REQUEST"


@pytest.mark.parametrize("text", ["<request>", "<request/>", "<a/>", "", *EVIL, "<request><to>1</to><text>\x01</text>"])
def test_xml_that_is_none_or_reaches_out_is_refused(customer: Customer, text: str) -> None:
    answer = customer.post("/tts/3/single", content=text.encode(), headers=XML | {"Accept": "application/json"})
    told = refused(customer, 400, answer)
    assert "root:" not in answer.text
    assert told["messageId"] == "BAD_REQUEST"


def test_a_refusal_is_in_xml_when_xml_is_asked_for(customer: Customer) -> None:
    answer = customer.post("/tts/3/single", content=b"<request/>", headers=XML)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/xml")
    root = tree(answer.text)
    assert (root.tag, root.findtext("serviceException/messageId")) == ("requestError", "BAD_REQUEST")


def test_20_001_destinations_are_refused_whole(customer: Customer, town: Server) -> None:
    many = [f"41794{n:06}03" for n in range(20_001)]
    told = refused(customer, 400, customer.post("/tts/3/multi", json={"messages": [{"to": many, "text": "Hi."}]}))
    assert "20000" in json.dumps(told).replace(",", "").replace(".", "")
    assert not any(to.startswith("41794") for to in town.invites())


def test_10_megabytes_are_refused(customer: Customer, town: Server) -> None:
    ten = b'{"text":"' + b"x" * 10_000_000 + b'"}'
    told = refused(customer, 413, customer.post("/tts/3/single", content=ten, headers=JSON))
    assert told["messageId"] == "CONTENT_TOO_LARGE"
    pieces = (ten[start : start + 65_536] for start in range(0, len(ten), 65_536))
    assert b" 413 " in chunked(town, pieces, customer.name).split(b"\r\n")[0]


def chunked(town: Server, pieces: Any, name: str) -> bytes:
    """What a POST without Content-Length is answered, should the server stop reading or not."""
    head = f"POST /tts/3/single HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(name)}\r\n"
    with socket.create_connection(("127.0.0.1", town.port), 20) as peer:
        peer.sendall((head + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").encode())
        try:
            for piece in pieces:
                peer.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            peer.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough: the answer is there to be read
        return peer.recv(65_536)


def test_other_types_and_other_customers_are_refused(customer: Customer, town: Server) -> None:
    good = json.dumps(body("41793000503")).encode()
    assert customer.post("/tts/3/advanced", content=good, headers={"Content-Type": "text/plain"}).status_code == 415
    assert customer.post("/tts/3/advanced", content=good, headers=JSON | {"Accept": "image/png"}).status_code == 406
    assert customer.post("/tts/3/advanced", content=good, headers=JSON, auth=("nobody", "x")).status_code == 401
    customer.phone(body("41793000603"))
    customer.collect(1)
    assert town.invites()["41793000503"] == 0


def test_unknown_fields_are_ignored(customer: Customer) -> None:
    customer.phone(body("41793000703", colour="green") | {"mood": {"a": [1]}})
    (report,) = customer.collect(1)
    assert report["error"]["id"] == 5002


def test_a_bulk_id_in_use_is_refused(customer: Customer, town: Server) -> None:
    customer.phone(body("41793000803") | {"bulkId": "once"})
    customer.collect(1)
    told = refused(customer, 400, customer.post("/tts/3/advanced", json=body("41793000903") | {"bulkId": "once"}))
    assert "bulkId" in told["validationErrors"]
    assert town.invites()["41793000903"] == 0


def test_a_bulk_of_20_000_is_accepted_and_removing_its_account_ends_it(town: Server) -> None:
    town.add("bulky")
    with town.customer("bulky") as bulky:
        sent = bulky.phone(
            {"messages": [{"destinations": [{"to": "41795000004"}] * 20_000, "text": "Hello.", "ringTimeout": 2}]}
        )
        assert len(set(sent)) == 20_000
        eventually(lambda: town.invites()["41795000004"] > 0, 10, "the first of them are called")
    removed = run("account", "remove", "bulky", "--data", town.data)
    assert removed.returncode == 0
    assert int(removed.stderr.rsplit(":", 1)[1]) >= 19_000
