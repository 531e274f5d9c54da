"""Who is asking (contract section 6)."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher

from ringback.api.auth import (
    MOST_REMEMBERED,
    REMEMBERED_S,
    Authenticator,
    Credentials,
    hash_password,
    new_api_key,
)
from ringback.api.errors import ApiError
from ringback.store.sqlite import SqliteStore


class CountingHasher(PasswordHasher):
    """Counts what it verifies, and against what."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - argon2's name
        self.verified.append(str(hash))
        self.meanwhile()
        return super().verify(hash, password)


class Desk:
    """An authenticator with two accounts, a clock that stands still and a hasher that counts."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.time = 0.0
        self.hasher = CountingHasher()
        self.authenticator = Authenticator(store, clock=lambda: self.time, hasher=self.hasher)
        self.keys: dict[str, str] = {}

    async def add(self, name: str, password: str) -> None:
        self.keys[name], kept = new_api_key()
        await self.store.add_account(name, self.hasher.hash(password), kept, "UTC")

    async def who(self, authorization: bytes | None) -> str:
        return (await self.authenticator.account(Credentials(authorization))).name

    async def refuses(self, authorization: bytes | None) -> None:
        with pytest.raises(ApiError) as refusal:
            await self.who(authorization)
        assert refusal.value.status == 401
        assert refusal.value.headers == {"WWW-Authenticate": 'Basic realm="ringback"'}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = SqliteStore(tmp_path)
    await store.open()
    desk = Desk(store)
    await desk.add("Aladdin", "open sesame")
    await desk.add("Jasmine", "p:ä")
    yield desk
    desk.authenticator.close()
    await store.close()


def basic(text: str, scheme: str = "Basic") -> bytes:
    return f"{scheme} {base64.b64encode(text.encode()).decode()}".encode()


async def test_basic_and_app(desk: Desk) -> None:
    assert await desk.who(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==") == "Aladdin"
    assert await desk.who(basic("Jasmine:p:ä", "bAsIc")) == "Jasmine"
    assert await desk.who(b"App " + desk.keys["Jasmine"].encode()) == "Jasmine"
    assert await desk.who(b"aPP  " + desk.keys["Aladdin"].encode() + b" ") == "Aladdin"


MALFORMED = [
    None,
    b"",
    b" ",
    b"Basic",
    b"Basic ",
    b"Basic !!!",
    b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ",  # its padding is gone
    b"Basic QWxh\xffZGRpbjpvcGVu",
    b"Basic QWxh!ZGRpbjpvcGVuIHNlc2FtZQ==",  # right, were it not for the !
    basic("Aladdin"),
    basic("Aladdin:open sesam"),
    basic(":open sesame"),
    basic("aladdin:open sesame"),
    basic("Aladdin:\0open sesame"),
    b"Basic " + base64.b64encode(b"\xff:open sesame"),
    basic("Aladdin:open sesame", "Bearer"),
    basic("Aladdin:" + "x" * 10_000),
    b"App",
    b"App ",
    b"App x",
    b"App \xff",
    b"IBSSO token",
    b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
]


@pytest.mark.parametrize("authorization", MALFORMED)
async def test_anything_else_is_401(desk: Desk, authorization: bytes | None) -> None:
    await desk.refuses(authorization)


async def test_an_unknown_user_costs_a_hash_of_the_same_parameters(desk: Desk) -> None:
    await desk.refuses(basic("Aladdin:wrong"))
    await desk.refuses(basic("nobody:wrong"))
    known, unknown = desk.hasher.verified
    assert known.split("$")[:4] == unknown.split("$")[:4]
    assert known != unknown


async def test_right_credentials_are_remembered_for_a_while(desk: Desk) -> None:
    authorization = basic("Aladdin:open sesame")
    assert desk.authenticator.cached(authorization) is None
    await desk.who(authorization)
    remembered = desk.authenticator.cached(authorization)
    assert remembered is not None
    assert remembered.name == "Aladdin"
    await desk.who(authorization)
    assert len(desk.hasher.verified) == 1
    desk.time = REMEMBERED_S
    assert desk.authenticator.cached(authorization) is None
    await desk.who(authorization)
    assert len(desk.hasher.verified) == 2


async def test_wrong_credentials_are_not_remembered(desk: Desk) -> None:
    for _ in range(2):
        await desk.refuses(basic("Aladdin:wrong"))
    assert len(desk.hasher.verified) == 2
    assert desk.authenticator.cached(basic("Aladdin:wrong")) is None


async def test_many_connections_with_the_same_credentials_are_checked_once(desk: Desk) -> None:
    asked = [desk.who(basic("Aladdin:open sesame")) for _ in range(50)]
    assert set(await asyncio.gather(*asked)) == {"Aladdin"}
    assert len(desk.hasher.verified) == 1


async def test_one_that_goes_away_does_not_cost_the_others_their_answer(desk: Desk) -> None:
    first = asyncio.create_task(desk.who(basic("Aladdin:open sesame")))
    second = asyncio.create_task(desk.who(basic("Aladdin:open sesame")))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "Aladdin"


async def test_after_forget_a_changed_account_is_seen(desk: Desk) -> None:
    old, key = basic("Aladdin:open sesame"), b"App " + desk.keys["Aladdin"].encode()
    assert [await desk.who(old), await desk.who(key)] == ["Aladdin", "Aladdin"]
    _, kept = new_api_key()
    await desk.store.change_account("Aladdin", password_hash=desk.hasher.hash("new"), key_hash=kept)
    desk.authenticator.forget()
    await desk.refuses(old)
    await desk.refuses(key)
    assert await desk.who(basic("Aladdin:new")) == "Aladdin"


async def test_what_was_being_checked_when_accounts_changed_is_not_remembered(desk: Desk) -> None:
    authorization = basic("Aladdin:open sesame")
    desk.hasher.meanwhile = desk.authenticator.forget
    await desk.who(authorization)
    assert desk.authenticator.cached(authorization) is None


async def test_what_is_remembered_is_bounded(desk: Desk) -> None:
    key = desk.keys["Aladdin"].encode()
    asked = [b"App" + b" " * (n % 3000 + 1) + key + b" " * (n // 3000) for n in range(MOST_REMEMBERED + 1)]
    for authorization in asked:
        await desk.who(authorization)
    assert [desk.authenticator.cached(authorization) is None for authorization in asked[:2]] == [True, False]


def test_what_is_kept_of_a_password_and_a_key() -> None:
    assert hash_password("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    (key, kept), (other, _) = new_api_key(), new_api_key()
    assert len(kept) == 32
    assert key != other
    assert len(base64.urlsafe_b64decode(key + "=")) == 32
