"""POST /tts/3/single, /multi and /advanced: decode, check, keep, answer. Contract sections 1 and 2."""

import asyncio
import re
from collections.abc import Callable
from typing import TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ..model.account import Account
from ..model.exceptions import BulkInUse
from ..model.message import Network
from ..model.times import Instant
from ..store.store import Store
from .auth import Authenticator
from .errors import ApiError, bad_request, not_acceptable
from .negotiation import CONTENT_TYPE, sent_as, wants
from .sending import Draft, drafted, send_response
from .wire import SendRequest, parse_advanced, parse_multi, parse_single

LARGEST_BODY = 8 * 1024 * 1024
"""Bytes (contract section 1)."""

_LENGTH = re.compile(r"[0-9]{1,18}")
_BIG = 32 * 1024  # bytes; below it, checking a body takes some 2 ms and a thread is not worth it

Parse: TypeAlias = Callable[[bytes, str | None], SendRequest]


class Messages:
    """The three send endpoints. `wake` is called when something was accepted; it may go to `network` alone."""

    def __init__(
        self,
        store: Store,
        authenticator: Authenticator,
        network: Network,
        wake: Callable[[], None],
        now: Callable[[], Instant],
    ) -> None:
        self._store = store
        self._authenticator = authenticator
        self._network = network
        self._wake = wake
        self._now = now
        self._one_big = asyncio.Lock()

    async def single(self, request: Request) -> Response:
        """POST /tts/3/single."""
        return await self._sent(request, parse_single)

    async def multi(self, request: Request) -> Response:
        """POST /tts/3/multi."""
        return await self._sent(request, parse_multi)

    async def advanced(self, request: Request) -> Response:
        """POST /tts/3/advanced."""
        return await self._sent(request, parse_advanced)

    async def _sent(self, request: Request, parse: Parse) -> Response:
        account = await self._authenticator.account(authorization_of(request))
        form = wants(request.headers.get("accept"))
        if form is None:
            raise not_acceptable()
        content_type = request.headers.get("content-type")
        if sent_as(content_type) is None:
            raise ApiError(415, "Bodies are application/json or application/xml, in UTF-8")
        body = await read_body(request)
        # An Idempotency-Key (contract section 4) is looked up here: the path, `body` and `form` are what it binds.
        if len(body) < _BIG:
            draft = drafted(parse(body, content_type), self._network)
            answer = send_response(draft, await self._accepted(account, draft), form)
        else:
            async with self._one_big:  # several at once would each hold the interpreter in turn
                draft = await asyncio.to_thread(lambda: drafted(parse(body, content_type), self._network))
            used = await self._accepted(account, draft)
            answer = await asyncio.to_thread(send_response, draft, used, form)
        return Response(answer, 200, {"Cache-Control": "no-store"}, CONTENT_TYPE[form])

    async def _accepted(self, account: Account, draft: Draft) -> set[str]:
        try:
            used = await self._store.accept(account.id, draft.bulk, self._now())
        except BulkInUse:
            raise bad_request({"bulkId": ["was used before"]}) from None
        self._wake()
        return used


def authorization_of(request: Request) -> bytes | None:
    """The `Authorization` header as it came."""
    return next((value for name, value in request.scope["headers"] if name == b"authorization"), None)


async def read_body(request: Request) -> bytes:
    """The whole body. Raises `ApiError` 413 as soon as it is clear that it is too large."""
    if _length(request.headers.get("content-length")) > LARGEST_BODY:
        raise _too_large()
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > LARGEST_BODY:
                raise _too_large()
            pieces.append(piece)
    except ClientDisconnect:
        raise bad_request({"body": ["ended early"]}) from None
    return b"".join(pieces)


def _length(content_length: str | None) -> int:
    """What the header claims; the body itself is counted all the same."""
    return int(content_length) if content_length and _LENGTH.fullmatch(content_length) else 0


def _too_large() -> ApiError:
    return ApiError(413, f"A body is at most {LARGEST_BODY} bytes", headers={"Connection": "close"})
