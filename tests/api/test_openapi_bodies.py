"""Bodies: what the OpenAPI document says of them, held against what api/wire.py reads and refuses."""

import copy
from typing import Any

import pytest

from ringback.api import wire
from ringback.api.checks import LARGEST
from ringback.api.errors import ApiError
from ringback.api.message_fields import LATER
from tests.api.described import DOCUMENT, leaves

DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
MESSAGE: dict[str, Any] = {
    "from": "41793026700",
    "text": "Hello",
    "voice": {"name": "Anna", "gender": "female"},
    "deliveryTimeWindow": {"days": DAYS, "from": {"hour": 8, "minute": 0}, "to": {"hour": 20, "minute": 0}},
    "retry": {"minPeriod": 1, "maxPeriod": LARGEST, "maxCount": 1},
    "sendingSpeed": {"speed": 1, "timeUnit": "second"},
}
BULK = {"sendingSpeed": {"speed": 1, "timeUnit": "second"}}
BODIES: dict[str, dict[str, Any]] = {
    "SingleBody": MESSAGE | {"to": ["41793026727"]},
    "MultiBody": BULK | {"messages": [MESSAGE | {"to": ["41793026727"]}]},
    "AdvancedBody": BULK | {"messages": [MESSAGE | {"destinations": [{"to": "41793026727"}]}]},
}
PARSE = {"SingleBody": wire.parse_single, "MultiBody": wire.parse_multi, "AdvancedBody": wire.parse_advanced}


class Noted(dict[str, Any]):
    """An object that notes which of its fields are read, and those of the objects in it."""

    def __init__(self, given: dict[str, Any], path: str, names: set[str]) -> None:
        super().__init__(
            {name: noted(value, f"{path}.{name}" if path else name, names) for name, value in given.items()}
        )
        self.path, self.names = path, names

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(f"{self.path}.{name}" if self.path else name)
        return super().get(name, default)


def noted(value: Any, path: str, names: set[str]) -> Any:
    if isinstance(value, dict):
        return Noted(value, path, names)
    return [noted(one, f"{path}[{n}]", names) for n, one in enumerate(value)] if isinstance(value, list) else value


def faults(kind: str, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    monkeypatch.setattr(wire, "root_of", lambda *_: body)
    try:
        PARSE[kind](b"", "application/json")
    except ApiError as error:
        return dict(error.faults)
    return {}


def put(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The body with a field set; text and audioFileUrl make way for each other."""
    body = copy.deepcopy(body)
    *way, last = path.replace("[0]", ".0").split(".")
    here: Any = body
    for step in way:
        here = here[int(step) if step.isdigit() else step]
    if last.isdigit():
        here[int(last)] = value
    else:
        here[last] = value
    if last == "audioFileUrl":
        del here["text"]
    return body


def right_and_wrong(schema: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Values at the bounds that the schema gives, and just beyond them."""
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"], ["other", 7]
    if kind == "integer":
        low, high = schema["minimum"], schema["maximum"]
        return [low, high], [low - 1, high + 1, "x", low + 0.5]
    if kind == "boolean":
        return [True, False], ["x", 1]
    if kind == "number":
        return [0.1, 7], ["x", True]
    if kind == "array" and "maxItems" not in schema:
        return [], [[], "x"]
    if kind == "string":
        return _texts(schema)
    return [], [] if "anyOf" in schema else [7]


def _texts(schema: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    if schema.get("format") == "date-time":
        return ["1970-01-02T00:00:00Z", "1970-01-02T00:00:00.000+01:00"], ["x", "1970-01-02T00:00:00", 7]
    start = "http://a/" if schema.get("format") == "uri" else ""
    wrong: list[Any] = [7, {}]
    if most := schema.get("maxLength"):
        wrong.append(start + "1" * (most + 1 - len(start)))
    right = [start + "1" * (most - len(start))] if most else schema.get("examples", [])
    if schema.get("minLength"):
        wrong.append("")
    return right, wrong


FIELDS = [(kind, path, schema) for kind in BODIES for path, schema in leaves(DOCUMENT["components"]["schemas"][kind])]
IDS = [f"{kind} {path}" for kind, path, _ in FIELDS]


@pytest.mark.parametrize("kind", BODIES)
def test_the_fields_that_are_described_are_those_that_are_read(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names: set[str] = set()
    assert faults(kind, Noted(BODIES[kind], "", names), monkeypatch) == {}
    described = {path for owner, path, _ in FIELDS if owner == kind and not path.endswith("]")}
    message_level = {name for name in names if name.rpartition(".")[2] in LATER}
    assert {name for name in names - message_level if name not in _refused_beside_messages(kind)} == described


def _refused_beside_messages(kind: str) -> set[str]:
    """What is looked at beside `messages` only to refuse it."""
    return set() if kind == "SingleBody" else {"machineDetection"}


@pytest.mark.parametrize(("kind", "path", "schema"), FIELDS, ids=IDS)
def test_bounds_are_those_that_are_checked(
    kind: str, path: str, schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = right_and_wrong(schema)
    for value in right:
        assert faults(kind, put(BODIES[kind], path, value), monkeypatch) == {}, value
    for value in wrong:
        named = faults(kind, put(BODIES[kind], path, value), monkeypatch)
        assert any(name.startswith(path) for name in named), (value, named)


@pytest.mark.parametrize("kind", BODIES)
def test_what_is_required_is_missed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missed = faults(kind, {}, monkeypatch)
    assert set(DOCUMENT["components"]["schemas"][kind]["required"]) <= set(missed)
