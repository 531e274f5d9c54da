"""GET and PUT /tts/3/bulks and /tts/3/bulks/status: seen, moved, paused, resumed, cancelled. Contract section 2."""

from collections.abc import Callable
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response

from ..model.account import Account
from ..model.exceptions import NoSuchBulk, NothingToCall, WindowNeverOpens
from ..model.times import Instant, written
from ..store.store import BulkState, Store
from .auth import Authenticator
from .checks import Faults, Fields, root_of
from .errors import ApiError, bad_request, not_acceptable, not_found
from .messages import LARGEST_OTHER_BODY, authorization_of, read_body
from .negotiation import Form, sent_as, wants
from .question import parameters
from .rendering import answered
from .schema.answers import BulkStatusName
from .timing_fields import send_at

STATUSES = get_args(BulkStatusName)


class Bulks:
    """The four endpoints. `wake` is called when something may be due, or ended, sooner."""

    def __init__(
        self, store: Store, authenticator: Authenticator, wake: Callable[[], None], now: Callable[[], Instant]
    ) -> None:
        self._store = store
        self._authenticator = authenticator
        self._wake = wake
        self._now = now

    async def seen(self, request: Request) -> Response:
        """GET /tts/3/bulks: when it is sent."""
        account, form = await self._asked(request)
        return _when(await self._found(account, request), account, form)

    async def status(self, request: Request) -> Response:
        """GET /tts/3/bulks/status: how it stands."""
        account, form = await self._asked(request)
        return _how(await self._found(account, request), form)

    async def moved(self, request: Request) -> Response:
        """PUT /tts/3/bulks: what was not called yet is sent at another time."""
        account, form = await self._asked(request)
        fields, faults = await _body(request)
        fields.required("sendAt")
        at = send_at(fields, self._now())
        bulk_id = _bulk_id(request, faults)
        faults.raise_any()
        assert at is not None  # noqa: S101  (else there was a fault)
        try:
            moved = await self._store.move_bulk(account.id, bulk_id, at, self._now())
        except NoSuchBulk:
            raise no_bulk() from None
        except NothingToCall as now:
            raise bad_request({"bulkId": [f"is {now}: nothing of it is left to be moved"]}) from None
        except WindowNeverOpens as why:
            raise bad_request({"sendAt": [str(why)]}) from None
        self._wake()
        return _when(moved, account, form)

    async def changed(self, request: Request) -> Response:
        """PUT /tts/3/bulks/status: pauses, resumes or cancels what is still to be called."""
        account, form = await self._asked(request)
        fields, faults = await _body(request)
        to = fields.required("status")
        if to is not None and to not in STATUSES:
            fields.fault("status", f"must be one of {', '.join(STATUSES)}")
        bulk_id = _bulk_id(request, faults)
        faults.raise_any()
        try:
            changed = await self._store.change_bulk(account.id, bulk_id, to, self._now())
        except NoSuchBulk:
            raise no_bulk() from None
        except NothingToCall as now:
            raise bad_request({"status": [f"can't become {to}: the bulk is {now}"]}) from None
        self._wake()
        return _how(changed, form)

    async def _asked(self, request: Request) -> tuple[Account, Form]:
        account = await self._authenticator.account(authorization_of(request))
        form = wants(request.headers.get("accept"))
        if form is None:
            raise not_acceptable()
        return account, form

    async def _found(self, account: Account, request: Request) -> BulkState:
        faults = Faults()
        bulk_id = _bulk_id(request, faults)
        faults.raise_any()
        bulk = await self._store.bulk(account.id, bulk_id)
        if bulk is None:
            raise no_bulk()
        return bulk


def _bulk_id(request: Request, faults: Faults) -> str:
    bulk_id = parameters(request.scope["query_string"]).get("bulkId", "")
    if not bulk_id:
        faults.add("bulkId", "is required")
    return bulk_id


async def _body(request: Request) -> tuple[Fields, Faults]:
    sent = sent_as(request.headers.get("content-type"))
    if sent is None:
        raise ApiError(415, "Bodies are application/json or application/xml, in UTF-8")
    faults = Faults()
    return Fields(root_of(await read_body(request, LARGEST_OTHER_BODY), *sent), "", faults, sent[0] == "xml"), faults


def no_bulk() -> ApiError:
    """404: the account has no bulk of that id; another account's is none of its."""
    return not_found("There is no such bulk")


def _when(bulk: BulkState, account: Account, form: Form) -> Response:
    return answered("bulk", {"bulkId": bulk.bulk_id, "sendAt": written(bulk.send_at, account.zone)}, form)


def _how(bulk: BulkState, form: Form) -> Response:
    return answered("bulkStatus", {"bulkId": bulk.bulk_id, "status": bulk.status}, form)
