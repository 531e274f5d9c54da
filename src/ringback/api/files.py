"""GET /tts/3/files/{messageId}/{to}: the recording of a call. Source: contract section 1."""

import asyncio
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Scope

from ..audio.recordings import Recordings
from ..store.store import Store
from .auth import Authenticator
from .errors import not_found
from .messages import authorization_of

PREFIX = "/tts/3/files/"


class Files:
    """Serves recordings to the account whose messages they are of; for others they do not exist."""

    def __init__(self, store: Store, authenticator: Authenticator, recordings: Recordings) -> None:
        self._store = store
        self._authenticator = authenticator
        self._recordings = recordings

    async def recording(self, request: Request) -> Response:
        """The audio, with Content-Length and byte ranges (RFC 9110 section 14)."""
        account = await self._authenticator.account(authorization_of(request))
        message_id, to = asked_for(request.scope)
        name = await self._store.recording(account.id, message_id, to) if message_id else None
        path = await asyncio.to_thread(self._recordings.path, name) if name else None
        if path is None:
            raise not_found("There is no recording of this call")
        return FileResponse(path, headers={"Cache-Control": "private"}, media_type="audio/wav")


def asked_for(scope: Scope) -> tuple[str, str]:
    """The message id and the number of a file's URL, empty where it holds none.

    The number is the last segment, the id all before it: an id may hold slashes, encoded as they came or
    decoded by a proxy on the way. Bytes that are no UTF-8 are in no id.
    """
    raw: bytes = scope.get("raw_path") or b""
    start = raw.find(PREFIX.encode())
    if start >= 0:
        first, _, last = raw[start + len(PREFIX) :].removesuffix(b"/").rpartition(b"/")
        try:
            return unquote_to_bytes(first).decode(), unquote_to_bytes(last).decode()
        except UnicodeDecodeError:
            return "", ""
    path: str = scope["path"]
    first_text, _, last_text = path.removeprefix(PREFIX).removesuffix("/").rpartition("/")
    return first_text, last_text
