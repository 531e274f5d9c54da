"""XML in and out: requests to the same plain values as JSON gives, and values to XML.

Source: contract section 1, "XML in" and "XML out".
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.parsers import expat

DEEPEST = 16
"""How deep elements may be nested [ours]; the contract's deepest body needs eight."""

MOST_ELEMENTS = 500_000
"""How many elements a body may hold [ours]; 20,000 messages of two dozen fields each."""

LONGEST_TAG = 262_144
"""Bytes of a tag with its attributes, or of a comment [ours]."""

_PIECE = 65_536  # bytes

_ENCODINGS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "utf-16"})
LISTS = {  # a list's element, and what its items may be called inside it
    "to": ("to",),
    "messages": ("messages", "message"),
    "destinations": ("destinations", "destination"),
    "days": ("days", "day"),
}


class Malformed(Exception):
    """A body that can't be read at all; the text says why, for people."""


def read(body: bytes, charset: str | None = None) -> Any:
    """The `<request>` as dicts, lists and strings; attributes are ignored. Raises `Malformed`.

    An element that stands several times becomes a list. No DTD, so no entities; depth and number are capped.
    """
    builder = _Builder()
    parser = expat.ParserCreate(charset)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.XmlDeclHandler = _declared
    parser.StartDoctypeDeclHandler = _doctype
    try:
        _parse(parser, memoryview(body))
    except expat.ExpatError as error:
        raise Malformed(f"malformed XML: {error}") from None
    return builder.request


def _parse(parser: expat.XMLParserType, body: memoryview) -> None:
    """In pieces, so that no one step holds the interpreter long: expat looks at a tag when it has all of it."""
    fed = 0
    while fed < len(body):
        parser.Parse(body[fed : fed + _PIECE], False)
        fed = min(fed + _PIECE, len(body))
        if fed - parser.CurrentByteIndex > LONGEST_TAG:
            raise Malformed(f"a tag or comment of more than {LONGEST_TAG} bytes")
    parser.Parse(b"", True)


def _declared(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in _ENCODINGS:
        raise Malformed("the encoding must be UTF-8")


def _doctype(*_: Any) -> None:
    raise Malformed("a document type declaration (DOCTYPE) is not allowed")


class _Builder:
    """Gathers what expat reports. Each open element is its children so far and its text so far."""

    def __init__(self) -> None:
        self.request: Any = None
        self._open: list[tuple[dict[str, Any], list[str]]] = []
        self._seen = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._seen += 1
        if not self._open and name != "request":
            raise Malformed("the root element must be <request>")
        if len(self._open) >= DEEPEST:
            raise Malformed(f"elements are nested more than {DEEPEST} deep")
        if self._seen > MOST_ELEMENTS:
            raise Malformed(f"more than {MOST_ELEMENTS} elements")
        self._open.append(({}, []))

    def text(self, data: str) -> None:
        self._open[-1][1].append(data)

    def end(self, name: str) -> None:
        children, text = self._open.pop()
        value = _unwrapped(name, children) if children else "".join(text)
        if not self._open:
            self.request = value
            return
        siblings = self._open[-1][0]
        if name not in siblings:
            siblings[name] = value
        elif isinstance(siblings[name], list):
            siblings[name].append(value)
        else:
            siblings[name] = [siblings[name], value]


def _unwrapped(name: str, children: dict[str, Any]) -> Any:
    """`<to><to>1</to><to>2</to></to>` as ["1", "2"]: the items of a list's element, else the children."""
    for item in LISTS.get(name, ()):
        if item in children:
            value = children[item]
            return value if isinstance(value, list) else [value]
    return children


ITEMS: Mapping[str, str] = {
    "results": "result",
    "messages": "message",
    "validationErrors": "validationError",
    "voices": "voice",
}
"""What the items of a list are called; of any other, what the list is called."""

_UNSAFE = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def element(name: str, value: Any) -> str:
    """An element: dicts become children, lists repeated children, None nothing at all.

    What XML 1.0 forbids can't be in it: such a character is written as U+FFFD. Source: contract section 1.
    """
    kind = type(value)
    if kind is str:
        return f"<{name}>{_escaped(value)}</{name}>"
    if kind is int:
        return f"<{name}>{value}</{name}>"
    if kind is dict:
        inner = "".join([element(key, child) for key, child in value.items() if child is not None])
    elif kind is list or kind is tuple:
        item = ITEMS.get(name, name)
        inner = "".join([element(item, child) for child in value])
    else:
        inner = "" if value is None else _written(value)
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")  # exact, and never as 1E-7
    return _escaped(str(value))


def _escaped(text: str) -> str:
    if _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(lambda found: _ESCAPES.get(found.group(), "�"), text)
