"""XML in: plain values or a fault, never an entity. XML out: always well-formed."""

from contextlib import suppress
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.api.xml import DEEPEST, MOST_ELEMENTS, Malformed, element, read

READ: list[tuple[str, Any]] = [
    ("<request/>", ""),
    ("<request><to>1</to></request>", {"to": "1"}),
    ("<request><to>1</to><to>2</to></request>", {"to": ["1", "2"]}),
    ("<request><to><to>1</to></to></request>", {"to": ["1"]}),
    ("<request><to><to>1</to><to>2</to></to></request>", {"to": ["1", "2"]}),
    ("<request><messages><message><text>a</text></message></messages></request>", {"messages": [{"text": "a"}]}),
    ("<request><messages><messages><text>a</text></messages></messages></request>", {"messages": [{"text": "a"}]}),
    (
        "<request><destinations><destination><to>1</to></destination><destination><to>2</to></destination>"
        "</destinations></request>",
        {"destinations": [{"to": "1"}, {"to": "2"}]},
    ),
    ("<request><destinations><to>1</to></destinations></request>", {"destinations": {"to": "1"}}),
    ("<request a='b'><text>a &amp; <![CDATA[<b>]]></text></request>", {"text": "a & <b>"}),
    ("<request><text>a</text><text>b</text><text>c</text></request>", {"text": ["a", "b", "c"]}),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_read(text: str, value: Any) -> None:
    assert read(text.encode()) == value


def test_the_declared_encoding_is_followed_and_the_charset_parameter_wins() -> None:
    latin = "<?xml version='1.0' encoding='ISO-8859-1'?><request><text>Zürich</text></request>".encode("latin-1")
    assert read(latin) == {"text": "Zürich"}
    assert read(latin.replace(b"ISO-8859-1", b"UTF-8"), "iso-8859-1") == {"text": "Zürich"}


LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
ATTACKS = {
    "an external entity": b"<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><request><text>&x;</text></request>",
    "a billion laughs": f"<!DOCTYPE r [<!ENTITY l0 'ha'>{LAUGHS}]><request><text>&l9;</text></request>".encode(),
    "an external DTD": b"<!DOCTYPE request SYSTEM 'http://127.0.0.1/x.dtd'><request/>",
    "a parameter entity": b"<!DOCTYPE r [<!ENTITY % p SYSTEM 'file:///etc/passwd'>%p;]><request/>",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_no_document_type(attack: bytes) -> None:
    with pytest.raises(Malformed, match="DOCTYPE"):
        read(attack)


FAULTS = [
    (b"<request>", "malformed XML: no element found"),
    (b"<request><a></b></request>", "malformed XML: mismatched tag: line 1"),
    (b"<request/><request/>", "malformed XML"),
    (b"<other/>", "the root element must be <request>"),
    (b"<request>&x;</request>", "malformed XML: undefined entity"),
    (b"<request>\x00</request>", "malformed XML"),
    (b"<request>&#0;</request>", "malformed XML"),
    (b"<request>&#xD800;</request>", "malformed XML"),
    (b"<request>\xff</request>", "malformed XML"),
    (b"", "malformed XML"),
    (b"<?xml version='1.0' encoding='rot13'?><request/>", "the encoding must be UTF-8"),
    (b"<request>" + b"<a>" * DEEPEST + b"</a>" * DEEPEST + b"</request>", "nested more than"),
    (b"<request>" + b"<a/>" * MOST_ELEMENTS + b"</request>", "more than"),
]


@pytest.mark.parametrize(("body", "why"), FAULTS, ids=[why for _, why in FAULTS])
def test_faults(body: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        read(body)


@given(st.binary() | st.text().map(lambda text: f"<request>{text}</request>".encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(Malformed):
        read(body)


def test_written() -> None:
    value = {
        "results": [{"id": 1, "none": None, "yes": True, "no": False}, {"text": "a<b>&\r\n"}],
        "price": Decimal("0.000000010"),
        "empty": "",
    }
    assert element("reportResponse", value) == (
        "<reportResponse><results><result><id>1</id><yes>true</yes><no>false</no></result>"
        "<result><text>a&lt;b&gt;&amp;&#13;\n</text></result></results>"
        "<price>0.000000010</price><empty></empty></reportResponse>"
    )
    assert element("reportResponse", {"results": []}) == "<reportResponse><results/></reportResponse>"


@given(st.text(st.characters(), max_size=50))
def test_any_text_is_written_well_formed_and_comes_back_unless_xml_forbids_it(text: str) -> None:
    written = element("text", text).encode()
    back = ElementTree.fromstring(written).text or ""  # noqa: S314 - it is ours
    assert len(back) == len(text)
    assert all(b in (a, "�") for a, b in zip(text, back, strict=True))
    if all(character >= " " and not "\ud800" <= character <= "\udfff" and character < "￾" for character in text):
        assert back == text
