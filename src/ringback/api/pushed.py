"""What is pushed: the document that a pull would have given, with one report (contract section 5)."""

from ..model.later_form import paired
from ..model.push import Push
from .reports import SHAPES, document

_SHAPE = {1: SHAPES["/tts/3/reports"], 2: SHAPES["/voice/1/reports"]}


def push_body(push: Push) -> bytes:
    """In the form that the message's `notifyContentType` and `notifyContentVersion` ask for."""
    shape = _SHAPE[push.notify.version]
    report = paired(push.json, push.beside) if shape.pairs else push.json.encode()
    return document(shape, "xml" if push.notify.form == "xml" else "json", report)
