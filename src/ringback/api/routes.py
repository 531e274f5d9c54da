"""Every URL in one list. Source: contract sections 1 and 7."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .docs import Docs
from .errors import ApiError, error_of, method_not_allowed, not_found, rendered
from .files import PREFIX, Files
from .messages import Messages

REPORTS = "/tts/3/reports"

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def application(reports: ASGIApp, messages: Messages, files: Files, docs: Docs) -> ASGIApp:
    """The whole HTTP side. `reports` answers GET /tts/3/reports and is reached without any framework."""
    routes = [
        _route("POST", "/tts/3/single", messages.single),
        _route("POST", "/tts/3/multi", messages.multi),
        _route("POST", "/tts/3/advanced", messages.advanced),
        _route("GET", PREFIX + "{rest:path}", files.recording),
        _route("GET", "/docs", docs.page),
        _route("GET", "/", _to_docs),
    ]
    rest = Starlette(routes=routes, exception_handlers={HTTPException: _refused})
    rest.router.redirect_slashes = False
    return _Front(reports, rest)


class _Front:
    """Sends the reports' load past the framework; forgives a trailing slash; lets no exception out."""

    def __init__(self, reports: ASGIApp, rest: ASGIApp) -> None:
        self._reports = reports
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        path = scope["path"]
        if len(path) > 1 and path[-1] == "/" and not path.startswith(PREFIX):
            path = path.rstrip("/") or "/"
            scope = {**scope, "path": path}
        if path == REPORTS:
            await _guarded(self._only_get, scope, receive, send)
        else:
            await _guarded(self._rest, scope, receive, send)

    async def _only_get(self, scope: Scope, receive: Receive, send: Send) -> None:
        """HEAD must not consume, so it is not allowed (contract section 4)."""
        if scope["method"] != "GET":
            raise method_not_allowed("GET")
        await self._reports(scope, receive, send)


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
        error = error_of(problem, scope["method"], scope["path"])
        if not begun:
            await rendered(error, _accept(scope))(scope, receive, send)


def _route(method: str, path: str, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, methods=[method])


async def _to_docs(_request: Request) -> Response:
    return RedirectResponse("/docs")


async def _refused(_request: Request, problem: Exception) -> Response:
    """What Starlette itself refuses: unknown paths and methods."""
    raise _as_ours(problem)


def _as_ours(problem: Exception) -> ApiError:
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    if status == 405:
        allowed = (problem.headers or {}).get("Allow", "") if isinstance(problem, HTTPException) else ""
        return method_not_allowed(", ".join(sorted(allowed.split(", "))))
    return not_found() if status == 404 else ApiError(status, "The request was refused")


def _accept(scope: Scope) -> str | None:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"]
    return ", ".join(values) or None
