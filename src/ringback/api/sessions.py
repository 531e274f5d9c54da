"""POST and DELETE /auth/1/session: a token for a name and a password. Contract sections 1 and 6."""

from starlette.requests import Request
from starlette.responses import Response

from .addresses import address_of
from .auth import Authenticator
from .checks import Faults, Fields, root_of
from .errors import ApiError, bad_request, not_acceptable
from .messages import LARGEST_OTHER_BODY, authorization_of, read_body
from .negotiation import sent_as, wants
from .rendering import answered

LONGEST = 4_096
"""Characters of a user name or a password, as of the header that Basic sends them in [ours]."""


class Sessions:
    """Both methods of the endpoint."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def begun(self, request: Request) -> Response:
        """POST: a new token, or 401. It goes through the same queue as Basic credentials."""
        form = wants(request.headers.get("accept"))
        if form is None:
            raise not_acceptable()
        user, password = await _credentials(request)
        found = await self._authenticator.by_password(user, password, address_of(request.scope))
        token = await self._authenticator.tokens.begin(found.account.id, found.password_hash)
        return answered("loginResponse", {"token": token}, form)

    async def ended(self, request: Request) -> Response:
        """DELETE: the token that the request carries is of no use any more."""
        credentials = authorization_of(request)
        await self._authenticator.account(credentials)
        scheme, _, token = (credentials.authorization or b"").strip().partition(b" ")
        if scheme.lower() != b"ibsso":
            raise bad_request({"Authorization": ["must be IBSSO with the token that is to end"]})
        await self._authenticator.tokens.end(token.strip())
        return Response(status_code=204, headers={"Cache-Control": "no-store"})


async def _credentials(request: Request) -> tuple[str, str]:
    sent = sent_as(request.headers.get("content-type"))
    if sent is None:
        raise ApiError(415, "Bodies are application/json or application/xml, in UTF-8")
    faults = Faults()
    fields = Fields(root_of(await read_body(request, LARGEST_OTHER_BODY), *sent), "", faults, sent[0] == "xml")
    user, password = (_text(fields, name) for name in ("username", "password"))
    faults.raise_any()
    return user, password


def _text(fields: Fields, name: str) -> str:
    if fields.required(name) is None:
        return ""
    return fields.string(name, _wrong) or ""


def _wrong(text: str) -> str | None:
    if not text:
        return "must not be empty"
    return None if len(text) <= LONGEST else f"at most {LONGEST} characters"
