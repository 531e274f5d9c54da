"""`ringback send` and `ringback reports`: a client of a running Ringback, over HTTP."""

import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from typing import Annotated, Any

import httpx
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from .model.exceptions import RingbackError
from .settings import read_url
from .welcome import DEMO_PASSWORD, DEMO_USER

NOBODY_THERE = 69  # sysexits.h EX_UNAVAILABLE

_WAIT_S = 20
_PAUSES_S = (0.2, 1.0, 3.0, 5.0)  # between asking again for an answer that was lost
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Server = Annotated[str, Parameter(env_var="RINGBACK_SERVER")]
User = Annotated[str | None, Parameter(env_var="RINGBACK_USER")]
Password = Annotated[str | None, Parameter(env_var="RINGBACK_PASSWORD")]
ApiKey = Annotated[str | None, Parameter(env_var="RINGBACK_API_KEY")]
Form = dict[str, Any]


class NotDone(RingbackError):
    """The server refused, or its answer can't be used."""


class NobodyThere(RingbackError):
    """No answer came."""


def send(
    *,
    to: Annotated[list[str], Parameter(consume_multiple=True)],
    text: str,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    language: str | None = None,
    record: Annotated[bool, Parameter(negative=())] = False,
    max_dtmf: int | None = None,
    server: Server = "http://127.0.0.1:8080",
    user: User = None,
    password: Password = None,
    api_key: ApiKey = None,
) -> int:
    """Send a voice message.

    Parameters
    ----------
    to
        The numbers to phone, one or more.
    text
        What is said.
    from_
        The number that the phone shows.
    language
        The language of the text, such as en or hr. [default: en]
    record
        Record the calls.
    max_dtmf
        How many keys to collect.
    server
        Where Ringback is. [default: http://127.0.0.1:8080]
    user
        The account.
    password
        Its password; better by the environment than on the command line.
    api_key
        Its API key, instead of both.
    """
    message = {
        "from": from_,
        "destinations": [{"to": number} for number in to],
        "text": text,
        "language": language,
        "record": record or None,
        "maxDtmf": max_dtmf,
    }
    body = {"messages": [{key: value for key, value in message.items() if value is not None}]}
    once = {"Idempotency-Key": str(uuid.uuid4())}
    with _client(server, user, password, api_key) as client:
        try:
            answer = _asked(client, lambda: client.post("/tts/3/advanced", json=body, headers=once))
        except NobodyThere as error:
            if isinstance(error.__cause__, httpx.ConnectError):
                raise
            try:  # the answer was lost, or the store was full: by its key the same send calls nobody twice
                answer = _asked(client, lambda: client.post("/tts/3/advanced", json=body, headers=once))
            except NobodyThere:
                raise NobodyThere(f"{error}; it may have been accepted all the same: don't just send again") from error
    _show(answer["messages"], ("to", "messageId", "status"))
    refused = [m for m in answer["messages"] if m["status"]["groupName"] == "REJECTED"]
    return 1 if refused else 0


def reports(
    *,
    follow: Annotated[bool, Parameter(negative=())] = False,
    limit: int = 50,
    bulk_id: str | None = None,
    message_id: str | None = None,
    key: str | None = None,
    server: Server = "http://127.0.0.1:8080",
    user: User = None,
    password: Password = None,
    api_key: ApiKey = None,
) -> int:
    """Collect delivery reports: each is handed out once. A table on a terminal, otherwise JSON, one a line.

    Parameters
    ----------
    follow
        Wait for more, and print each as it comes, until Ctrl-C.
    limit
        How many at once, 1 to 1000.
    bulk_id
        Only those of one request.
    message_id
        Only those of one message.
    key
        The Idempotency-Key of an answer that was lost, to get the same reports again.
    server
        Where Ringback is. [default: http://127.0.0.1:8080]
    user
        The account.
    password
        Its password; better by the environment than on the command line.
    api_key
        Its API key, instead of both.
    """
    query = {"limit": str(limit), "bulkId": bulk_id, "messageId": message_id}
    wanted = {name: value for name, value in query.items() if value is not None}
    with _client(server, user, password, api_key) as client:
        if not follow:
            _print_reports(_take(client, wanted, key or str(uuid.uuid4())))
            return 0
        _follow(client, wanted, key)
    return 0


