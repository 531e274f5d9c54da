"""Claiming: which messages are called next. All run inside the caller's transaction.

Accounts take turns. What comes due while its window is closed, or faster than its bulk's sending speed, is put off.
"""

from itertools import zip_longest
from typing import Any

import apsw
import msgspec

from ..model.account import Account
from ..model.call import Call
from ..model.message import AccountId
from ..model.schedule import NEVER, opening
from ..model.times import SECOND, Instant
from . import accounts
from .database import rows
from .journey import calls, message_of

_LAG_US = SECOND * 1_000
"""How far a bulk may lag behind its sending speed and catch up: the dispatcher looks twice a second. One that was
idle for longer begins anew, so that nothing is caught up in one rush."""

_EXPIRED = 3_000
"""How many of an account's messages a claim passes over because their validity is over: some 2 ms. After an outage a
million may be so; then what came due after them waits until the expirer, which never rests, has ended enough."""


class Claimed(msgspec.Struct, frozen=True):
    """The calls to place. `put_off` counts the messages whose time was moved; `next_at` is when to look again."""

    calls: list[Call]
    put_off: int
    next_at: Instant


class _Due(msgspec.Struct, frozen=True):
    """A message that is due, and what may put it off."""

    account: Account
    message_id: str
    bulk_id: str
    to: str
    tries: int
    body: bytes
    interval_us: int | None


