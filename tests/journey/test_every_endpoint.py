"""Each method of each URL, in XML and in JSON, and whatever is asked of it wrongly (contract sections 1, 6 and 7).

The list is the server's own, its /openapi.json: a new route fails until it is asked here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree

import httpx
import pytest

from tests.journey.infobip import later
from tests.journey.server import PASSWORD, Server, body, tree

JSON, XML = "application/json", "application/xml"
AT = later(hours=2).isoformat()
TO = "41793040103"
MESSAGE = f"<text>Good day.</text><sendAt>{AT}</sendAt>"


class Asked(NamedTuple):
    """What is asked of an endpoint, and the XML that answers it: its root, "" where there is none."""

    path: str
    xml: str = ""
    json: Any = None
    root: str = ""


ASKED: dict[str, Asked] = {
    "POST /tts/3/single": Asked(
        "/tts/3/single",
        f"<request><to>{TO}</to><text>Good day.</text></request>",
        {"to": TO, "text": "Good day."},
        "sendResponse",
    ),
    "POST /tts/3/multi": Asked(
        "/tts/3/multi",
        f"<request><messages><message><to><to>{TO}</to></to><text>Good day.</text></message></messages></request>",
        {"messages": [{"to": [TO], "text": "Good day."}]},
        "sendResponse",
    ),
    "POST /tts/3/advanced": Asked(
        "/tts/3/advanced",
        "<request><messages><message><destinations><destination>"
        f"<to>{TO}</to></destination></destinations>{MESSAGE}</message></messages></request>",
        body(TO, sendAt=AT),
        "sendResponse",
    ),
    "GET /tts/3/reports": Asked("/tts/3/reports?bulkId=none", root="reportResponse"),
    "GET /voice/1/reports": Asked("/voice/1/reports?bulkId=none", root="reportResponse"),
    "GET /tts/3/logs": Asked("/tts/3/logs?bulkId=kept", root="logsResponse"),
    "GET /tts/3/bulks": Asked("/tts/3/bulks?bulkId=kept", root="bulk"),
    "PUT /tts/3/bulks": Asked(
        "/tts/3/bulks?bulkId=kept", f"<request><sendAt>{AT}</sendAt></request>", {"sendAt": AT}, "bulk"
    ),
    "GET /tts/3/bulks/status": Asked("/tts/3/bulks/status?bulkId=kept", root="bulkStatus"),
    "PUT /tts/3/bulks/status": Asked(
        "/tts/3/bulks/status?bulkId=kept",
        "<request><status>PAUSED</status></request>",
        {"status": "PAUSED"},
        "bulkStatus",
    ),
    "GET /tts/3/voices/{language}": Asked("/tts/3/voices/en", root="voicesResponse"),
    "GET /ringback/1/ledger": Asked("/ringback/1/ledger?bulkId=kept", root="ledger"),
    "GET /tts/3/files/{messageId}/{to}": Asked("/tts/3/files/none/41793040103"),
    "POST /auth/1/session": Asked(
        "/auth/1/session",
        f"<request><username>everybody</username><password>{PASSWORD}</password></request>",
        {"username": "everybody", "password": PASSWORD},
        "loginResponse",
    ),
    "DELETE /auth/1/session": Asked("/auth/1/session"),
}
WITH_BODY = [name for name, asked in ASKED.items() if asked.xml]
SIGNING_IN, SIGNING_OUT = "POST /auth/1/session", "DELETE /auth/1/session"
PAUSING = "PUT /tts/3/bulks/status"
FILES = "GET /tts/3/files/{messageId}/{to}"
IN_XML = [name for name, asked in ASKED.items() if asked.root]
SEEN_TWICE = [name for name in IN_XML if name.startswith("GET")]


@pytest.fixture(scope="module")
def client(town: Server) -> Iterator[httpx.Client]:
    key = town.add("everybody")
    with httpx.Client(base_url=town.url, headers={"Authorization": f"App {key}"}, trust_env=False) as client:
        kept = body("41793040203", sendAt=AT, callbackData='<a & "b">') | {"bulkId": "kept"}
        assert client.post("/tts/3/advanced", json=kept).status_code == 200
        yield client


def ask(
    client: httpx.Client, name: str, content: str | None = None, *, slash: str = "", **headers: str | None
) -> httpx.Response:
    """Asks; a header that is None is not sent, and a body is XML unless it is said."""
    method, asked = name.split()[0], ASKED[name]
    if name == PAUSING:  # what is paused already can't be
        client.put(asked.path, json={"status": "PENDING"})
    shown = {"Accept": XML, "Content-Type": XML if asked.xml else None} | {
        header.replace("_", "-"): value for header, value in headers.items()
    }
    request = client.build_request(
        method,
        re.sub(r"(?=\?|$)", slash, asked.path, count=1),
        content=content if content is not None else asked.xml or None,
        headers={header: value for header, value in shown.items() if value is not None},
    )
    for header, value in shown.items():
        if value is None and header in request.headers:
            del request.headers[header]
    return client.send(request)


def exception(answer: httpx.Response, form: str) -> dict[str, Any]:
    """The error's `messageId`, `text` and faults by path, whatever form it came in."""
    assert answer.headers["content-type"] == form
    assert answer.headers["cache-control"] == "no-store"
    if form == JSON:
        found: dict[str, Any] = answer.json()["requestError"]["serviceException"]
        return found
    root = tree(answer.text)
    assert (root.tag, [child.tag for child in root]) == ("requestError", ["serviceException"])
    told: dict[str, Any] = {child.tag: child.text for child in root[0] if child.tag != "validationErrors"}
    faults = root.findall("serviceException/validationErrors/validationError")
    if faults:
        told["validationErrors"] = {
            fault.findtext("path"): [text.text for text in fault.iterfind("messages/message")] for fault in faults
        }
    return told


