"""POST /tts/3/single, /multi and /advanced: decode, check, keep, answer. Contract sections 1 and 2."""

import asyncio
import re
from collections.abc import Callable
from typing import TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ..model.account import Account
from ..model.exceptions import BulkInUse, TooManyWaiting
from ..model.message import Bulk, Network
from ..model.times import Instant
from ..store.store import Answer, Keep, Kept, Store
from .addresses import address_of
from .auth import Authenticator, Credentials
from .beside import beside
from .errors import ApiError, bad_request, not_acceptable
from .message_fields import Speaks, any_language
from .negotiation import CONTENT_TYPE, Form, sent_as, wants
from .question import fingerprint, idempotency_key, other_question
from .sending import Draft, drafted, send_response
from .wire import SendRequest, parse_advanced, parse_multi, parse_single

LARGEST_BODY = 8 * 1024 * 1024
"""Bytes (contract section 1)."""

LARGEST_OTHER_BODY = 16 * 1024
"""Bytes of a body that holds a field or two [ours]: it is read on the event loop, which a large one would hold."""

_LENGTH = re.compile(r"[0-9]{1,18}")
_BIG = 32 * 1024  # bytes; below it, checking a body takes some 2 ms and a thread is not worth it
_BIG_BY_ZONE = 1_024  # bytes; where windows are the destination's, each number's zones take some 70 us

Parse: TypeAlias = Callable[[bytes, str | None, Instant, Speaks], SendRequest]
Render: TypeAlias = Callable[[set[str]], Answer]


class Messages:
    """The three send endpoints. `wake` is called when something was accepted; it may go to `network` alone."""

    def __init__(
        self,
        store: Store,
        authenticator: Authenticator,
        network: Network,
        wake: Callable[[], None],
        now: Callable[[], Instant],
        speaks: Speaks = any_language,
    ) -> None:
        self._store = store
        self._authenticator = authenticator
        self._network = network
        self._wake = wake
        self._now = now
        self._speaks = speaks
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
        key = idempotency_key(_only(request, b"idempotency-key"))
        body = await read_body(request)
        if len(body) < (_BIG if account.windows == "utc" else _BIG_BY_ZONE):
            draft = self._drafted(parse, body, content_type, account)
            answer = send_response(draft, set(), form)
        else:
            async with self._one_big:  # several at once would each hold the interpreter in turn
                draft = await beside(self._drafted, parse, body, content_type, account)
                answer = await beside(send_response, draft, set(), form)

        def render(used: set[str]) -> Answer:
            return Answer(CONTENT_TYPE[form], send_response(draft, used, form) if used else answer)

        keep = Keep(key, _bound_to(request, body, form), render) if key else None
        kept = await self._accepted(account, draft.bulk, render, keep)
        return _response(kept)

    def _drafted(self, parse: Parse, body: bytes, content_type: str | None, account: Account) -> Draft:
        now = self._now()
        return drafted(parse(body, content_type, now, self._speaks), self._network, account, now)

    async def _accepted(self, account: Account, bulk: Bulk, render: Render, keep: Keep[set[str]] | None) -> Kept:
        try:
            if keep:
                kept = await self._store.accept_once(account.id, bulk, self._now(), keep)
            else:
                kept = Kept(render(await self._store.accept(account.id, bulk, self._now())))
        except BulkInUse:
            raise bad_request({"bulkId": ["was used before"]}) from None
        except TooManyWaiting as why:
            raise ApiError(429, str(why), headers={"Retry-After": "60"}) from None
        self._wake()
        return kept


def _bound_to(request: Request, body: bytes, form: Form) -> bytes:
    query = request.scope["query_string"]
    return fingerprint(request.method, request.url.path, query, body, form)


def _response(kept: Kept) -> Response:
    if kept.answer is None:
        raise other_question()
    headers = {"Cache-Control": "no-store"} | ({"Idempotent-Replayed": "true"} if kept.replayed else {})
    return Response(kept.answer.body, 200, headers, kept.answer.content_type)


def authorization_of(request: Request) -> Credentials:
    """The `Authorization` header as it came, and from where."""
    found = next((value for name, value in request.scope["headers"] if name == b"authorization"), None)
    return Credentials(found, address_of(request.scope))


def _only(request: Request, wanted: bytes) -> bytes | None:
    """A header that may stand once; of several, all, which is no value of it."""
    values = [value for name, value in request.scope["headers"] if name == wanted]
    return b", ".join(values) if values else None


async def read_body(request: Request, largest: int = LARGEST_BODY) -> bytes:
    """The whole body. Raises `ApiError` 413 as soon as it is clear that it is larger than `largest` bytes."""
    if _length(request.headers.get("content-length")) > largest:
        raise _too_large(largest)
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > largest:
                raise _too_large(largest)
            pieces.append(piece)
    except ClientDisconnect:
        raise bad_request({"body": ["ended early"]}) from None
    return b"".join(pieces)


def _length(content_length: str | None) -> int:
    """What the header claims; the body itself is counted all the same."""
    return int(content_length) if content_length and _LENGTH.fullmatch(content_length) else 0


def _too_large(largest: int) -> ApiError:
    return ApiError(413, f"A body is at most {largest} bytes here", headers={"Connection": "close"})
