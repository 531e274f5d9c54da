"""The whole HTTP side with the real reports endpoint, a clock that stands still, and clients from anywhere."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from argon2 import PasswordHasher
from starlette.types import ASGIApp

from ringback.api.auth import Authenticator, new_api_key
from ringback.api.bulks import Bulks
from ringback.api.docs import Docs
from ringback.api.files import Files
from ringback.api.ledger import LedgerPage
from ringback.api.logs import Logs
from ringback.api.messages import Messages
from ringback.api.reports import Reports
from ringback.api.sessions import Sessions
from ringback.api.voices import Voices
from ringback.api.waiting import Waiting
from ringback.audio.recordings import Recordings
from ringback.model.account import Account, Limits
from ringback.model.message import Network
from ringback.store.sqlite import SqliteStore
from tests.api.house import JSON, Tongue, app_of

NOW = 1_750_000_000_000
PASSWORD = "open sesame"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"
REPORTS = "/tts/3/reports"
SESSION = "/auth/1/session"


class CountingHasher(PasswordHasher):
    """Quick, and counts what it was asked."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002 - argon2's name
        self.verified += 1
        return super().verify(hash, password)


class Door:
    """Asks in the name of accounts; `seconds` have gone by since the start."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder)
        self.recordings = Recordings(folder / "recordings")
        self.hasher = CountingHasher()
        self.seconds = 0.0
        self.keys: dict[str, str] = {}

    def open(self) -> None:
        """A new server process, as far as HTTP knows."""
        self.authenticator = Authenticator(
            self.store, now=lambda: NOW + int(self.seconds * 1000), clock=lambda: self.seconds, hasher=self.hasher
        )
        auth = self.authenticator
        self.store.on_accounts_changed = auth.forget
        voices = Voices(Tongue(), auth)
        self.app: ASGIApp = app_of(
            reports=Reports(self.store, auth, Waiting(), lambda: NOW),
            messages=Messages(self.store, auth, Network.SANDBOX, lambda: None, lambda: NOW, voices.speak),
            bulks=Bulks(self.store, auth, lambda: None, lambda: NOW),
            logs=Logs(self.store, auth, lambda: NOW),
            ledger=LedgerPage(self.store, auth),
            voices=voices,
            files=Files(self.store, auth, self.recordings),
            docs=Docs("http://here", Network.SANDBOX),
            sessions=Sessions(auth),
        )

    async def add(self, name: str, **limits: int) -> Account:
        self.keys[name], kept = new_api_key()
        return await self.store.add_account(name, self.hasher.hash(PASSWORD), kept, "UTC", limits=Limits(**limits))

    async def ask(
        self, authorization: str = "", url: str = REPORTS, method: str = "GET", address: str = HOME, **more: Any
    ) -> httpx.Response:
        headers = ({"Authorization": authorization} if authorization else {}) | more.pop("headers", {})
        transport = httpx.ASGITransport(self.app, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, url, headers=headers, **more)

    async def status(self, authorization: str, address: str = HOME) -> int:
        return (await self.ask(authorization, address=address)).status_code

    async def sign_in(self, body: Any, address: str = HOME, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.ask("", SESSION, "POST", address, content=content, headers={**JSON, **headers})

    async def token(self, name: str) -> str:
        answer = await self.sign_in({"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        (token,) = answer.json().values()
        return f"IBSSO {token}"

    def app_key(self, name: str) -> str:
        return f"App {self.keys[name]}"


def basic(user: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Door]:
    door = Door(folder)
    await door.store.open()
    door.open()
    for name in ("Aladdin", "Jasmine"):
        await door.add(name)
    yield door
    await door.authenticator.tokens.close()
    door.authenticator.close()
    door.recordings.stop()
    await door.store.close()
