"""Who is asking: Basic, App and IBSSO credentials. Source: contract section 6."""

import asyncio
import base64
import binascii
import hashlib
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ..model.account import Account
from ..model.times import Instant
from ..store.store import AccountRow, Store
from .errors import busy, unauthorized
from .guesses import Guesses
from .request_limits import RequestLimits
from .tokens import Session, Tokens

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with the OWASP password storage cheat sheet's parameters: 19 MiB for each check under way."""

AT_ONCE = 2
MOST_AT_THE_DOOR = 64  # credentials that wait to be checked: some 0.7 s of work
MOST_REMEMBERED = 10_000
REMEMBERED_S = 300.0
LONGEST_CREDENTIALS = 4_096

_SECRETS = (b"app", b"ibsso")
T = TypeVar("T")

_Digest: TypeAlias = bytes


def _now() -> Instant:
    return time.time_ns() // 1_000_000


class Credentials(msgspec.Struct, frozen=True):
    """An `Authorization` header as it came, None for none, and the address that it came from."""

    authorization: bytes | None
    address: str = ""


class SignedIn(msgspec.Struct, frozen=True):
    """Who credentials are of. `session` is the one that a token is of, `password_hash` what a password matched."""

    account: Account
    session: Session | None = None
    password_hash: str = ""


