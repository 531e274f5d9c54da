"""Asking the server, and asking again when an answer is lost."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

import httpx

from .exceptions import BY_STATUS, NoAnswer, Refused, ServerFault, UnexpectedAnswer
from .wire import decoded

T = TypeVar("T")

CONNECT_S, ANSWER_S = 10.0, 30.0
"""Seconds for a connection; and for any next byte of an answer, beyond the wait that was asked for."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0
"""Between a lost answer and asking again; each pause is twice the last."""

_LOST = {408, 425, 429, *range(500, 600)}

Query: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """One request, always the same bytes.

    The server may let `wait` seconds pass before it answers, and `within` more before an answer counts as lost.
    """

    method: str
    path: str
    query: Query = ()
    body: bytes | None = None
    key: str | None = None
    wait: int = 0
    within: float = ANSWER_S
    never: threading.Event = field(default_factory=threading.Event)
    """Set, it ends the pauses: then the last problem is raised."""


class Connection:
    """To one server, as one account. `patience`: for how many seconds a lost answer is asked for again."""

    def __init__(self, url: httpx.URL, authorization: str, patience: float, http: httpx.Client) -> None:
        self.url = url
        self.patience = patience
        self.http = http
        self._authorization = authorization

    def json(self, question: Question, read: Callable[[Any], T]) -> T:
        """The answer's JSON, as `read` makes it out. Raises `Refused`, `NoAnswer` or `UnexpectedAnswer`."""
        return made_out(self.ask(question, json_text), read, question.path)

    def ask(self, question: Question, read: Callable[[httpx.Response], T], patience: float | None = None) -> T:
        """What `read` makes of the answer, asked for again as long as it gets lost and patience lasts."""
        request = self._request(question)
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        pause, again = FIRST_PAUSE_S, False
        while True:
            try:
                return self._once(request, read)
            except (NoAnswer, Refused) as problem:
                if isinstance(problem, Refused):
                    problem.asked_again = again
                rest = max(pause, problem.retry_after)
                if not problem.passing or time.monotonic() + rest > deadline or question.never.wait(rest):
                    raise
            pause, again = min(2 * pause, LONGEST_PAUSE_S), True

    def _request(self, question: Question) -> httpx.Request:
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        if question.body is not None:
            headers["Content-Type"] = "application/json"
        if question.key is not None:
            headers["Idempotency-Key"] = question.key
        if question.wait:
            headers["Prefer"] = f"wait={question.wait}"
        return self.http.build_request(
            question.method,
            f"{str(self.url).rstrip('/')}{question.path}",
            params=list(question.query) or None,
            content=question.body,
            headers=headers,
            timeout=httpx.Timeout(question.within, connect=CONNECT_S, read=question.wait + question.within),
        )

    def _once(self, request: httpx.Request, read: Callable[[httpx.Response], T]) -> T:
        try:
            response = self.http.send(request, stream=True)
            try:
                if response.status_code == 200:
                    return read(response)
                response.read()
            finally:
                response.close()
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as why:
            raise ValueError(f"this can't be asked: {why}") from why
        except httpx.RequestError as why:
            raise NoAnswer(f"no answer from {self.url}: {str(why) or type(why).__name__}") from why
        raise refusal(response)


def json_text(response: httpx.Response) -> str:
    """The answer's text, which is whole when it is JSON."""
    try:
        text = response.read().decode()
        decoded(text)
    except ValueError as why:
        raise NoAnswer(f"the answer of {response.url.host} is cut off, or no JSON") from why
    return text


def made_out(text: str, read: Callable[[Any], T], path: str) -> T:
    """What `read` makes of JSON. Raises `UnexpectedAnswer`."""
    try:
        return read(decoded(text))
    except (KeyError, TypeError, ValueError, AttributeError) as why:
        raise UnexpectedAnswer(f"the answer to {path} is not Ringback's: {why!r}") from why


def refusal(response: httpx.Response) -> Refused:
    """The exception for an answer that is not 200, whoever on the way gave it."""
    status = response.status_code
    message_id, text, faults = "", response.reason_phrase, {}
    try:
        told = response.json()["requestError"]["serviceException"]
        message_id, text = str(told["messageId"]), str(told["text"])
        faults = {path: tuple(map(str, texts)) for path, texts in told.get("validationErrors", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # a gateway's own page
    kind = BY_STATUS.get(status, ServerFault if status >= 500 else Refused)
    problem = kind(status, message_id, text, faults, _seconds(response.headers.get("Retry-After")))
    problem.passing = status in _LOST
    return problem


def _seconds(retry_after: str | None) -> float:
    """A `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date; 0 where it is neither."""
    if retry_after is None:
        return 0.0
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