def leaves(value: Any, name: str = "") -> list[tuple[str, str]]:
    """The names and values of a JSON answer, or of an element: what both forms have to agree on."""
    if isinstance(value, ElementTree.Element):
        return [one for child in value for one in leaves(child)] if len(value) else [(value.tag, value.text or "")]
    if isinstance(value, dict):
        return [one for key, child in value.items() for one in leaves(child, key)]
    if isinstance(value, list):
        return [one for child in value for one in leaves(child, name)]
    if isinstance(value, bool):
        return [(name, "true" if value else "false")]
    return [] if value is None else [(name, str(value))]


def test_every_route_of_the_server_is_asked_here(town: Server) -> None:
    document = httpx.get(town.url + "/openapi.json", trust_env=False).json()
    served = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert {re.sub(r"\{\w+\}", "{}", name) for name in served} == {re.sub(r"\{\w+\}", "{}", name) for name in ASKED}


@pytest.mark.parametrize("name", IN_XML)
def test_xml_in_and_out(client: httpx.Client, name: str) -> None:
    for media in (XML, "text/xml"):
        content_type = {"Content_Type": media} if ASKED[name].xml else {}
        answer = ask(client, name, Accept=media, **content_type)
        assert (answer.status_code, answer.headers["content-type"]) == (200, XML), answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert tree(answer.text).tag == ASKED[name].root


@pytest.mark.parametrize("name", IN_XML)
def test_the_form_of_the_body_and_of_the_answer_are_free(client: httpx.Client, name: str) -> None:
    """Each form in with the other out; the names in both answers are the same."""
    xml_in = ask(client, name, Accept=JSON)
    content = json.dumps(ASKED[name].json) if ASKED[name].json else None
    json_in = ask(client, name, content, **({"Content_Type": JSON} if content else {}))
    assert [xml_in.status_code, xml_in.headers["content-type"]] == [200, JSON], xml_in.text
    assert [json_in.status_code, json_in.headers["content-type"]] == [200, XML], json_in.text
    as_json, as_xml = leaves(xml_in.json()), leaves(tree(json_in.text))
    if name in SEEN_TWICE and ASKED[name].root != "reportResponse":
        assert as_json == as_xml
        assert as_xml
    elif name not in SEEN_TWICE:
        assert [leaf for leaf, _ in as_json] == [leaf for leaf, _ in as_xml]


