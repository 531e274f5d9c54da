"""Every error answer, in the form that was asked for. Source: contract section 7."""

import json
import math
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

import structlog
from starlette.responses import Response

from ..model.exceptions import NoSuchAccount, RingbackError, StoreUnavailable
from . import xml
from .negotiation import CONTENT_TYPE, Form, wants

_log = structlog.get_logger()

_NAMES = {  # the others are called as HTTP calls them; some Python names otherwise by its version
    413: "CONTENT_TOO_LARGE",
    416: "RANGE_NOT_SATISFIABLE",
    422: "UNPROCESSABLE_CONTENT",
    500: "GENERAL_ERROR",
}
_RETRY_AFTER_S = 1
_SLICE = 500  # faults


class ApiError(RingbackError):
    """A request that is answered with an error. `faults` are texts by the path of the field at fault."""

    def __init__(
        self,
        status: int,
        text: str,
        *,
        faults: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.message_id = _NAMES.get(status) or HTTPStatus(status).name
        self.text = text
        self.faults = faults or {}
        self.headers = headers or {}


def bad_request(faults: Mapping[str, list[str]]) -> ApiError:
    """400 with every fault named."""
    return ApiError(400, "Bad request", faults=faults)


def unauthorized() -> ApiError:
    """401: no credentials, or wrong ones; it does not say which. Source: contract section 6."""
    return ApiError(401, "Invalid login details", headers={"WWW-Authenticate": 'Basic realm="ringback"'})


def busy() -> ApiError:
    """429: too many credentials wait to be checked; those found right lately are not among them."""
    return ApiError(429, "Too many sign-ins at once", headers={"Retry-After": str(_RETRY_AFTER_S)})


def too_many(text: str, wait: float) -> ApiError:
    """429: ask again in `wait` seconds. `Retry-After` is whole ones, at least 1 (RFC 9110 section 10.2.3)."""
    return ApiError(429, text, headers={"Retry-After": str(max(math.ceil(wait), 1))})


def not_found(text: str = "There is nothing here") -> ApiError:
    """404; also for what belongs to another account."""
    return ApiError(404, text)


def method_not_allowed(allow: str) -> ApiError:
    """405, naming what is allowed."""
    return ApiError(405, f"Allowed here: {allow}", headers={"Allow": allow})


def not_acceptable() -> ApiError:
    """406: `Accept` allows neither form."""
    return ApiError(406, "Answers are application/json or application/xml")


def unavailable() -> ApiError:
    """503: the store refused, and nothing of the request was kept."""
    return ApiError(503, "Nothing was kept: try again shortly", headers={"Retry-After": str(_RETRY_AFTER_S)})


def error_of(problem: Exception, method: str = "", path: str = "") -> ApiError:
    """The answer for anything that was raised. What nobody foresaw is logged, without what the body said."""
    if isinstance(problem, ApiError):
        return problem
    if isinstance(problem, StoreUnavailable):
        return unavailable()
    if isinstance(problem, NoSuchAccount):  # removed while it was asking
        return unauthorized()
    _log.error(
        "request failed",
        method=method,
        path=path,
        error=type(problem).__name__,
        where=traceback.format_tb(problem.__traceback__),
    )
    return ApiError(500, "Something went wrong here; it was written down")


def body_of(error: ApiError, form: Form) -> bytes:
    """The `requestError` object, or element."""
    exception: dict[str, Any] = {"messageId": error.message_id, "text": error.text}
    if form == "xml":
        if error.faults:
            exception["validationErrors"] = [{"path": path, "messages": texts} for path, texts in error.faults.items()]
        return xml.element("requestError", {"serviceException": exception}).encode()
    whole = _json({"requestError": {"serviceException": exception}})
    if error.faults:
        whole = whole.removesuffix("}}}") + ',"validationErrors":{' + _faults(error.faults) + "}}}}"
    return whole.encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _faults(faults: Mapping[str, list[str]]) -> str:
    """The inside of the JSON object, made in slices: a whole one of 20,000 would hold the interpreter too long."""
    named = iter(faults.items())
    slices = iter(lambda: dict(islice(named, _SLICE)), {})
    return ",".join([_json(some)[1:-1] for some in slices])


def rendered(error: ApiError, accept: str | None) -> Response:
    """The whole answer, in the form that `Accept` asks for, JSON where it allows neither."""
    form = wants(accept) or "json"
    headers = {"Cache-Control": "no-store", **error.headers}
    return Response(body_of(error, form), error.status, headers, CONTENT_TYPE[form])
