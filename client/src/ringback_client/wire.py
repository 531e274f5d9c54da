"""Between Python's values and the contract's JSON: names, times and money."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any


def body(value: Any) -> bytes:
    """A request's body. The same value gives the same bytes, as its idempotency key demands."""
    return json.dumps(form(value), ensure_ascii=False, separators=(",", ":")).encode()


def form(value: Any) -> Any:
    """A value as JSON has it: a dataclass by its fields' names in the contract, without what is None."""
    match value:
        case datetime():
            return written(value)
        case time():
            return {"hour": value.hour, "minute": value.minute}
        case Mapping():
            return {name: form(one) for name, one in value.items() if one is not None}
        case list() | tuple():
            return [form(one) for one in value]
    if is_dataclass(value):
        given = {
            _name(field): getattr(value, field.name) for field in fields(value) if field.metadata.get("sent", True)
        }
        return {name: form(one) for name, one in given.items() if one is not None}
    return value


def written(moment: datetime) -> str:
    """An aware moment as the contract writes it, in UTC: `2015-02-12T08:58:20.323+0000`. Raises `ValueError`."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} says no time zone, such as tzinfo=datetime.UTC")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def moment_of(text: str | None) -> datetime | None:
    """A time of an answer, in the zone that it was written in."""
    return datetime.fromisoformat(text) if text else None


def decoded(text: bytes | str) -> Any:
    """JSON, with money as it is written: a `Decimal`, never a float. Raises `ValueError`."""
    return json.loads(text, parse_float=Decimal)


def _name(field: Any) -> str:
    named: str | None = field.metadata.get("name")
    first, *rest = field.name.split("_")
    return named or first + "".join(word.capitalize() for word in rest)
