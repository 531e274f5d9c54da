"""Pushing reports: what is pushed, when it is tried again, and how it is signed (contract section 5)."""

import hashlib
import hmac
from typing import TypeAlias
from urllib.parse import quote, urlsplit

import msgspec

from .message import AccountId, Notify
from .times import HOUR, MINUTE, Instant

MOST_RETRIES = 20
"""After these, the report falls back to the pull queue."""

PATIENCE = 48 * HOUR
"""How long after it was finished a report is pushed; then it falls back."""

PushKey: TypeAlias = tuple[AccountId, str]
"""The account and the message id."""


class Push(msgspec.Struct, frozen=True):
    """A report that waits to be pushed.

    `json` and `beside` are as on the tape. `tries` counts those that failed, `since` is when the report was finished.
    `secret` signs it, None where the account has none. `removed`: its account is gone, and is told nothing any more.
    """

    account: AccountId
    message_id: str
    json: str
    beside: str
    notify: Notify
    place: str
    tries: int
    since: Instant
    secret: str | None = None
    removed: bool = False

    @property
    def key(self) -> PushKey:
        """What tells it from every other one."""
        return self.account, self.message_id


def place_of(url: str) -> str:
    """Scheme, host and port of a URL: who is bothered by it, and all that a log may say of it.

    The rest may hold secrets. `?` for what is no URL.
    """
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "?"


def next_try(push: Push, now: Instant) -> Instant | None:
    """When a push that has just failed is tried again; None when it falls back instead.

    Retry n waits 1 min + 1 min · n² (contract section 5). The twentieth would come after 48 hours: until they are
    over the report waits, and then it falls back.
    """
    retry = push.tries + 1
    last = push.since + PATIENCE
    if retry > MOST_RETRIES or now >= last:
        return None
    return min(now + MINUTE + MINUTE * retry * retry, last)


def headers(push: Push, body: bytes, now: Instant) -> dict[str, str]:
    """What a receiver needs beside the body: the key that tells a repeat, and the proof of who sent it."""
    found = {
        "Content-Type": "application/xml" if push.notify.form == "xml" else "application/json",
        "Idempotency-Key": quote(push.message_id, safe=""),  # an id may hold any printable character, a header not
    }
    if push.secret:
        found["Ringback-Signature"] = signature(push.secret, body, now)
    return found


def signature(secret: str, body: bytes, now: Instant) -> str:
    """`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 of the seconds, a full stop and the body [ours]."""
    seconds = now // 1_000
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"
