"""Session tokens: whose they are, and when they were used last. Source: contract sections 1 and 6."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable

import structlog

from ..model.account import Account
from ..model.exceptions import RingbackError
from ..model.message import AccountId
from ..model.times import HOUR, MINUTE, Instant
from ..store.store import Store

IDLE = HOUR
WRITTEN_AFTER = 5 * MINUTE  # since the use that was written down last: no commit for each request
MOST_KNOWN = 10_000

_TOKEN = re.compile(rb"([0-9]{1,18})-([A-Za-z0-9_-]{43})")
_log = structlog.get_logger()


class Session:
    """A session that was asked about: its last use, exactly, and whether it is over.

    Once it is `let_go`, nobody tells it any more that it is over.
    """

    __slots__ = ("account", "let_go", "over", "token_hash", "used_at")

    def __init__(self, account: AccountId, token_hash: bytes) -> None:
        self.account = account
        self.token_hash = token_hash
        self.used_at: Instant = 0
        self.over = False
        self.let_go = False


class Tokens:
    """Begins, finds and ends sessions.

    A token is its account's number and 256 random bits, of which only a hash is kept. The exact last use is kept in
    memory; it is written down when the written one is five minutes old, and when Ringback stops.
    """

    def __init__(self, store: Store, now: Callable[[], Instant]) -> None:
        self._store = store
        self._now = now
        self._known: dict[bytes, Session] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def begin(self, account: AccountId, password_hash: str) -> str:
        """A new session's token. Raises `NoSuchAccount` when that is not the account's password any more."""
        token = f"{account}-{secrets.token_urlsafe(32)}"
        for hashed in await self._store.add_session(account, password_hash, _hash(token.encode()), self._now()):
            self._session(account, hashed).over = True
        return token

    async def find(self, token: bytes) -> tuple[Account, Session] | None:
        """The account and the session of a token; None where it is none, or is over. It counts as a use."""
        session = self._named(token)
        if session is None:
            return None
        row = await self._store.session(session.account, session.token_hash)
        if row is None:  # what anybody makes up pushes no session out
            self._let_go(session)
            return None
        now = self._now()
        if session.over or now - max(row.used_at, session.used_at) >= IDLE:
            return None
        self.use(session)
        if now - row.used_at > WRITTEN_AFTER:
            self._write(session)
        return row.account, session

    def use(self, session: Session) -> None:
        """It is used now. A clock that steps back makes no session older."""
        session.used_at = max(session.used_at, self._now())

    async def end(self, token: bytes) -> bool:
        """Ends the session at once, also for who has been let in with it. Whether there was one."""
        session = self._named(token)
        if session is None:
            return False
        ended = await self._store.end_session(session.account, session.token_hash)
        session.over = True
        return ended

    async def close(self) -> None:
        """Writes down what was not yet."""
        for session in self._known.values():
            if session.used_at and not session.over:
                self._write(session)
        while self._writing:
            await asyncio.wait(self._writing)

    def _named(self, token: bytes) -> Session | None:
        found = _TOKEN.fullmatch(token)
        return self._session(int(found[1]), _hash(token)) if found else None

    def _session(self, account: AccountId, token_hash: bytes) -> Session:
        """The one object of a session, while it is known; the one that was asked about longest ago is let go."""
        session = self._known.pop(token_hash, None) or Session(account, token_hash)
        self._known[token_hash] = session
        if len(self._known) > MOST_KNOWN:
            self._let_go(next(iter(self._known.values())))
        return session

    def _let_go(self, session: Session) -> None:
        session.let_go = True
        if self._known.get(session.token_hash) is session:
            del self._known[session.token_hash]
        if session.used_at and not session.over:
            self._write(session)

    def _write(self, session: Session) -> None:
        task = asyncio.get_running_loop().create_task(self._written(session))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _written(self, session: Session) -> None:
        try:
            await self._store.use_session(session.account, session.token_hash, session.used_at)
        except RingbackError as fault:  # it is known here all the same, until Ringback stops
            _log.warning("a session's last use was not written down", fault=str(fault))


def _hash(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
