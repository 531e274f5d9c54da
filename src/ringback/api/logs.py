"""GET /tts/3/logs: what was sent in the last 48 hours, as often as it is asked for. Contract sections 1 and 4."""

import asyncio
import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from ..model.logs import Logged, log_json
from ..model.number import dialable
from ..model.report import tts3_xml_forms
from ..model.status import STATUS_GROUPS
from ..model.times import Instant
from ..store.store import LogQuery, Store
from . import xml
from .auth import Authenticator
from .checks import Faults
from .errors import not_acceptable
from .messages import authorization_of
from .negotiation import CONTENT_TYPE, Form, wants
from .question import BAD_LIMIT, limit_of, pairs_of
from .timing_fields import moment_fault, moment_of

_MOST_PARAMETERS = 1_000  # of which all may be messageId
_FEW = 50  # messages rendered without leaving the loop: some 2 ms
_GROUPS = {name: number for number, name in STATUS_GROUPS.items()}
_LOST_PLUS = re.compile(r" (?=\d\d(:?\d\d)?$)", re.ASCII)
_CODES = {
    "mcc": (re.compile("[0-9]{3}"), "must be 3 digits"),
    "mnc": (re.compile("[0-9]{2,3}"), "must be 2 or 3 digits"),
}


class Logs:
    """The endpoint. It changes nothing, whatever is asked."""

    def __init__(self, store: Store, authenticator: Authenticator, now: Callable[[], Instant]) -> None:
        self._store = store
        self._authenticator = authenticator
        self._now = now

    async def seen(self, request: Request) -> Response:
        """GET /tts/3/logs."""
        account = await self._authenticator.account(authorization_of(request))
        form = wants(request.headers.get("accept"))
        if form is None:
            raise not_acceptable()
        found = await self._store.logs(account.id, log_query(request.scope["query_string"]), self._now())
        if len(found) <= _FEW:
            body = _body(found, account.zone, form)
        else:
            body = await asyncio.to_thread(_body, found, account.zone, form)
        return Response(body, 200, {"Cache-Control": "no-store"}, CONTENT_TYPE[form])


def _body(found: list[Logged], zone: str, form: Form) -> bytes:
    results = log_json(found, zone)
    if form == "json":
        return b'{"results":[' + results + b"]}"
    return xml.element("logsResponse", {"results": tts3_xml_forms(results)}).encode()


def log_query(query: bytes) -> LogQuery:
    """Reads the query of a request for logs. Raises `ApiError` 400 that names every fault."""
    given: dict[str, list[str]] = {}
    for name, value in pairs_of(query, _MOST_PARAMETERS):
        if value.strip():
            given.setdefault(name, []).append(value)
    first = {name: values[0].strip() for name, values in given.items()}
    faults = Faults()
    limit = limit_of(first.get("limit"))
    if limit is None:
        faults.add("limit", BAD_LIMIT)
    asked = LogQuery(
        first.get("from"),
        _number(first.get("to")),
        tuple(given.get("bulkId", ())),
        tuple(given.get("messageId", ())),
        _group(first.get("generalStatus"), faults),
        _code("mcc", first, faults),
        _code("mnc", first, faults),
        _moment("sentSince", first, faults),
        _moment("sentUntil", first, faults),
        limit or 0,
    )
    faults.raise_any()
    return asked


def _number(given: str | None) -> str | None:
    """Its digits, as they are kept; what can't be dialled was never sent to, and is found nowhere."""
    return given and (dialable(given) or given)


def _group(given: str | None, faults: Faults) -> int | None:
    if given is None:
        return None
    group = _GROUPS.get(given.upper())
    if group is None:
        faults.add("generalStatus", f"must be one of {', '.join(_GROUPS)}")
    return group


def _code(name: str, given: dict[str, str], faults: Faults) -> str | None:
    rule, fault = _CODES[name]
    value = given.get(name)
    if value is not None and not rule.fullmatch(value):
        faults.add(name, fault)
    return value


def _moment(name: str, given: dict[str, str], faults: Faults) -> Instant | None:
    """A `+` that was not percent-encoded arrives as a space, and is forgiven."""
    if name not in given:
        return None
    text = _LOST_PLUS.sub("+", given[name])
    if fault := moment_fault(text):
        faults.add(name, fault)
    return moment_of(text)
