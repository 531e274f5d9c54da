"""`GET /tts/3/reports` and, in the later form, `GET /voice/1/reports`: each report is handed out once, by one of them.

A plain ASGI callable, for it carries the load.
"""

import asyncio
import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from ..model.account import Account
from ..model.later_form import later_objects, later_xml_forms
from ..model.report import tts3_xml_forms
from ..model.times import Instant
from ..store.store import Answer, Filter, Keep, Store, Taken
from . import xml
from .addresses import address_of
from .auth import Authenticator, Credentials
from .beside import beside
from .errors import ApiError, body_of, error_of, method_not_allowed, not_acceptable
from .negotiation import CONTENT_TYPE, Form, wants
from .question import Question, fingerprint, idempotency_key, other_question, patience, question
from .waiting import Waiting

Scope: TypeAlias = Any
Receive: TypeAlias = Any
Send: TypeAlias = Any
_Header: TypeAlias = tuple[bytes, bytes]

_NO_STORE = (b"cache-control", b"no-store")
_TYPE: dict[Form, _Header] = {form: (b"content-type", name.encode()) for form, name in CONTENT_TYPE.items()}
_LITTLE = 64 * 1024  # bytes of reports that are made XML without leaving the loop: some 2 ms
_PLAIN: dict[Form, list[_Header]] = {form: [_TYPE[form], _NO_STORE] for form in _TYPE}


class Shape(msgspec.Struct, frozen=True):
    """What a report looks like: in JSON (None: as the tape keeps it) and in XML, made of what a take gave.

    `pairs`: that needs what is kept beside each report too.
    """

    pairs: bool
    objects: Callable[[bytes], bytes] | None
    xml_forms: Callable[[bytes], list[dict[str, Any]]]


SHAPES = {
    "/tts/3/reports": Shape(False, None, tts3_xml_forms),
    "/voice/1/reports": Shape(True, later_objects, later_xml_forms),
}
"""The paths that hand out reports. They share one queue, one line of waiters and the Idempotency-Keys."""


class Reports:
    """Both endpoints. Contract section 4, with what goes beyond the seed: waiting, and repeats under a key."""

    def __init__(self, store: Store, auth: Authenticator, waiting: Waiting, now: Callable[[], Instant]) -> None:
        self._store = store
        self._auth = auth
        self._waiting = waiting
        self._now = now
        self._turns: weakref.WeakValueDictionary[tuple[int, str], asyncio.Lock] = weakref.WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = _headers(scope)
        try:
            status, body, shown = 200, *await self._answer(scope, headers, receive)
        except Exception as problem:
            error = error_of(problem, scope["method"], scope["path"])
            status, body, shown = error.status, *_refusal(error, headers)
        await send({"type": "http.response.start", "status": status, "headers": shown})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> tuple[bytes, list[_Header]]:
        if scope["method"] != "GET":
            raise method_not_allowed("GET")
        authorization = headers.get(b"authorization")
        account = (authorization and self._auth.cached(authorization)) or await self._auth.account(
            Credentials(authorization, address_of(scope))
        )
        form = _form(headers)
        shape = SHAPES[scope["path"]]
        asked = question(scope["query_string"])
        key = idempotency_key(headers.get(b"idempotency-key"))
        wait = patience(headers.get(b"prefer"))
        keep: Keep[bytes] | None = None
        if key:
            keep = Keep(key, _bound_to(scope, form), lambda found: _kept(shape, form, found))
        wish = _Wish(account, asked, keep, shape)
        if key is None and wait is None:
            return await _rendered(shape, form, (await self._take(wish)).reports), _PLAIN[form]
        taken = await self._in_turn(wish, wait, receive)
        body = taken.answer.body if taken.answer else await _rendered(shape, form, taken.reports)
        return body, _beyond_the_seed(taken, form, wait)

    async def _take(self, wish: "_Wish") -> Taken:
        asked = wish.asked
        return await self._store.take(
            wish.account.id, asked.limit, asked.wanted, self._now(), wish.keep, wish.shape.pairs
        )

    async def _in_turn(self, wish: "_Wish", wait: int | None, receive: Receive) -> Taken:
        """While the first request with a key is under way, the second waits."""
        if wish.keep is None:
            return await self._wait(wish, wait, receive)
        turn = self._turns.setdefault((wish.account.id, wish.keep.key), asyncio.Lock())
        async with turn:
            taken = await self._wait(wish, wait, receive)
        if taken.conflict:
            raise other_question()
        return taken

    async def _wait(self, wish: "_Wish", wait: int | None, receive: Receive) -> Taken:
        """Takes; when there is nothing, takes again each time a report arrives, until the time is up."""
        if not wait:
            return await self._take(wish)
        gone = asyncio.ensure_future(_gone(receive))
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        shared = wish.keep is None and wish.asked.wanted == Filter()
        try:
            with self._waiting.place(wish.account.id) as bell:
                await asyncio.sleep(0)  # `gone` has its first look
                while True:
                    bell.clear()
                    if not shared:  # whoever takes anything stands in the store's line one turn of the loop later
                        await asyncio.sleep(0)
                    if gone.done():
                        return Taken()  # a client that has gone away takes nothing
                    taken = await self._take(wish)
                    left = until - loop.time()
                    if taken.reports or taken.answer or taken.conflict or left <= 0 or self._waiting.over:
                        return taken
                    await _first(bell, gone, left)
        finally:
            gone.cancel()


