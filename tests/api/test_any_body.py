"""Whatever arrives is a request or a refusal with a status of 4xx that both forms can say; nothing else."""

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.api.errors import ApiError, body_of
from ringback.api.sending import drafted, send_response
from ringback.api.wire import parse_advanced, parse_multi, parse_single
from ringback.model.message import Network

PARSERS = [parse_single, parse_multi, parse_advanced]

NAMES = re.findall(
    r"\w+",
    """to text from language voice name gender record maxDtmf dtmfTimeout ringTimeout callTimeout callbackData bulkId
    messageId audioFileUrl messages message destinations destination sendAt retry pause speechRate machineDetection""",
)

texts = st.text(st.characters(), max_size=20) | st.sampled_from(["41793026727", "true", "5", '{"name":"x"}', "hi"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
names = st.sampled_from(NAMES) | st.text(max_size=5)


def deeper(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=4) | st.dictionaries(names, values, max_size=6)


values = st.recursive(leaves, deeper, max_leaves=30)
requests = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, values | texts))
bodies = st.dictionaries(names, values) | requests | st.fixed_dictionaries({"messages": st.lists(requests)})


def taken_or_refused(parse: Any, body: bytes, content_type: str) -> None:
    try:
        request = parse(body, content_type)
    except ApiError as refusal:
        readable(body_of(refusal, "json"), body_of(refusal, "xml"), refusal.status)
    else:
        draft = drafted(request, Network.SANDBOX)
        readable(send_response(draft, set(), "json"), send_response(draft, set(), "xml"), 400)


def readable(as_json: bytes, as_xml: bytes, status: int) -> None:
    assert 400 <= status < 500
    json.loads(as_json)
    ElementTree.fromstring(as_xml)  # noqa: S314 - it is ours


@pytest.mark.parametrize("parse", PARSERS)
@given(value=bodies | values)
def test_any_json_value(parse: Any, value: Any) -> None:
    taken_or_refused(parse, json.dumps(value).encode(), "application/json")


@pytest.mark.parametrize("parse", PARSERS)
@given(body=st.binary())
def test_any_bytes(parse: Any, body: bytes) -> None:
    taken_or_refused(parse, body, "application/json")
    taken_or_refused(parse, body, "text/xml")


def as_xml(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(as_xml(key, child) for key, child in value.items() if key in NAMES)}</{name}>"
    if isinstance(value, list):
        return f"<{name}>{''.join(as_xml(name, child) for child in value)}</{name}>"
    return f"<{name}>{value}</{name}>"


@pytest.mark.parametrize("parse", PARSERS)
@given(value=bodies)
def test_any_xml(parse: Any, value: Any) -> None:
    taken_or_refused(parse, as_xml("request", value).encode("utf-8", "replace"), "application/xml")
