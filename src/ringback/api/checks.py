"""Checks of single fields: each fault is noted under the field's path, and reading goes on."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from . import xml
from .errors import bad_request
from .negotiation import Form
from .xml import Malformed

T = TypeVar("T")

MOST_CONTAINERS = 150_000
MOST_COMMAS = 500_000
"""How many objects and lists, and how many commas, a JSON body may hold [ours]: room for 20,000 messages with two
dozen fields each. Decoding holds the interpreter, and this bounds how long."""

MOST_BLANKS = 65_536
"""Before and after a JSON body [ours]: the decoder skips them in one go, 8 MiB in 90 ms."""

Rule: TypeAlias = Callable[[str], str | None]
"""Says what is wrong with a text, None when nothing is."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
LARGEST = 10**9
"""Of whole numbers that are clamped anyway [ours]: beyond it, somebody mistook the field."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{0,15})?")
_HUGE = 10**9  # beyond any bound of ours; an integer of 400 digits is no float
_LONGEST_INTEGER = 400  # digits
_FLAGS = {"true": True, "false": False, "1": True, "0": False}  # XML Schema's xs:boolean


class Faults:
    """Everything that is wrong with a request, by path."""

    def __init__(self) -> None:
        self.named: dict[str, list[str]] = {}

    def add(self, path: str, text: str) -> None:
        self.named.setdefault(path, []).append(text)

    def raise_any(self) -> None:
        if self.named:
            raise bad_request(self.named)


class Doubled(dict[str, Any]):
    """An object in which names stood twice; which value was meant can't be known."""

    twice: frozenset[str] = frozenset()


class Fields:
    """The fields of one object. `loose` is XML, where numbers and flags are texts. null counts as absent."""

    __slots__ = ("_faults", "_loose", "_path", "_raw")

    def __init__(self, raw: dict[str, Any], path: str, faults: Faults, loose: bool) -> None:
        self._raw, self._path, self._faults, self._loose = raw, path, faults, loose
        if isinstance(raw, Doubled):
            for name in sorted(raw.twice):
                self.fault(name if name.isprintable() and len(name) <= 100 else "?", "stands twice")

    def path(self, name: str) -> str:
        """The field's path from the body's root, as faults are named by."""
        return f"{self._path}.{name}" if self._path else name

    def fault(self, name: str, text: str) -> None:
        self._faults.add(self.path(name), text)

    def given(self, name: str) -> Any:
        """What stands there. In XML an empty element counts as absent: it is how many write a null."""
        value = self._raw.get(name)
        return None if self._loose and value == "" else value

    def required(self, name: str) -> Any:
        value = self.given(name)
        if value is None:
            self.fault(name, "is required")
        return value

    def string(self, name: str, rule: Rule) -> str | None:
        """The text, if it is one that the rule and Unicode allow."""
        value = self.given(name)
        if value is None:
            return None
        wrong = (forbidden(value) or rule(value)) if isinstance(value, str) else "must be a string"
        return self._kept(name, value, wrong)

    def whole(self, name: str, low: int, high: int) -> int | None:
        """The integer, if it is within these bounds."""
        value = self.given(name)
        if value is None:
            return None
        if self._loose and isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            value = int(value)
        if type(value) is not int:
            return self._kept(name, None, "must be a whole number")
        bounds = f"{low} or more" if high == LARGEST else f"{low} to {high}"
        return self._kept(name, value, None if low <= value <= high else f"must be {bounds}")

    def required_whole(self, name: str, low: int, high: int) -> int | None:
        """The integer, which must be there and within these bounds."""
        return None if self.required(name) is None else self.whole(name, low, high)

    def number(self, name: str, default: float) -> float:
        """The number, whole or not; the default where there is none, or a faulty one."""
        value = self.given(name)
        if self._loose and isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = float(value)
        right = value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
        found = self._kept(name, value, None if right else "must be a number")
        return default if found is None else float(min(max(found, -_HUGE), _HUGE))

    def flag(self, name: str) -> bool | None:
        value = self.given(name)
        if self._loose and isinstance(value, str):
            value = _FLAGS.get(value.strip(), value)
        right = value is None or isinstance(value, bool)
        return self._kept(name, value, None if right else "must be true or false")

    def _kept(self, name: str, value: T | None, wrong: str | None) -> T | None:
        if wrong is None:
            return value
        self.fault(name, wrong)
        return None

    def nested(self, name: str, raw: dict[str, Any]) -> "Fields":
        """The fields of an object that this one holds."""
        return Fields(raw, self.path(name), self._faults, self._loose)

    def item(self, name: str, index: int, raw: Any) -> "Fields | None":
        """The fields of the object that stands at a place of a list."""
        if isinstance(raw, dict):
            return self.nested(f"{name}[{index}]", raw)
        self.fault(f"{name}[{index}]", "must be an object")
        return None

    def items(self, name: str) -> list[Any] | None:
        """The list, which may not be empty. In XML one item stands for a list of one."""
        value = self.required(name)
        if self._loose and isinstance(value, str):
            value = [value] if value.strip() else []
        if self._loose and isinstance(value, dict):
            value = [value]
        if value is None:
            return None
        if not isinstance(value, list):
            return self._kept(name, None, "must be a list")
        return self._kept(name, value, None if value else "must not be empty")


