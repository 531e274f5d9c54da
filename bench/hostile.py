"""Requests that are made to be expensive: as large as Ringback lets them be, and wrong in as many places as they can.

Each is valid HTTP from somebody who is signed in. bench/fuzzed.py sends them and watches the event loop.
"""

import json
from typing import Any

import msgspec

ADVANCED, SINGLE, REPORTS, BULKS = "/tts/3/advanced", "/tts/3/single", "/tts/3/reports", "/tts/3/bulks"
_JSON = {"Content-Type": "application/json"}
_MANY = 20_000
_FULL = 8 * 1024 * 1024 - 1_000  # bytes: what a body may have, nearly
_HEAD = 380_000  # bytes: what a request's head may have, nearly


class Hostile(msgspec.Struct, frozen=True):
    """A request, and what is bad about it."""

    name: str
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = {}
    query: str = ""


def all_of_them() -> list[Hostile]:
    """Every one, large bodies first."""
    return [*_json_bodies(), *_xml_bodies(), *_heads()]


def _json_bodies() -> list[Hostile]:
    message = {"text": "A bulk."}
    faulty = [{"to": {}, "messageId": "\n" * 3} for _ in range(_MANY)]
    ids = [{"to": f"99{n:05}03", "messageId": "m" * 90 + str(n % 7)} for n in range(_MANY)]
    numbers = ["(" * 300 + str(n) for n in range(_MANY)]
    many = [dict(message, destinations=[{"to": f"99{n:05}03"}], retry={}, voice=7) for n in range(_MANY)]
    bodies: dict[str, Any] = {
        "20,000 faulty destinations": {"messages": [message | {"destinations": faulty}]},
        "20,000 destinations with one of seven ids": {"messages": [message | {"destinations": ids}]},
        "20,000 numbers that can't be dialled": message | {"to": numbers},
        "20,000 faulty messages": {"messages": many},
        "a text of 8 MiB": message | {"to": "99103", "text": "é" * (_FULL // 2)},
        "a voice that is JSON of 8 MiB": message | {"to": "99103", "voice": "[" * _FULL},
        "a sendAt of 8 MiB": message | {"to": "99103", "sendAt": "2" * _FULL},
        "20,000 days": message | {"to": "99103", "deliveryTimeWindow": {"days": [7] * _MANY}},
    }
    made = [Hostile(name, "POST", _path(body), _json(body), _JSON) for name, body in bodies.items()]
    raw = {
        "JSON nested 4 million deep": b"[" * (_FULL // 2),
        "140,000 empty objects": b'{"x":[' + b",".join([b"{}"] * 140_000) + b"]}",
        "490,000 small numbers": b'{"x":[' + b",".join([b"1"] * 490_000) + b"]}",
        "200,000 names in one object": b"{" + b",".join([b'"%d":1' % n for n in range(200_000)]) + b"}",
        "200,000 times the same name": b"{" + b",".join([b'"to":1'] * 200_000) + b"}",
        "a number of 8 million digits": b'{"x":' + b"9" * _FULL + b"}",
        "8 MiB of blanks": b" " * _FULL,
        "escapes, 8 MiB": b'{"text":"' + b"\\u0041" * (_FULL // 6) + b'"}',
        "not UTF-8": b'{"text":"' + b"\xff" * _FULL + b'"}',
    }
    made += [Hostile(name, "POST", SINGLE, body, _JSON) for name, body in raw.items()]
    made += [Hostile(f"PUT: {name}", "PUT", BULKS, body, _JSON, query="bulkId=x") for name, body in raw.items()]
    return made


def _xml_bodies() -> list[Hostile]:
    raw = {
        "490,000 elements": b"<request>" + b"<a/>" * 490_000 + b"</request>",
        "20,000 faulty destinations": b"<request><messages><message><destinations>"
        + b"<destination><to><a/></to></destination>" * _MANY
        + b"</destinations></message></messages></request>",
        "300,000 attributes": b"<request><a " + b" ".join([b'a%d=""' % n for n in range(300_000)]) + b"/></request>",
        "character references, 8 MiB": b"<request><text>" + b"&#65;" * (_FULL // 5) + b"</text></request>",
        "a name of 8 MiB": b"<request><" + b"a" * (_FULL // 2) + b"/></request>",
    }
    headers = {"Content-Type": "application/xml", "Accept": "application/xml"}
    made = [Hostile(f"XML: {name}", "POST", ADVANCED, body, headers) for name, body in raw.items()]
    return made + [
        Hostile(f"XML, PUT: {name}", "PUT", BULKS, body, headers, query="bulkId=x") for name, body in raw.items()
    ]


def _heads() -> list[Hostile]:
    long = {
        "a long Accept": {"Accept": "a/b;q=0.1," * (_HEAD // 10)},
        "an Accept of semicolons": {"Accept": "a/b" + ";q=x" * (_HEAD // 4)},
        "a long Prefer": {"Prefer": "wait=" + "0" * _HEAD},
        "a Prefer of blanks": {"Prefer": "x" + ", wait= " * (_HEAD // 8)},
        "a long Idempotency-Key": {"Idempotency-Key": "k" * _HEAD},
        "a long Content-Type": {"Content-Type": "application/json;" + "charset= " * (_HEAD // 9)},
    }
    made = []
    for name, headers in long.items():
        made.append(Hostile(name, "GET", REPORTS, headers=headers))
        made.append(Hostile(f"POST: {name}", "POST", SINGLE, b"{}", _JSON | headers))
    queries = {
        "a query of 50,000 parameters": "bulkId=x&" * (_HEAD // 9),
        "a bulkId of 120,000 escapes": "bulkId=" + "%41" * (_HEAD // 3),
        "a bulkId of 60,000 foreign letters": "bulkId=" + "%C3%A9" * (_HEAD // 6),
        "a limit of 380,000 digits": "limit=" + "0" * _HEAD,
        "semicolons": ";" * _HEAD,
    }
    for name, query in queries.items():
        made += [Hostile(f"{path}: {name}", "GET", path, query=query) for path in (REPORTS, BULKS)]
    made.append(Hostile("a file's long URL", "GET", "/tts/3/files/" + "%41/" * (_HEAD // 4) + "1"))
    return made


def _path(body: dict[str, Any]) -> str:
    return ADVANCED if "messages" in body else SINGLE


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
