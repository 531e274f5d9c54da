"""The client: one account of one server."""

import base64
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TypeAlias
from urllib.parse import quote

import httpx

from . import answers
from .answers import Bulk, BulkStatus, Form, Ledger, Log, Report, SendResponse
from .bookmark import Bookmark
from .connection import Connection, Question
from .exceptions import BadRequest, RingbackError
from .message import Message, Voice
from .reports import Reports
from .wire import body, written

PATIENCE_S = 120.0

Several: TypeAlias = str | Iterable[str]


class Ringback:
    """A client of the server at `url`, with a user and a password or with an API key.

    An answer that gets lost is asked for again for `patience` seconds, with ever longer pauses and as the server's
    `Retry-After` wants it, and nothing is done twice by that. `http` is a client of your own, for TLS or
    proxies; it is not closed with this one.

    Every method raises `Refused` (or one of its kinds) when the server says no, `NoAnswer` when patience is over,
    `UnexpectedAnswer` when something else than Ringback answers, and `ValueError` for what can't be asked.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        api_key: str | None = None,
        patience: float = PATIENCE_S,
        http: httpx.Client | None = None,
    ) -> None:
        address = httpx.URL(url)
        if address.scheme not in ("http", "https") or not address.host:
            raise ValueError(f"{url!r} is no http or https address")
        if address.userinfo:
            raise ValueError("user and password don't belong into the address")
        authorization, account = _identity(user, password, api_key)
        self._http, self._http_is_ours = http or httpx.Client(), http is None
        self._owner = f"{str(address).rstrip('/')} as {account}"
        self._connection = Connection(address, authorization, patience, self._http)

    # -- sending -------------------------------------------------------------------------------------------
    def send(self, *messages: Message, bulk_id: str | None = None, idempotency_key: str | None = None) -> SendResponse:
        """Sends. When it returns, the messages are on the server's disk (contract sections 1 and 2).

        Nobody is called twice: a lost answer is asked for again under the same key. When that fails too, the
        exception carries the key as `idempotency_key`: the same messages under it, within 48 hours, call
        nobody again. Give a key of your own to be safe against a crash of your program as well.
        """
        key = idempotency_key or str(uuid.uuid4())
        content = body({"bulkId": bulk_id, "messages": list(messages)})
        try:
            return self._connection.json(
                Question("POST", "/tts/3/advanced", body=content, key=key), answers.send_response
            )
        except RingbackError as problem:
            problem.idempotency_key = key
            raise

    # -- reports -------------------------------------------------------------------------------------------
    def reports(
        self,
        state: str | os.PathLike[str],
        *,
        wait: int = 20,
        limit: int = 50,
        bulk_id: str | None = None,
        message_id: str | None = None,
    ) -> Reports:
        """Each report once, as they come: an iterator, see `Reports`.

        `state` is the file that remembers what was handed out, through crashes too; each iterator needs its own.
        The server is asked to hold an empty answer for `wait` seconds, 60 at most, over and over; with 0 the
        iteration ends when there is nothing left. `limit` is how many come in one answer, 1 to 1000.

        Raises a `BookmarkError` when the file is in use, damaged or another's.
        """
        return Reports(
            self._connection,
            self._owner,
            Bookmark(state),
            wait=wait,
            limit=limit,
            bulk_id=bulk_id,
            message_id=message_id,
        )

    def logs(
        self,
        *,
        caller: str | None = None,
        to: str | None = None,
        bulk_id: Several = (),
        message_id: Several = (),
        general_status: str | None = None,
        sent_since: datetime | None = None,
        sent_until: datetime | None = None,
        limit: int = 50,
        mcc: str | None = None,
        mnc: str | None = None,
    ) -> tuple[Log, ...]:
        """The messages of the last 48 hours, as often as you like (contract sections 1 and 4)."""
        given = {
            "from": caller,
            "to": to,
            "generalStatus": general_status,
            "sentSince": written(sent_since) if sent_since else None,
            "sentUntil": written(sent_until) if sent_until else None,
            "limit": str(limit),
            "mcc": mcc,
            "mnc": mnc,
        }
        query = [(name, value) for name, value in given.items() if value is not None]
        query += [("bulkId", one) for one in _several(bulk_id)]
        query += [("messageId", one) for one in _several(message_id)]
        return self._connection.json(Question("GET", "/tts/3/logs", query), answers.logs)

    def ledger(self, bulk_id: str | None = None) -> Ledger:
        """How many messages of the account, or of a bulk, are pending, waiting, collected and pushed."""
        question = Question("GET", "/ringback/1/ledger", [("bulkId", bulk_id)] if bulk_id else [])
        return self._connection.json(question, answers.ledger)

    # -- bulks ---------------------------------------------------------------------------------------------
    def bulk(self, bulk_id: str) -> Bulk:
        """When a bulk starts, and how it stands."""
        when = self._connection.json(_of_bulk("GET", "", bulk_id), answers.send_at)
        return Bulk(bulk_id, when, self._status_of(bulk_id))

    def move_bulk(self, bulk_id: str, send_at: datetime) -> datetime:
        """What was not called yet is sent at another time; that time, as the server has it."""
        question = _of_bulk("PUT", "", bulk_id, {"sendAt": written(send_at)})
        try:
            return self._connection.json(question, answers.send_at)
        except BadRequest as problem:
            now = self._connection.json(_of_bulk("GET", "", bulk_id), answers.send_at) if problem.asked_again else None
            if now is None or written(now) != written(send_at):
                raise
            return now  # it was moved, and only the answer had been lost

    def pause(self, bulk_id: str) -> BulkStatus:
        """Nobody of it is called until it is resumed."""
        return self._change(bulk_id, "PAUSED")

    def resume(self, bulk_id: str) -> BulkStatus:
        """It goes on."""
        return self._change(bulk_id, "PENDING")

    def cancel(self, bulk_id: str) -> BulkStatus:
        """What was not called yet never is; each of its messages gets its report all the same."""
        return self._change(bulk_id, "CANCELED")

    def _change(self, bulk_id: str, status: BulkStatus) -> BulkStatus:
        try:
            return self._connection.json(_of_bulk("PUT", "/status", bulk_id, {"status": status}), answers.bulk_status)
        except BadRequest as problem:
            if not problem.asked_again or self._status_of(bulk_id) != status:
                raise
            return status  # it was changed, and only the answer had been lost

    def _status_of(self, bulk_id: str) -> BulkStatus:
        return self._connection.json(_of_bulk("GET", "/status", bulk_id), answers.bulk_status)

    # -- voices and recordings -----------------------------------------------------------------------------
    def voices(self, language: str, *, include_neural: bool | None = None) -> tuple[Voice, ...]:
        """The voices of a language, such as en or pt-br; any of them may be a message's `voice`.

        Raises `NotFound` when the server does not speak it.
        """
        query = [] if include_neural is None else [("includeNeural", str(include_neural).lower())]
        return self._connection.json(Question("GET", f"/tts/3/voices/{_encoded(language)}", query), answers.voices)

    def recording(self, report: Report) -> bytes:
        """The recorded call, a WAV file. Raises `NotFound` when there is none."""
        return self._connection.ask(_recording(report), httpx.Response.read)

    def save_recording(self, report: Report, path: str | os.PathLike[str]) -> None:
        """Saves the recorded call; `path` is written whole or not at all. Raises `NotFound`, and `OSError`."""
        target = Path(path)
        with _beside(target) as part:
            self._connection.ask(_recording(report), lambda response: _write(response, part))
            part.replace(target)

    # -- its life ------------------------------------------------------------------------------------------
    def close(self) -> None:
        """Closes the connections, unless `http` was given."""
        if self._http_is_ours:
            self._http.close()

    def __enter__(self) -> "Ringback":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def _identity(user: str | None, password: str | None, api_key: str | None) -> tuple[str, str]:
    """The `Authorization` header (contract section 6), and what a bookmark calls the account."""
    if api_key is not None and user is None and password is None:
        return f"App {api_key}", f"the key {hashlib.sha256(api_key.encode()).hexdigest()[:16]}"
    if api_key is None and user is not None and password is not None:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(), user
    raise ValueError("say who you are: user and password, or api_key")


def _several(given: Several) -> Iterable[str]:
    return (given,) if isinstance(given, str) else given


def _of_bulk(method: str, path: str, bulk_id: str, change: Form | None = None) -> Question:
    content = body(change) if change else None
    return Question(method, f"/tts/3/bulks{path}", [("bulkId", bulk_id)], content)


def _recording(report: Report) -> Question:
    """At the server that was asked, whatever the report's URL says: credentials go nowhere else."""
    return Question("GET", f"/tts/3/files/{_encoded(report.message_id)}/{_encoded(report.to)}")


def _encoded(part: str) -> str:
    """A part of a path, dots too, so that nothing takes an id of dots for a folder."""
    return quote(part, safe="").replace(".", "%2E")


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _write(response: httpx.Response, part: Path) -> None:
    with part.open("wb") as file:
        for chunk in response.iter_bytes():
            file.write(chunk)
