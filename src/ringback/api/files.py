"""GET /tts/3/files/{messageId}/{to}: the recording of a call. Source: contract section 1."""

import asyncio
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import FileResponse, MalformedRangeHeader, RangeNotSatisfiable, Response
from starlette.types import Scope

from ..audio.recordings import Recordings
from ..store.store import Store
from .auth import Authenticator
from .errors import ApiError, not_found
from .messages import authorization_of

PREFIX = "/tts/3/files/"
FILE = PREFIX + "{messageId}/{to}"


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
        return _Audio(path, headers={"Cache-Control": "private"}, media_type="audio/wav")


class _Audio(FileResponse):
    """A file whose ranges are refused as everything else is, not in plain text; what is no range is ignored."""

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        try:
            return super()._parse_range_header(http_range, file_size)
        except MalformedRangeHeader:
            return []
        except RangeNotSatisfiable as beyond:
            size = {"Content-Range": f"bytes */{beyond.max_size}"}
            raise ApiError(416, f"The recording has {beyond.max_size} bytes", headers=size) from None


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