def flag_of(text: str) -> bool | None:
    """`true` or `false` of a query, None for anything else."""
    return _FLAGS.get(text.strip().lower())


def forbidden(text: str) -> str | None:
    """The fault of a text with a character that XML 1.0 forbids, or half a surrogate pair (contract section 1)."""
    if text.isprintable() or _FORBIDDEN.search(text) is None:
        return None
    return "holds a character that XML 1.0 forbids (NUL, control characters, lone surrogates)"


def root_of(body: bytes, form: Form, charset: str | None) -> dict[str, Any]:
    """The body's one object. Raises `ApiError` 400 that says where it is malformed."""
    try:
        root = xml.read(body, charset) if form == "xml" else json_of(body)
    except Malformed as error:
        raise bad_request({"body": [str(error)]}) from None
    if form == "xml" and root == "":
        return {}
    if not isinstance(root, dict):
        raise bad_request({"body": ["must be a JSON object" if form == "json" else "must hold elements"]})
    return root


def json_of(body: bytes | str) -> Any:
    """A JSON value. Raises `Malformed` saying what is wrong, for people.

    Python's decoder, not msgspec's: 13 ms against 5 for 20,000 destinations, but it alone can tell a name
    that stands twice, and leaves a lone surrogate to be named by its path.
    """
    if isinstance(body, bytes):
        _weigh(body)
        body = _decoded(body)
    try:
        return _decoder.decode(body)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Malformed(f"malformed JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise Malformed("malformed JSON: nested too deeply") from None
    except ValueError:
        raise Malformed("malformed JSON: a number is too long") from None


def _weigh(body: bytes) -> None:
    if body.count(b"{") + body.count(b"[") > MOST_CONTAINERS or body.count(b",") > MOST_COMMAS:
        raise Malformed(f"more than {MOST_CONTAINERS} objects and lists, or {MOST_COMMAS} commas")
    if len(body) - len(body.strip()) > MOST_BLANKS:
        raise Malformed(f"more than {MOST_BLANKS} blanks around the JSON")


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"malformed JSON: not UTF-8 at byte {error.start}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    times = Counter(name for name, _ in pairs)
    doubled = Doubled(found)
    doubled.twice = frozenset(name for name in found if times[name] > 1)
    return doubled


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:  # Python's own limit is 4,300 digits, and takes as long to read
        raise Malformed("malformed JSON: a number is too long")
    return int(digits)


def _constant(name: str) -> Any:
    raise Malformed(f"malformed JSON: {name} is not a JSON value")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
