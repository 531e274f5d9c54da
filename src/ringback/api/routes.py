"""Every URL in one list. Source: contract sections 1 and 7."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .bulks import Bulks
from .docs import Docs
from .errors import ApiError, error_of, method_not_allowed, not_found, rendered
from .files import PREFIX, Files
from .ledger import LedgerPage
from .logs import Logs
from .messages import Messages
from .reports import SHAPES as REPORTS
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


def application(to: Endpoints) -> ASGIApp:
    """The whole HTTP side."""
    routes = [
        _route("POST", "/tts/3/single", to.messages.single),
        _route("POST", "/tts/3/multi", to.messages.multi),
        _route("POST", "/tts/3/advanced", to.messages.advanced),
        _route_by_method("/tts/3/bulks", GET=to.bulks.seen, PUT=to.bulks.moved),
        _route_by_method("/tts/3/bulks/status", GET=to.bulks.status, PUT=to.bulks.changed),
        _route_by_method("/auth/1/session", POST=to.sessions.begun, DELETE=to.sessions.ended),
        _route("GET", VOICES, to.voices.listed),
        _route("GET", "/tts/3/logs", to.logs.seen),
        _route("GET", "/ringback/1/ledger", to.ledger.seen),
        _route("GET", PREFIX + "{rest:path}", to.files.recording),
        _route("GET", "/docs", to.docs.page),
        _route("GET", "/", _to_docs),
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
    return await asyncio.to_thread(rendered, error, accept)


def _route(method: str, path: str, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, methods=[method])


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
