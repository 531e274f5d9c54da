"""Every URL in one list. Source: contract sections 1 and 7."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .beside import beside
from .bulks import Bulks
from .docs import Docs
from .errors import ApiError, error_of, method_not_allowed, not_found, rendered
from .files import FILE, PREFIX, Files
from .ledger import LedgerPage
from .logs import Logs
from .messages import Messages
from .openapi import OpenApi
from .reports import SHAPES as REPORTS
from .schema import operations
from .schema.operation import Operation
from .sessions import Sessions
from .voices import VOICES, Voices

_MANY_FAULTS = 500

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class Endpoints(msgspec.Struct, kw_only=True):
    """What answers the requests. `reports` hands them out in both forms, and is reached without any framework."""

    reports: ASGIApp
    messages: Messages
    bulks: Bulks
    logs: Logs
    ledger: LedgerPage
    files: Files
    voices: Voices
    docs: Docs
    sessions: Sessions


class ApiRoute(msgspec.Struct, frozen=True):
    """A URL of the API: where, what answers, and what the OpenAPI document says of it.

    The router knows the path as `pattern` where that is another. Without an endpoint the front answers it itself.
    """

    method: str
    path: str
    operation: Operation
    endpoint: Endpoint | None
    pattern: str = ""


def api_routes(to: Endpoints) -> list[ApiRoute]:
    """Every URL of the API."""
    return [
        ApiRoute("POST", "/tts/3/single", operations.SEND_SINGLE, to.messages.single),
        ApiRoute("POST", "/tts/3/multi", operations.SEND_MULTI, to.messages.multi),
        ApiRoute("POST", "/tts/3/advanced", operations.SEND_ADVANCED, to.messages.advanced),
        ApiRoute("GET", "/tts/3/reports", operations.TAKE_REPORTS, None),
        ApiRoute("GET", "/voice/1/reports", operations.TAKE_LATER_REPORTS, None),
        ApiRoute("GET", "/tts/3/bulks", operations.GET_BULK, to.bulks.seen),
        ApiRoute("PUT", "/tts/3/bulks", operations.MOVE_BULK, to.bulks.moved),
        ApiRoute("GET", "/tts/3/bulks/status", operations.GET_BULK_STATUS, to.bulks.status),
        ApiRoute("PUT", "/tts/3/bulks/status", operations.CHANGE_BULK_STATUS, to.bulks.changed),
        ApiRoute("GET", VOICES, operations.LIST_VOICES, to.voices.listed),
        ApiRoute("GET", "/tts/3/logs", operations.READ_LOGS, to.logs.seen),
        ApiRoute("GET", "/ringback/1/ledger", operations.GET_LEDGER, to.ledger.seen),
        ApiRoute("POST", "/auth/1/session", operations.BEGIN_SESSION, to.sessions.begun),
        ApiRoute("DELETE", "/auth/1/session", operations.END_SESSION, to.sessions.ended),
        ApiRoute("GET", FILE, operations.DOWNLOAD_RECORDING, to.files.recording, PREFIX + "{rest:path}"),
    ]


def application(to: Endpoints, public_url: str = "") -> ASGIApp:
    """The whole HTTP side. `public_url` is where its OpenAPI document says that it is."""
    described = api_routes(to)
    openapi = OpenApi([(one.method, one.path, one.operation) for one in described], public_url)
    routes = [
        *_by_path(described),
        Route("/openapi.json", openapi.document),
        Route("/docs", to.docs.page),
        Route("/", _to_docs),
    ]
    return _Front(to.reports, Router(routes, redirect_slashes=False))


class _Front:
    """Sends the reports' load past the framework; forgives a trailing slash; lets no exception out."""

    def __init__(self, reports: ASGIApp, rest: ASGIApp) -> None:
        self._reports = reports
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        scope["app"] = self  # so that the router raises what it refuses, instead of answering in plain text
        path = scope["path"]
        if len(path) > 1 and path[-1] == "/" and not path.startswith(PREFIX):
            path = path.rstrip("/") or "/"
            scope = {**scope, "path": path}
        if path in REPORTS:
            await self._reports(scope, receive, send)
        else:
            await _guarded(self._rest, scope, receive, send)


async def _guarded(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Whatever `app` raises becomes an answer, unless one has begun."""
    begun = False

    async def noting(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        await app(scope, receive, noting)
    except Exception as problem:
        error = error_of(_as_ours(problem), scope["method"], scope["path"])
        if not begun:
            await (await _answer(error, _accept(scope)))(scope, receive, send)


async def _answer(error: ApiError, accept: str | None) -> Response:
    """Written beside the event loop where many faults are named."""
    if len(error.faults) < _MANY_FAULTS:
        return rendered(error, accept)
    return await beside(rendered, error, accept)


def _by_path(described: list[ApiRoute]) -> list[Route]:
    """The router's routes: one for each path, with all of its methods."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for one in described:
        if one.endpoint:
            paths.setdefault(one.pattern or one.path, {})[one.method] = one.endpoint
    return [_route_by_method(path, **methods) for path, methods in paths.items()]


def _route_by_method(path: str, **endpoints: Endpoint) -> Route:
    """One path, an endpoint for each method."""

    async def endpoint(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, endpoint, methods=list(endpoints))


async def _to_docs(_request: Request) -> Response:
    return RedirectResponse("/docs")


def _as_ours(problem: Exception) -> Exception:
    """What the router itself refuses: unknown paths and methods."""
    if not isinstance(problem, HTTPException):
        return problem
    if problem.status_code == 405:
        allowed = (problem.headers or {}).get("Allow", "")
        return method_not_allowed(", ".join(sorted(allowed.split(", "))))
    return not_found() if problem.status_code == 404 else ApiError(problem.status_code, "The request was refused")


def _accept(scope: Scope) -> str | None:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"]
    return ", ".join(values) or None
