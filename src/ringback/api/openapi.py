"""GET /openapi.json: the OpenAPI 3.1 document, put together from the routes and the types of api/schema."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from .. import __version__
from ..model.exceptions import StoreUnavailable
from . import errors, xml
from .messages import LARGEST_BODY, LARGEST_OTHER_BODY
from .negotiation import CONTENT_TYPE
from .question import other_question
from .schema import answers
from .schema.operation import SIGNED_IN, Answer, Example, Operation, Parameter

Described: TypeAlias = tuple[str, str, Operation]
"""A method, a path with its parameters in braces, and what it is."""

_Json: TypeAlias = dict[str, Any]

_REF = "#/components/schemas/{name}"
_ERRORS: dict[int, tuple[str, errors.ApiError]] = {
    400: ("What is wrong, by field.", errors.bad_request({"messages[0].text": ["must not be blank"]})),
    401: ("No credentials, or wrong ones.", errors.unauthorized()),
    404: ("It is not there, or it is another account's.", errors.not_found()),
    406: ("Accept allows neither JSON nor XML.", errors.not_acceptable()),
    413: (
        f"Over {LARGEST_BODY >> 20} MiB, or {LARGEST_OTHER_BODY >> 10} KiB where it holds a field or two.",
        errors.ApiError(413, f"A body is at most {LARGEST_BODY} bytes here"),
    ),
    415: ("The body is neither JSON nor XML.", errors.ApiError(415, "Bodies are application/json or application/xml")),
    416: ("The range lies outside.", errors.ApiError(416, "The range lies outside")),
    422: ("The Idempotency-Key was used for another request.", other_question()),
    429: ("Too much at once: try again later.", errors.busy()),
    500: ("A fault of the server's.", errors.ApiError(500, "Something went wrong here; it was written down")),
    503: ("Nothing was kept: try again shortly.", errors.error_of(StoreUnavailable())),
}
_ERROR_HEADERS = {
    401: {"WWW-Authenticate": "How to sign in."},
    416: {"Content-Range": "The recording's size: bytes */1024."},
    429: {"Retry-After": "Seconds to wait."},
    503: {"Retry-After": "Seconds to wait."},
}
_SECURITY: _Json = {
    "basic": {"type": "http", "scheme": "basic", "description": "The account's name and password."},
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "App and the account's key: `App 2f7b…`.",
    },
    "session": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "IBSSO and the token of a session: `IBSSO 9c1e…`.",
    },
}
_INTRODUCTION = (
    "Ringback phones people, speaks a message, and hands the account that sent it one report of each message, exactly"
    " once. Bodies and answers are JSON or XML; the answer follows `Accept`. Unknown fields and parameters are ignored,"
    " null and an empty parameter count as absent. A request is taken whole or refused whole with every fault named."
)


class OpenApi:
    """Serves the document, rendered once."""

    def __init__(self, routes: Iterable[Described], public_url: str) -> None:
        self._body = msgspec.json.encode(document(routes, public_url))

    async def document(self, _request: Request) -> Response:
        """The document; it says nothing that needs credentials."""
        return Response(self._body, 200, {"Cache-Control": "no-cache"}, CONTENT_TYPE["json"])


def document(routes: Iterable[Described], public_url: str) -> _Json:
    """The whole document, as JSON values."""
    routes = list(routes)
    paths: _Json = {}
    for method, path, operation in routes:
        paths.setdefault(path, {})[method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ringback", "version": __version__, "description": _INTRODUCTION},
        "servers": [{"url": public_url or "/"}],
        "security": [{name: []} for name in _SECURITY],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for _, _, operation in routes)],
        "paths": paths,
        "components": {
            "schemas": _components(_types(operation for _, _, operation in routes)),
            "responses": {_error_name(status): _error(status) for status in _ERRORS},
            "securitySchemes": _SECURITY,
        },
    }


def _operation(operation: Operation) -> _Json:
    made: _Json = {"operationId": operation.name, "summary": operation.summary, "tags": [operation.tag]}
    if operation.description:
        made["description"] = operation.description
    places = (("path", operation.path), ("query", operation.query), ("header", operation.headers))
    made["parameters"] = [_parameter(one, place) for place, several in places for one in several]
    if operation.body:
        made["requestBody"] = {
            "required": True,
            "content": _content(operation.body, operation.body, "request", operation.examples),
        }
    made["responses"] = _responses(operation)
    if not operation.signed_in:
        made["security"] = []
    return made


def _parameter(one: Parameter, place: str) -> _Json:
    made = {
        "name": one.name,
        "in": place,
        "required": one.required,
        "description": one.description,
        "schema": msgspec.json.schema(one.type),
    }
    return made | ({} if one.example is None else {"example": one.example})


def _responses(operation: Operation) -> _Json:
    answer = operation.answer
    statuses = sorted({*operation.errors, *(SIGNED_IN if operation.signed_in else (500,))})
    made = {str(answer.status): _answer(answer)}
    if answer.media:
        made["206"] = _answer(answer, {"Content-Range": "Which bytes, of how many; not of several ranges."})
    return made | {str(status): {"$ref": f"#/components/responses/{_error_name(status)}"} for status in statuses}


def _answer(answer: Answer, more: dict[str, str] | None = None) -> _Json:
    made: _Json = {"description": answer.description}
    if headers := answer.headers | (more or {}):
        made["headers"] = _headers(headers, False)
    if answer.media:
        medias = (answer.media, "multipart/byteranges") if more else (answer.media,)
        made["content"] = {media: {"schema": {"type": "string", "format": "binary"}} for media in medias}
    elif answer.type:
        made["content"] = _content(answer.type, answer.xml_type or answer.type, answer.root, answer.examples)
    return made


def _headers(texts: dict[str, str], required: bool) -> _Json:
    return {
        name: {"description": text, "required": required, "schema": {"type": "string"}} for name, text in texts.items()
    }


def _content(of_json: Any, of_xml: Any, root: str, examples: Iterable[Example]) -> _Json:
    examples = list(examples)
    in_json = {one.name: {"summary": one.summary, "value": one.json} for one in examples}
    in_xml = {one.name: {"summary": one.summary, "value": one.xml or xml.element(root, one.json)} for one in examples}
    schemas = {"json": _ref(of_json), "xml": _ref(of_xml) | {"xml": {"name": root}}}
    shown: _Json = {"json": in_json, "xml": in_xml}
    return {CONTENT_TYPE[form]: _with_examples(schemas[form], shown[form]) for form in CONTENT_TYPE}


def _with_examples(schema: _Json, examples: _Json) -> _Json:
    return {"schema": schema} | ({"examples": examples} if examples else {})


def _ref(kind: Any) -> _Json:
    return {"$ref": _REF.format(name=kind.__name__)}


def _error_name(status: int) -> str:
    """BadRequest of BAD_REQUEST."""
    return "".join(word.capitalize() for word in _ERRORS[status][1].message_id.split("_"))


def _error(status: int) -> _Json:
    """An answer, rendered as the server renders it."""
    text, error = _ERRORS[status]
    example = Example(
        error.message_id.lower(),
        text,
        msgspec.json.decode(errors.body_of(error, "json")),
        errors.body_of(error, "xml").decode(),
    )
    made: _Json = {
        "description": text,
        "content": _content(answers.RequestError, answers.RequestErrorXml, "requestError", [example]),
    }
    if headers := _ERROR_HEADERS.get(status):
        made["headers"] = _headers(headers, True)
    return made


def _types(operations: Iterable[Operation]) -> list[Any]:
    found: list[Any] = [answers.RequestError, answers.RequestErrorXml]
    for one in operations:
        found += [one.body, one.answer.type, one.answer.xml_type]
    return list(dict.fromkeys(kind for kind in found if kind))


def _components(types: list[Any]) -> _Json:
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    for schema in [inner for component in components.values() for inner in _schemas(component)]:
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
        if all(isinstance(value, str) for value in schema.get("enum", [None])):
            schema["type"] = "string"
        for name, field in schema.get("properties", {}).items():
            _hint(name, field)
    return components


def _schemas(schema: _Json) -> Iterator[_Json]:
    """A schema, and those inside it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    for one in (*inner, schema.get("items"), schema.get("additionalProperties")):
        if isinstance(one, dict):
            yield from _schemas(one)


def _hint(name: str, field: _Json) -> None:
    """A list's XML: its element holds the items, which are called as api/xml.py calls them."""
    item = xml.ITEMS.get(name) or next(iter(xml.LISTS.get(name, ())), None)
    for schema in (field, *field.get("anyOf", ())):
        if item and schema.get("type") == "array":
            schema["xml"] = {"wrapped": True}
            schema["items"]["xml"] = {"name": item}
