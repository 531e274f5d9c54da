"""What the tests of the HTTP side speak to."""

from typing import Any

import httpx
import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.api.routes import Endpoints, application
from ringback.audio.recordings import Recordings
from ringback.audio.speech import Sound, VoiceOffer
from ringback.model.message import Voice
from ringback.store.sqlite import SqliteStore

NOW = 1_000

JSON = {"Content-Type": "application/json"}
XML = {"Content-Type": "application/xml", "Accept": "application/xml"}


class House:
    """The app with its store, and a client that signs in as Aladdin by key."""

    def __init__(
        self, app: ASGIApp, store: SqliteStore, recordings: Recordings, keys: dict[str, str], woken: list[None]
    ) -> None:
        self.app, self.store, self.recordings, self.keys, self.woken = app, store, recordings, keys, woken
        self.client = self.client_of("Aladdin")

    def client_of(self, name: str) -> httpx.AsyncClient:
        return self.without_credentials(Authorization=f"App {self.keys[name]}")

    def without_credentials(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://here:8080", headers=headers)

    async def send(self, kind: str, body: Any, **headers: str) -> httpx.Response:
        """POSTs a body: bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.client.post(f"/tts/3/{kind}", content=content, headers={**JSON, **headers})

    async def kept(self) -> list[tuple[str, str]]:
        """The numbers and message ids of everything that was accepted and is not called yet."""
        return [(call.to, call.message_id) for call in await self.store.claim(100_000, NOW + 1_000)]


def faults(answer: httpx.Response) -> dict[str, list[str]]:
    """The faults that a 400 names, by path."""
    assert answer.status_code == 400, answer.text
    exception = answer.json()["requestError"]["serviceException"]
    assert (exception["messageId"], exception["text"]) == ("BAD_REQUEST", "Bad request")
    named: dict[str, list[str]] = exception["validationErrors"]
    return named


class Tongue:
    """Implements `Speech`, of a server that speaks English and German and is never heard here."""

    async def start(self) -> None: ...

    async def say(self, text: str, language: str, voice: Voice, rate: float = 1.0) -> Sound:
        raise AssertionError("nobody asked for that")

    def voices(self, language: str) -> list[VoiceOffer]:
        spoken = language.casefold().partition("-")[0]
        if spoken not in ("en", "de"):
            return []
        neural = VoiceOffer("joe", None, True, "joe.onnx", "Piper", is_neural=True)
        return [neural, VoiceOffer(spoken, "male", False, f"gmw/{spoken}", "espeak-ng")]

    async def stop(self) -> None: ...


class Absent:
    """Stands where an endpoint is that the test does not ask."""

    def __getattr__(self, name: str) -> Any:
        async def absent(*_: Any) -> None:
            raise AssertionError(f"{name} was asked")

        return absent


def app_of(**endpoints: Any) -> ASGIApp:
    """The app with some of its endpoints."""
    all_absent: dict[str, Any] = dict.fromkeys(Endpoints.__struct_fields__, Absent())
    return application(Endpoints(**all_absent | endpoints))


async def empty(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands where the reports endpoint is; that one has tests of its own."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b'{"results":[]}'})
