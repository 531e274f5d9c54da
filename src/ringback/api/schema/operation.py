"""What an operation of the OpenAPI document is made of."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec

SIGNED_IN = (401, 429, 500, 503)
"""What any request that needs credentials may be answered with."""


class Parameter(msgspec.Struct, frozen=True):
    """A part of the URL or a header of the request. `type` is a type of msgspec's."""

    name: str
    type: Any
    description: str
    required: bool = False
    example: Any = None


class Answer(msgspec.Struct, frozen=True):
    """The answer when all is well. `root` is the element that holds its XML; `headers` are texts by their names."""

    description: str
    type: Any = None
    root: str = ""
    xml_type: Any = None
    status: int = 200
    headers: dict[str, str] = {}
    examples: Sequence["Example"] = ()
    media: str = ""  # what is neither JSON nor XML


class Example(msgspec.Struct, frozen=True):
    """A request or an answer as it stands: a JSON value, and its XML where there is one."""

    name: str
    summary: str
    json: Any
    xml: str = ""


class Operation(msgspec.Struct, frozen=True):
    """A method of a path. `name` becomes the method's name in generated clients; `errors` are HTTP statuses."""

    name: str
    summary: str
    tag: str
    answer: Answer
    description: str = ""
    path: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    body: Any = None
    examples: Sequence[Example] = ()
    errors: tuple[int, ...] = ()
    signed_in: bool = True


def founding(name: str, summary: str) -> Example:
    """A sample of the founding page, to the letter."""
    folder = files(__package__) / "samples"
    as_json = (folder / f"reports-{name}.json").read_bytes()
    return Example(name, summary, msgspec.json.decode(as_json), (folder / f"reports-{name}.xml").read_text("utf-8"))