class _Pace(msgspec.Struct):
    """A paced bulk's place in its timetable."""

    next_us: int
    slot_us: int

    def may_go(self, now: Instant, interval_us: int) -> bool:
        """Takes the next place, if the bulk's speed allows one now."""
        now_us = now * 1_000
        if self.next_us > now_us:
            return False
        self.next_us = (self.next_us if now_us - self.next_us <= _LAG_US else now_us) + interval_us
        return True

    def later(self, interval_us: int) -> Instant:
        """The first free slot after all that are given."""
        slot_us = max(self.slot_us, self.next_us)
        self.slot_us = slot_us + interval_us
        return -(-slot_us // 1_000)


def claim(db: apsw.Connection, limit: int, now: Instant, turn: AccountId, look_at: int) -> Claimed:
    """The next `limit` messages that are due, each with its attempt written down. The account after `turn` is first.

    `look_at` messages of each account are looked at: many may have to be put off before one can be called.
    """
    waiting = _waiting(db)
    claims = _Claims(db, now)
    due = [_due(db, account, look_at, now) for account in _in_turn(db, waiting, now, turn) if claims.room_for(account)]
    for row in (row for lap in zip_longest(*due) for row in lap if row is not None):
        if len(claims.calls) < limit:
            claims.look_at(row)
    claims.write_paces()
    return Claimed(claims.calls, claims.put_off, min(waiting.values(), default=NEVER))


def _waiting(db: apsw.Connection) -> dict[AccountId, Instant]:
    """Accounts with something pending, and when the first of it is due."""
    found: dict[AccountId, Instant] = {}
    last = 0
    while row := db.execute(
        "SELECT account, due_at FROM message INDEXED BY message_due WHERE state = 'pending' AND account > ?"
        " ORDER BY account, due_at LIMIT 1",
        (last,),
    ).fetchone():
        last, found[row[0]] = row
        last = row[0]
    return found


def _in_turn(db: apsw.Connection, waiting: dict[AccountId, Instant], now: Instant, turn: AccountId) -> list[Account]:
    """Accounts with something due, by number, those after `turn` first; nobody is called for a removed one."""
    numbers = sorted((number for number, due_at in waiting.items() if due_at <= now), key=lambda n: (n <= turn, n))
    return [account for number in numbers if (account := accounts.find(db, number))]


def _due(db: apsw.Connection, account: Account, limit: int, now: Instant) -> list[_Due]:
    found = rows(
        db,
        "SELECT m.message_id, m.bulk_id, m.recipient, m.tries, v.body, b.interval_us"
        " FROM (SELECT * FROM (SELECT * FROM message INDEXED BY message_due WHERE state = 'pending' AND account = ?1"
        " AND due_at <= ?2 ORDER BY due_at, message_id LIMIT ?4) WHERE expires_at > ?2 LIMIT ?3) m"
        " JOIN voice_message v ON v.account = ?1 AND v.bulk_id = m.bulk_id AND v.part = m.part"
        " JOIN bulk b ON b.account = ?1 AND b.bulk_id = m.bulk_id ORDER BY m.due_at, m.message_id",
        (account.id, now, limit, limit + _EXPIRED),
    )
    return [_Due(account, *row) for row in found]


class _Claims:
    """What one claim has found so far."""

    def __init__(self, db: apsw.Connection, now: Instant) -> None:
        self._db = db
        self._now = now
        self._paces: dict[tuple[AccountId, str], _Pace] = {}
        self._room: dict[AccountId, int] = {}  # for accounts with a limit of their own: the calls that it leaves
        self.calls: list[Call] = []
        self.put_off = 0

    def room_for(self, account: Account) -> bool:
        """Whether the account may have one more call at once."""
        if account.limits.channels is None:
            return True
        if account.id not in self._room:
            self._room[account.id] = account.limits.channels - _live(self._db, account.id)
        return self._room[account.id] > 0

    def look_at(self, due: _Due) -> None:
        """Begins its attempt, or puts it off."""
        if not self.room_for(due.account):
            return
        later = self._later(due)
        if later is None:
            if due.account.id in self._room:
                self._room[due.account.id] -= 1
            self.calls.append(_begin_attempt(self._db, due.account.id, due.message_id, self._now))
            return
        self._db.execute(  # a window that never opens any more is the end: what is accepted gets its report
            "UPDATE message SET due_at = ?3, expires_at = iif(?3 >= ?4, min(expires_at, ?5), expires_at)"
            " WHERE account = ?1 AND message_id = ?2",
            (due.account.id, due.message_id, later, NEVER, self._now),
        )
        self.put_off += 1

    def _later(self, due: _Due) -> Instant | None:
        """When it is due instead; None for now."""
        message = message_of(due.body)
        zones = due.account.zones(message.window, due.to)
        open_at = opening(message.window, self._now, zones)
        if open_at > self._now:
            return open_at
        if message.sending_speed is None or due.interval_us is None or due.tries:
            return None
        pace = self._pace(due.account.id, due.bulk_id)
        if pace.may_go(self._now, due.interval_us):
            return None
        return opening(message.window, pace.later(due.interval_us), zones)

    def _pace(self, account: AccountId, bulk_id: str) -> _Pace:
        key = (account, bulk_id)
        if key not in self._paces:
            (row,) = rows(self._db, "SELECT next_us, slot_us FROM bulk WHERE account = ? AND bulk_id = ?", key)
            self._paces[key] = _Pace(*row)
        return self._paces[key]

    def write_paces(self) -> None:
        """Keeps how far each bulk's timetable has come."""
        for key, pace in self._paces.items():
            values: tuple[Any, ...] = (pace.next_us, pace.slot_us, *key)
            self._db.execute("UPDATE bulk SET next_us = ?, slot_us = ? WHERE account = ? AND bulk_id = ?", values)


def _live(db: apsw.Connection, account: AccountId) -> int:
    live: int = db.execute(
        "SELECT count(*) FROM message INDEXED BY message_calling WHERE state = 'calling' AND account = ?", (account,)
    ).get
    return live


def _begin_attempt(db: apsw.Connection, account: AccountId, message_id: str, now: Instant) -> Call:
    key = (account, message_id)
    db.execute(
        "UPDATE message SET state = 'calling', attempts = attempts + 1 WHERE account = ? AND message_id = ?", key
    )
    db.execute(
        "INSERT INTO attempt (account, message_id, attempt, placed_at)"
        " SELECT account, message_id, attempts, ?3 FROM message WHERE account = ?1 AND message_id = ?2",
        (*key, now),
    )
    (call,) = calls(db, "m.account = ? AND m.message_id = ?", key)
    return call
