"""The OpenAPI document, as its tests look at it."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import jsonschema_rs

from ringback.api.openapi import document
from ringback.api.routes import Endpoints, api_routes
from tests.api.house import Absent

Json: TypeAlias = dict[str, Any]

NOBODY: Any = Absent()
ROUTES = api_routes(Endpoints(**dict.fromkeys(Endpoints.__struct_fields__, NOBODY)))
DOCUMENT = document([(one.method, one.path, one.operation) for one in ROUTES], "http://here:8080")
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def resolved(schema: Json) -> Json:
    """The schema that a reference names, or itself; the one choice that is no plain text where there are several."""
    if "$ref" in schema:
        found: Any = DOCUMENT
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return resolved(found)
    return schema


def faults_of(value: Any, schema: Json) -> list[str]:
    """What is wrong with a value by a schema of the document."""
    whole = {"components": DOCUMENT["components"], **schema}
    return [error.message for error in jsonschema_rs.Draft202012Validator(whole).iter_errors(value)]


def contents(operation: Json) -> Iterator[tuple[str, Json]]:
    """What the operation reads and answers: the media type with its schema and examples."""
    for holder in (operation.get("requestBody", {}), *map(resolved, operation["responses"].values())):
        yield from holder.get("content", {}).items()


def leaves(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every field of a body by its path, `a.b[0].c`, with its schema: objects and lists before what is in them."""
    schema = resolved(schema)
    for choice in schema.get("anyOf", [schema]):
        choice = resolved(choice)
        for name, field in choice.get("properties", {}).items():
            where = f"{path}.{name}" if path else name
            yield where, resolved(field)
            yield from leaves(field, where)
        if choice.get("type") == "array":
            yield f"{path}[0]", resolved(choice["items"])
            yield from leaves(choice["items"], f"{path}[0]")