class _Wish(msgspec.Struct, frozen=True, gc=False):
    """A request for reports: whose, how many and which, under which key, and what they are to look like."""

    account: Account
    asked: Question
    keep: Keep[bytes] | None
    shape: Shape


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """By name; one that stands on several lines is one list (RFC 9110 section 5.3)."""
    headers = dict(scope["headers"])
    if len(headers) < len(scope["headers"]):
        headers = {name: b", ".join([v for n, v in scope["headers"] if n == name]) for name in headers}
    return headers


def _form(headers: dict[bytes, bytes]) -> Form:
    accept = headers.get(b"accept")
    form = wants(accept.decode("latin-1") if accept is not None else None)
    if form is None:
        raise not_acceptable()
    return form


def _refusal(error: ApiError, headers: dict[bytes, bytes]) -> tuple[bytes, list[_Header]]:
    form = wants(headers.get(b"accept", b"").decode("latin-1")) or "json"
    extra = [(name.lower().encode(), value.encode("latin-1")) for name, value in error.headers.items()]
    return body_of(error, form), [*_PLAIN[form], *extra]


def _bound_to(scope: Scope, form: Form) -> bytes:
    """A GET's body is ignored (contract section 1), so it is no part of the question."""
    return fingerprint(scope["method"], scope["path"], scope["query_string"], b"", form)


def _kept(shape: Shape, form: Form, reports: bytes) -> Answer:
    return Answer(CONTENT_TYPE[form], document(shape, form, reports))


def _beyond_the_seed(taken: Taken, form: Form, wait: int | None) -> list[_Header]:
    headers = list(_PLAIN[form])
    if wait is not None:
        headers.append((b"preference-applied", b"wait=%d" % wait))
    if taken.replayed:
        headers.append((b"idempotent-replayed", b"true"))
    return headers


async def _rendered(shape: Shape, form: Form, reports: bytes) -> bytes:
    if len(reports) < _LITTLE or (form == "json" and shape.objects is None):
        return document(shape, form, reports)
    return await beside(document, shape, form, reports)  # a thousand in XML take some 20 ms and more


def document(shape: Shape, form: Form, reports: bytes) -> bytes:
    """The answer's body: reports as a take gave them, in a shape and a form."""
    if form == "json":
        return b'{"results":[' + (shape.objects(reports) if shape.objects else reports) + b"]}"
    return xml.element("reportResponse", {"results": shape.xml_forms(reports)}).encode()


async def _gone(receive: Receive) -> None:
    """Returns when the client's connection is closed; its body, if any, is passed over."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first(bell: asyncio.Event, gone: "asyncio.Future[None]", seconds: float) -> None:
    rung = asyncio.ensure_future(bell.wait())
    events: set[asyncio.Future[Any]] = {rung, gone}
    try:
        await asyncio.wait(events, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        rung.cancel()
