"""What a request for reports asks: its query, its `Prefer` and its `Idempotency-Key`. Source: contract section 4."""

import hashlib
import re
from functools import lru_cache
from urllib.parse import parse_qsl

import msgspec

from ..store.store import Filter
from .errors import ApiError, bad_request

MOST = 1_000
"""Reports in one answer; a larger `limit` is taken as this."""

LONGEST_WAIT = 60
"""Seconds that an empty answer is held; a longer `wait` is taken as this."""

LONGEST_KEY = 255
"""Characters of an `Idempotency-Key`."""

_DEFAULT = 50
_POSITIVE = re.compile(r"\+?0*([1-9][0-9]*)")
_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?0*([0-9]+)"?\s*(?=$|[,;])', re.IGNORECASE)
_KEY = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")


class Question(msgspec.Struct, frozen=True):
    """How many reports, and which."""

    limit: int = _DEFAULT
    wanted: Filter = Filter()


@lru_cache(maxsize=4096)
def question(query: bytes) -> Question:
    """Reads the query of a request for reports.

    Raises `ApiError` 400 when `limit` is below 1 or no integer, or the query is not UTF-8.
    """
    given = parameters(query)
    limit = limit_of(given.get("limit"))
    if limit is None:
        raise bad_request({"limit": [BAD_LIMIT]})
    return Question(limit, Filter(given.get("bulkId"), given.get("messageId")))


def parameters(query: bytes) -> dict[str, str]:
    """The parameters of a query string. An empty one counts as absent, the first of two wins.

    Raises `ApiError` 400 when it is not UTF-8.
    """
    given: dict[str, str] = {}
    for name, value in pairs_of(query):
        given.setdefault(name, value)
    return given


def pairs_of(query: bytes, most: int = 100) -> list[tuple[str, str]]:
    """Every parameter of a query string that is not empty, in its order.

    Raises `ApiError` 400 when it is not UTF-8, or there are more than `most`.
    """
    if query.count(b"&") >= most:
        raise bad_request({"query": [f"must hold at most {most} parameters"]})
    try:
        return parse_qsl(query.decode("ascii"), errors="strict")
    except ValueError:  # UnicodeDecodeError is one
        raise bad_request({"query": ["must be percent-encoded UTF-8"]}) from None


BAD_LIMIT = f"must be an integer of 1 or more; above {MOST} it is taken as {MOST}"


def limit_of(given: str | None) -> int | None:
    """The `limit` that a query gives, None for one that is below 1 or no integer."""
    if given is None:
        return _DEFAULT
    found = _POSITIVE.fullmatch(given.strip())
    return min(_number(found.group(1)), MOST) if found else None


def _number(digits: str) -> int:
    """Their number, or one as much too large; `int` refuses very long ones."""
    return int(digits[:9])


@lru_cache(maxsize=256)
def patience(prefer: bytes | None) -> int | None:
    """The seconds of `Prefer: wait=20` (RFC 7240 section 4.3), None without one or for 0."""
    found = _WAIT.search(prefer.decode("latin-1")) if prefer else None
    return min(_number(found.group(1)), LONGEST_WAIT) or None if found else None


def idempotency_key(header: bytes | None) -> str | None:
    """The key, with or without its quotes. Raises `ApiError` 400 when it is not 1 to 255 visible ASCII characters."""
    if header is None:
        return None
    key = header.decode("latin-1").strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _KEY.fullmatch(key):
        raise bad_request({"Idempotency-Key": [f"must be 1 to {LONGEST_KEY} visible ASCII characters"]})
    return key


def other_question() -> ApiError:
    """422: the Idempotency-Key was used for another question."""
    return ApiError(422, "This Idempotency-Key was used for another request")


def fingerprint(method: str, path: str, query: bytes, body: bytes, form: str) -> bytes:
    """What an Idempotency-Key is bound to (contract section 4)."""
    parts = (method.encode(), path.encode(), query, form.encode(), body)
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()
