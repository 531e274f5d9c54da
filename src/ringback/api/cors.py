"""JavaScript in a browser, from the operator's own origins. Source: contract section 8; the WHATWG Fetch standard.

Not Starlette's CORSMiddleware: it answers the preflight of every path, and of every origin, in plain text, where here
other origins are to notice nothing; and it says which headers are exposed to origins that it does not allow.
"""

from collections.abc import Collection, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_Header = tuple[bytes, bytes]

_PATHS = ("/tts/", "/voice/", "/auth/", "/ringback/", "/openapi.json")
_KEPT_S = 600
_VARY: _Header = (b"vary", b"Origin")
_CREDENTIALS: _Header = (b"access-control-allow-credentials", b"true")
_EXPOSED: _Header = (
    b"access-control-expose-headers",
    b"Retry-After, Idempotent-Replayed, Preference-Applied, Allow, WWW-Authenticate",
)
_PREFLIGHT: Sequence[_Header] = (
    (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key, Prefer"),
    (b"access-control-max-age", b"%d" % _KEPT_S),
    (b"cache-control", b"no-store"),
)


class Cors:
    """Answers preflights of the API's paths, and lets pages of these origins read what they asked for.

    Nobody is let in by it: a page has to send credentials. It may ask "with credentials", as the founding page's sample
    does (contract section 8): a browser shows it no answer else. Ringback sets no cookie that would come along.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PATHS):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        shown = [_VARY]
        if origin in self._origins:
            shown += [(b"access-control-allow-origin", origin), _CREDENTIALS, _EXPOSED]
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await _preflight(origin, send)
                return

        async def showing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *shown]}
            await send(message)

        await self._app(scope, receive, showing)


async def _preflight(origin: bytes, send: Send) -> None:
    headers = [(b"access-control-allow-origin", origin), _CREDENTIALS, *_PREFLIGHT]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