class Authenticator:
    """Finds the account of an `Authorization` header, and counts the request against the account's limit.

    Right credentials are remembered for a while under a keyed hash of the whole header, so that only the
    first request pays for argon2; wrong ones never are. `forget` must be called whenever accounts change.
    Credentials that were right once are never held up by what others guess.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], Instant] = _now,
        clock: Callable[[], float] = time.monotonic,
        hasher: PasswordHasher = HASHER,
    ) -> None:
        self.tokens = Tokens(store, now)
        self._store = store
        self._clock = clock
        self._hasher = hasher
        self._key = secrets.token_bytes(32)
        self._nobodys_hash = hasher.hash(secrets.token_bytes(16))
        self._pool = ThreadPoolExecutor(AT_ONCE, "argon2")
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._guesses = Guesses(clock)
        self._limits = RequestLimits(clock)
        self._known: dict[_Digest, tuple[float, SignedIn]] = {}
        self._proven: dict[_Digest, None] = {}
        self._asked: dict[tuple[_Digest, str], asyncio.Task[SignedIn | None]] = {}
        self._rows: list[AccountRow] | None = None
        self._era = 0

    def cached(self, authorization: bytes) -> Account | None:
        """The account if these credentials were found right lately: one hash and one look-up.

        It counts as a request. Raises `ApiError` 429 when the account has made too many.
        """
        found = self._remembered(self._digest(authorization))
        return self._admitted(found) if found else None

    async def account(self, credentials: Credentials) -> Account:
        """The account. Counts a request.

        Raises `ApiError`: 401 for no credentials, malformed ones and wrong ones alike; 429 for too many requests,
        and for too many wrong passwords from that address for that user.
        """
        return self._admitted(await self.signed_in(credentials))

    async def by_password(self, user: str, password: str, address: str) -> SignedIn:
        """Who signs in: as by Basic credentials, in the same queue, held up by the same guesses. Counts a request."""
        if ":" in user:
            raise unauthorized()
        basic = b"Basic " + base64.b64encode(f"{user}:{password}".encode())
        found = await self.signed_in(Credentials(basic, address))
        self._admitted(found)
        return found

    async def signed_in(self, credentials: Credentials) -> SignedIn:
        """As `account`, and by what; no request is counted."""
        authorization = credentials.authorization
        if authorization is None or len(authorization) > LONGEST_CREDENTIALS:
            raise unauthorized()
        digest = self._digest(authorization)
        found = self._remembered(digest) or await self._asked_once(authorization, digest, credentials.address)
        if found is None:
            raise unauthorized()
        return found

    def forget(self) -> None:
        """Every credential is looked at anew, also those that are being looked at now; wrong ones are forgiven."""
        self._era += 1
        self._rows = None
        self._known.clear()
        self._asked.clear()
        self._limits.tidy()
        self._guesses = Guesses(self._clock)  # what was wrong may be right now: a new account, another password

    def close(self) -> None:
        """Takes no more; a check under way ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _remembered(self, digest: _Digest) -> SignedIn | None:
        found = self._known.get(digest)
        if found is None or self._clock() >= found[0]:
            return None
        session = found[1].session
        if session is not None:
            if session.over or session.let_go:
                return None
            self.tokens.use(session)
        return found[1]

    def _admitted(self, found: SignedIn) -> Account:
        if found.account.limits.requests_per_second is not None:
            self._limits.admit(found.account)
        return found.account

    def _digest(self, authorization: bytes) -> _Digest:
        return hashlib.blake2b(authorization, key=self._key, digest_size=32).digest()

    async def _asked_once(self, authorization: bytes, digest: _Digest, address: str) -> SignedIn | None:
        """The same credentials on many connections at once are checked once."""
        asked = digest, address
        task = self._asked.get(asked)
        if task is None:
            if len(self._asked) >= MOST_AT_THE_DOOR:
                raise busy()
            task = asyncio.create_task(self._checked(authorization, digest, address))
            self._asked[asked] = task
            task.add_done_callback(lambda done: self._answered(asked, done))
        return await asyncio.shield(task)

    def _answered(self, asked: tuple[_Digest, str], task: asyncio.Task[SignedIn | None]) -> None:
        if self._asked.get(asked) is task:
            del self._asked[asked]
        if not task.cancelled():
            task.exception()  # seen: whoever waited got it, and they may all have gone

    async def _checked(self, authorization: bytes, digest: _Digest, address: str) -> SignedIn | None:
        era = self._era
        scheme, _, text = authorization.strip().partition(b" ")
        scheme, text = scheme.lower(), text.strip()
        if scheme == b"basic":
            found = await self._by_basic(text, address, digest in self._proven)
        else:
            found = await self._by_secret(scheme, text)
            if found is None and scheme in _SECRETS:
                self._guesses.wrong_key(address)
        if found is None:
            self._proven.pop(digest, None)
            return None
        _put(self._proven, digest, None)  # were they changed meanwhile, the next look would take them out
        if era == self._era:
            _put(self._known, digest, (self._clock() + REMEMBERED_S, found))
        return found

    async def _by_secret(self, scheme: bytes, text: bytes) -> SignedIn | None:
        if scheme == b"app" and text:
            return await self._by_key(text)
        if scheme == b"ibsso":
            found = await self.tokens.find(text)
            return SignedIn(*found) if found else None
        return None

    async def _by_basic(self, text: bytes, address: str, proven: bool) -> SignedIn | None:
        """RFC 7617. An unknown user costs the same time as a wrong password."""
        try:
            name, colon, password = base64.b64decode(text, validate=True).partition(b":")
            user = name.decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        if not colon:
            return None
        row = next((row for row in await self._accounts() if row.account.name == user), None)
        stored = row.password_hash if row else self._nobodys_hash
        if not proven:
            self._guesses.check(address, user)
        async with self._turns:
            if not proven:
                self._guesses.check(address, user)  # what waited before this one may have been wrong, too
            right = await self._matches(stored, password)
            if row is None or not right:
                self._guesses.wrong(address, user)
                return None
        return SignedIn(row.account, password_hash=row.password_hash)

    async def _matches(self, stored: str, password: bytes) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._pool, _matches, self._hasher, stored, password)

    async def _by_key(self, key: bytes) -> SignedIn | None:
        """Keys are 256 random bits: how far a hash of one matches tells nobody anything."""
        hashed = _key_hash(key)
        for row in await self._accounts():
            if secrets.compare_digest(row.key_hash, hashed):
                return SignedIn(row.account)
        return None

    async def _accounts(self) -> list[AccountRow]:
        era, rows = self._era, self._rows
        if rows is None:
            rows = await self._store.accounts()
            self._rows = rows if era == self._era else None
        return rows


def _put(kept: dict[_Digest, T], digest: _Digest, value: T) -> None:
    """Keeps it as the newest; the oldest goes."""
    kept.pop(digest, None)
    if len(kept) >= MOST_REMEMBERED:
        kept.pop(next(iter(kept)))
    kept[digest] = value


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


def new_signing_secret() -> str:
    """A new secret to sign an account's pushes with, of 256 random bits."""
    return secrets.token_urlsafe(32)


def _matches(hasher: PasswordHasher, stored: str, password: bytes) -> bool:
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _key_hash(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
