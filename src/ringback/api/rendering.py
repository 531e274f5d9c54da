"""Answers in the form that was asked for."""

from typing import Any

import msgspec
from starlette.responses import Response

from . import xml
from .negotiation import CONTENT_TYPE, Form


def answered(root: str, answer: dict[str, Any], form: Form) -> Response:
    """200 with an object, or an element called `root`; never kept by a cache."""
    body = msgspec.json.encode(answer) if form == "json" else xml.element(root, answer).encode()
    return Response(body, 200, {"Cache-Control": "no-store"}, CONTENT_TYPE[form])
