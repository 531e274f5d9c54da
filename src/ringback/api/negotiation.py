"""Which form a request came in and which its answer goes out in: JSON or XML."""

import re
from functools import lru_cache
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["json", "xml"]

CONTENT_TYPE: dict[Form, str] = {"json": "application/json", "xml": "application/xml"}

_FORM_OF: dict[str, Form] = {"application/json": "json", "application/xml": "xml", "text/xml": "xml"}
_CHARSETS: dict[Form, frozenset[str]] = {
    "json": frozenset({"utf-8", "utf8", "us-ascii"}),
    "xml": frozenset({"utf-8", "us-ascii", "iso-8859-1", "utf-16"}),  # what expat reads by itself
}
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
_CHARSET = re.compile(r"""charset\s*=\s*"?([^\s";]+)"?""", re.IGNORECASE)


@lru_cache(maxsize=1024)
def wants(accept: str | None) -> Form | None:
    """The form that an `Accept` header asks for, None where it allows neither.

    JSON on none, on `*/*` and on a tie; `text/xml` is XML. The most specific range that matches a type
    decides its quality (RFC 9110 section 12.5.1). Source: contract section 1.
    """
    if accept is None or not accept.strip():
        return "json"
    ranges = _ranges(accept)
    json = _quality("application/json", ranges)
    xml = max(_quality("application/xml", ranges), _quality("text/xml", ranges))
    if not json and not xml:
        return None
    return "json" if json >= xml else "xml"


@lru_cache(maxsize=256)
def sent_as(content_type: str | None) -> tuple[Form, str | None] | None:
    """The form and charset of a body, None where its `Content-Type` is none that Ringback reads."""
    media, _, parameters = (content_type or "").partition(";")
    form = _FORM_OF.get(media.strip().lower())
    if form is None:
        return None
    named = _CHARSET.search(parameters)
    charset = named.group(1).lower() if named else None
    return (form, charset) if charset is None or charset in _CHARSETS[form] else None


def _ranges(accept: str) -> dict[str, float]:
    """Media ranges with their qualities; one that is not well-formed is passed over."""
    ranges: dict[str, float] = {}
    for element in accept.split(","):
        media, *parameters = (part.strip().lower() for part in element.split(";"))
        quality = _weight(parameters)
        if media and quality is not None:
            ranges[media] = max(quality, ranges.get(media, 0.0))
    return ranges


def _weight(parameters: list[str]) -> float | None:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if _QUALITY.fullmatch(value.strip()) else None
    return 1.0


def _quality(media: str, ranges: dict[str, float]) -> float:
    for key in (media, media.partition("/")[0] + "/*", "*/*"):
        if key in ranges:
            return ranges[key]
    return 0.0