@pytest.mark.parametrize("form", [JSON, XML])
@pytest.mark.parametrize("name", ASKED)
def test_without_credentials(client: httpx.Client, name: str, form: str) -> None:
    wrong = ASKED[name].xml.replace(PASSWORD, "close sesame") if name == SIGNING_IN else None
    answer = ask(client, name, wrong, Accept=form, Authorization=None)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="ringback"')
    assert exception(answer, form) == {"messageId": "UNAUTHORIZED", "text": "Invalid login details"}


@pytest.mark.parametrize("form", [JSON, XML])
@pytest.mark.parametrize("path", sorted({asked.path for asked in ASKED.values()}))
def test_another_method(client: httpx.Client, path: str, form: str) -> None:
    taken = {name.split()[0] for name, asked in ASKED.items() if asked.path == path}
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - taken:
        answer = client.request(method, path, headers={"Accept": form})
        assert answer.status_code == 405, method
        assert {*answer.headers["allow"].split(", ")} - {"HEAD"} == taken
        assert exception(answer, form)["messageId"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("name", IN_XML)
@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0, application/xml;q=0", "image/*"])
def test_an_accept_that_allows_neither(client: httpx.Client, name: str, accept: str) -> None:
    answer = ask(client, name, Accept=accept)
    assert answer.status_code == 406
    assert exception(answer, JSON)["messageId"] == "NOT_ACCEPTABLE"


@pytest.mark.parametrize("name", WITH_BODY)
@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_of_another_type(client: httpx.Client, name: str, media: str | None) -> None:
    answer = ask(client, name, Content_Type=media)
    assert answer.status_code == 415
    assert exception(answer, XML)["messageId"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("name", WITH_BODY)
@pytest.mark.parametrize("form", [JSON, XML])
def test_a_body_that_can_t_be_read(client: httpx.Client, name: str, form: str) -> None:
    for broken, media in (("<request>", XML), ("<other/>", XML), ('{"to":', JSON), ("[]", JSON)):
        answer = ask(client, name, broken, Accept=form, Content_Type=media)
        assert answer.status_code == 400, (broken, answer.text)
        told = exception(answer, form)
        assert (told["messageId"], told["text"], [*told["validationErrors"]]) == (
            "BAD_REQUEST",
            "Bad request",
            ["body"],
        )


@pytest.mark.parametrize("name", WITH_BODY)
def test_faults_are_named_alike_in_both_forms(client: httpx.Client, name: str) -> None:
    told = [exception(ask(client, name, "<request/>", Accept=form), form) for form in (JSON, XML)]
    assert told[0] == told[1]
    assert told[0]["validationErrors"]


@pytest.mark.parametrize("name", [name for name in ASKED if name.startswith("GET")])
def test_a_get_s_body_and_content_type_are_ignored(client: httpx.Client, name: str) -> None:
    plain, odd = ask(client, name), ask(client, name, "false", Content_Type="text/plain")
    assert (plain.status_code, plain.text) == (odd.status_code, odd.text)


@pytest.mark.parametrize("name", ASKED)
def test_a_trailing_slash(client: httpx.Client, name: str) -> None:
    answer = ask(client, name, slash="/", Authorization=credentials(client, name))
    assert answer.status_code == {FILES: 404, SIGNING_OUT: 204}.get(name, 200), answer.text


def credentials(client: httpx.Client, name: str) -> str:
    if name != SIGNING_OUT:
        return str(client.headers["Authorization"])
    return "IBSSO " + ask(client, SIGNING_IN, Accept=JSON).json()["token"]


def test_signing_out_has_no_body_and_a_token_s_second_end_is_401(client: httpx.Client) -> None:
    token = credentials(client, SIGNING_OUT)
    ended, again = ask(client, SIGNING_OUT, Authorization=token), ask(client, SIGNING_OUT, Authorization=token)
    assert (ended.status_code, ended.content, again.status_code) == (204, b"", 401)


def test_a_recording_that_is_not_there(client: httpx.Client) -> None:
    for form in (JSON, XML):
        answer = ask(client, FILES, Accept=form)
        assert (answer.status_code, exception(answer, form)["messageId"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/tts/3/reports", "/voice/1/reports", "/tts/3/reports/"])
def test_head_takes_no_report(client: httpx.Client, path: str) -> None:
    answer = client.head(path, headers={"Accept": XML})
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "GET", b"")