def _follow(client: httpx.Client, wanted: dict[str, str], key: str | None) -> None:
    while True:
        key = key or str(uuid.uuid4())
        try:
            taken = _take(client, wanted, key, wait=True)
        except KeyboardInterrupt:
            # The server may have handed some out just now: the same key gets those, and they are printed.
            _print_reports(_take(client, wanted, key))
            return
        _print_reports(taken)
        key = None


def _take(client: httpx.Client, wanted: dict[str, str], key: str, *, wait: bool = False) -> list[Form]:
    """One take. An answer that was lost is asked for again with the same key, so nothing is."""
    headers = {"Idempotency-Key": key} | ({"Prefer": f"wait={_WAIT_S}"} if wait else {})
    for pause in (*_PAUSES_S, None):
        try:
            answer = _asked(client, lambda: client.get("/tts/3/reports", params=wanted, headers=headers))
        except NobodyThere as error:
            if pause is None:
                raise NobodyThere(f"{error}; should reports have been on the way, --key {key} gets them") from error
            time.sleep(pause)
        else:
            found: list[Form] = answer["results"]
            return found
    raise AssertionError("the last pause is None")


def _client(server: str, user: str | None, password: str | None, key: str | None) -> httpx.Client:
    try:
        url = httpx.URL(read_url(server))
    except ValueError as error:
        raise NotDone(f"--server {server}: {error}") from None
    headers = {"Accept": "application/json"}
    if key:
        headers["Authorization"] = f"App {key}"
    auth = None if key else _basic(url, user, password)
    return httpx.Client(base_url=url, headers=headers, auth=auth, timeout=_WAIT_S + 10.0, trust_env=False)


def _basic(url: httpx.URL, user: str | None, password: str | None) -> tuple[str, str]:
    if user is not None and password is not None:
        return user, password
    if user is not None or password is not None:
        raise NotDone("--user and --password (or RINGBACK_USER and RINGBACK_PASSWORD) belong together")
    if url.host not in _LOOPBACK:
        raise NotDone("say who you are: RINGBACK_API_KEY, or RINGBACK_USER and RINGBACK_PASSWORD, or the flags")
    print(f"(no account named: this is the demonstration account, {DEMO_USER})", file=sys.stderr)
    return DEMO_USER, DEMO_PASSWORD


def _asked(client: httpx.Client, ask: Callable[[], httpx.Response]) -> Form:
    try:
        answer = ask()
    except httpx.TransportError as error:
        raise NobodyThere(f"no answer from {client.base_url}: {str(error) or type(error).__name__}") from error
    if answer.status_code >= 500:
        raise NobodyThere(f"{client.base_url} can't just now: {_why(answer)}")
    if answer.status_code != 200:
        raise NotDone(_why(answer))
    try:
        found: Form = answer.json()
    except ValueError as error:
        raise NotDone(f"what {client.base_url} answers is not Ringback's: {error}") from error
    return found


def _why(answer: httpx.Response) -> str:
    try:
        told = answer.json()["requestError"]["serviceException"]
        faults = [f"{field}: {', '.join(why)}" for field, why in told.get("validationErrors", {}).items()]
        return "; ".join([f"{answer.status_code} {told['text']}", *faults])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{answer.status_code} {answer.reason_phrase}"


def _print_reports(found: list[Form]) -> None:
    _show(found, ("to", "status", "error", "duration", "dtmfCodes", "price", "messageId"))


def _show(rows: list[Form], columns: tuple[str, ...]) -> None:
    if not sys.stdout.isatty():
        for row in rows:
            print(json.dumps(row), flush=True)
        return
    if not rows:
        print("(nothing new)")
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    Console(width=int(os.environ.get("COLUMNS", "0")) or None).print(table)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case {"name": name}:
            return str(name)
        case {"pricePerSecond": price, "currency": currency}:
            return f"{price} {currency}"
    return str(value)
