"""Which form is asked for, and which was sent (RFC 9110 section 12.5.1)."""

import pytest

from ringback.api.negotiation import sent_as, wants

ACCEPT = [
    (None, "json"),
    ("", "json"),
    ("*/*", "json"),
    ("application/json", "json"),
    ("application/xml", "xml"),
    ("text/xml", "xml"),
    ("text/*", "xml"),
    ("APPLICATION/XML ; Q=0.5", "xml"),
    ("application/xml, application/json", "json"),  # a tie
    ("application/*", "json"),
    ("application/json;q=0.5, application/xml;q=0.9", "xml"),
    ("application/json;q=0.9, text/xml;q=0.5", "json"),
    ("application/xml;q=0.001, text/html", "xml"),
    ("application/json;q=0, */*", "xml"),
    ("application/xml;q=0, text/xml;q=0, */*", "json"),
    ("*/*;q=0.1, application/xml", "xml"),
    ("application/*;q=0.2, application/json;q=0.1", "xml"),  # the more specific range decides, though it is less
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "xml"),
    ("application/json; charset=utf-8", "json"),
    ("application/xml;q=2, application/json;q=0.1", "json"),  # a quality that is none: the range is passed over
    ("text/html", None),
    ("application/json;q=0", None),
    ("*/*;q=0", None),
    ("application/json;q=0.0, application/xml;q=0.000, text/html", None),
    (", ,", None),
]


@pytest.mark.parametrize(("accept", "form"), ACCEPT)
def test_accept(accept: str | None, form: str | None) -> None:
    assert wants(accept) == form


CONTENT_TYPES = [
    ("application/json", ("json", None)),
    ("Application/JSON; charset=UTF-8", ("json", "utf-8")),
    ('application/json;charset="utf-8"', ("json", "utf-8")),
    ("application/xml", ("xml", None)),
    ("text/xml; charset=ISO-8859-1", ("xml", "iso-8859-1")),
    ("application/json; charset=utf-16", None),
    ("text/xml; charset=ebcdic", None),
    ("text/json", None),
    ("application/x-www-form-urlencoded", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("content_type", "sent"), CONTENT_TYPES)
def test_content_type(content_type: str | None, sent: object) -> None:
    assert sent_as(content_type) == sent
