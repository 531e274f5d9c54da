"""GET /ringback/1/ledger: accepted = pending + waiting + collected + pushed, at every moment. Contract section 4."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ..store.store import Store
from .auth import Authenticator
from .bulks import no_bulk
from .errors import not_acceptable
from .messages import authorization_of
from .negotiation import wants
from .question import parameters
from .rendering import answered


class LedgerPage:
    """The endpoint."""

    def __init__(self, store: Store, authenticator: Authenticator) -> None:
        self._store = store
        self._authenticator = authenticator

    async def seen(self, request: Request) -> Response:
        """GET /ringback/1/ledger: of the account, or of one bulk of its."""
        account = await self._authenticator.account(authorization_of(request))
        form = wants(request.headers.get("accept"))
        if form is None:
            raise not_acceptable()
        bulk_id = parameters(request.scope["query_string"]).get("bulkId")
        ledger = await self._store.ledger(account.id, bulk_id)
        if ledger is None:
            raise no_bulk()
        named = {} if bulk_id is None else {"bulkId": bulk_id}
        return answered("ledger", named | msgspec.structs.asdict(ledger), form)
