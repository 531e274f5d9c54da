"""Who is asking: Basic and App credentials. Source: contract section 6."""

import asyncio
import base64
import binascii
import hashlib
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ..model.account import Account
from ..store.store import AccountRow, Store
from .errors import busy, unauthorized

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with the OWASP password storage cheat sheet's parameters: 19 MiB for each check under way."""

AT_ONCE = 2
MOST_AT_THE_DOOR = 64  # credentials that wait to be checked: some 0.7 s of work
MOST_REMEMBERED = 10_000
REMEMBERED_S = 300.0
LONGEST_CREDENTIALS = 4_096

_Digest: TypeAlias = bytes


class Authenticator:
    """Finds the account of an `Authorization` header.

    Right credentials are remembered for a while under a keyed hash of the whole header, so that only the
    first request pays for argon2; wrong ones never are. `forget` must be called whenever accounts change.
    """

    def __init__(
        self, store: Store, *, clock: Callable[[], float] = time.monotonic, hasher: PasswordHasher = HASHER
    ) -> None:
        self._store = store
        self._clock = clock
        self._hasher = hasher
        self._key = secrets.token_bytes(32)
        self._nobodys_hash = hasher.hash(secrets.token_bytes(16))
        self._pool = ThreadPoolExecutor(AT_ONCE, "argon2")
        self._known: dict[_Digest, tuple[float, Account]] = {}
        self._asked: dict[_Digest, asyncio.Task[Account | None]] = {}
        self._rows: list[AccountRow] | None = None
        self._era = 0

    def cached(self, authorization: bytes) -> Account | None:
        """The account if these credentials were found right lately: one hash and one look-up."""
        found = self._known.get(self._digest(authorization))
        return found[1] if found and self._clock() < found[0] else None

    async def account(self, authorization: bytes | None) -> Account:
        """The account. Raises `ApiError` 401 for no credentials, malformed ones and wrong ones alike."""
        if authorization is None or len(authorization) > LONGEST_CREDENTIALS:
            raise unauthorized()
        account = self.cached(authorization) or await self._asked_once(authorization)
        if account is None:
            raise unauthorized()
        return account

    def forget(self) -> None:
        """Every credential is looked at anew, also those that are being looked at now."""
        self._era += 1
        self._rows = None
        self._known.clear()
        self._asked.clear()

    def close(self) -> None:
        """Takes no more; a check under way ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _digest(self, authorization: bytes) -> _Digest:
        return hashlib.blake2b(authorization, key=self._key, digest_size=32).digest()

    async def _asked_once(self, authorization: bytes) -> Account | None:
        """The same credentials on many connections at once are checked once."""
        digest = self._digest(authorization)
        task = self._asked.get(digest)
        if task is None:
            if len(self._asked) >= MOST_AT_THE_DOOR:
                raise busy()
            task = asyncio.create_task(self._checked(authorization, digest))
            self._asked[digest] = task
            task.add_done_callback(lambda done: self._answered(digest, done))
        return await asyncio.shield(task)

    def _answered(self, digest: _Digest, task: asyncio.Task[Account | None]) -> None:
        if self._asked.get(digest) is task:
            del self._asked[digest]
        if not task.cancelled():
            task.exception()  # seen: whoever waited got it, and they may all have gone

    async def _checked(self, authorization: bytes, digest: _Digest) -> Account | None:
        era = self._era
        scheme, _, credentials = authorization.strip().partition(b" ")
        account = await self._by_scheme(scheme.lower(), credentials.strip())
        if account is not None and era == self._era:
            self._remember(digest, account)
        return account

    async def _by_scheme(self, scheme: bytes, credentials: bytes) -> Account | None:
        if scheme == b"basic":
            return await self._by_password(credentials)
        if scheme == b"app" and credentials:
            return await self._by_key(credentials)
        return None

    async def _by_password(self, credentials: bytes) -> Account | None:
        """RFC 7617. An unknown user costs the same time as a wrong password."""
        try:
            name, colon, password = base64.b64decode(credentials, validate=True).partition(b":")
            user = name.decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        if not colon:
            return None
        row = next((row for row in await self._accounts() if row.account.name == user), None)
        stored = row.password_hash if row else self._nobodys_hash
        right = await asyncio.get_running_loop().run_in_executor(self._pool, _matches, self._hasher, stored, password)
        return row.account if row and right else None

    async def _by_key(self, key: bytes) -> Account | None:
        """Keys are 256 random bits: how far a hash of one matches tells nobody anything."""
        hashed = _key_hash(key)
        for row in await self._accounts():
            if secrets.compare_digest(row.key_hash, hashed):
                return row.account
        return None

    async def _accounts(self) -> list[AccountRow]:
        era, rows = self._era, self._rows
        if rows is None:
            rows = await self._store.accounts()
            self._rows = rows if era == self._era else None
        return rows

    def _remember(self, digest: _Digest, account: Account) -> None:
        if len(self._known) >= MOST_REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known.pop(digest, None)
        self._known[digest] = (self._clock() + REMEMBERED_S, account)


def hash_password(password: str) -> str:
    """What is kept of a password. Takes some 20 ms: not for the event loop."""
    return HASHER.hash(password)


def is_password_of(row: AccountRow, password: str) -> bool:
    """Whether it is the account's password. Takes some 20 ms: not for the event loop while it serves."""
    return _matches(HASHER, row.password_hash, password.encode())


def new_api_key() -> tuple[str, bytes]:
    """A new API key of 256 random bits, shown once, and what is kept of it."""
    key = secrets.token_urlsafe(32)
    return key, _key_hash(key.encode())


def _matches(hasher: PasswordHasher, stored: str, password: bytes) -> bool:
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _key_hash(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
