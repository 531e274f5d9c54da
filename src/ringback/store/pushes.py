"""The push queue as SQL. All run inside the caller's transaction.

A report whose message has a `notifyUrl` waits here instead of on the tape, and has no number there until it falls
back. Accounts take turns, and within an account its receivers: one that is slow holds up no other.
"""

from itertools import chain, zip_longest
from typing import Any

import apsw
import msgspec

from ..model.message import AccountId, Notify
from ..model.push import Push, place_of
from ..model.report import DeliveryReport, beside, tts3_json
from ..model.schedule import NEVER
from ..model.times import Instant
from . import tape
from .database import rows

AT_ONCE = 4
"""Reports of one receiver that are given by one look."""

_PLACES = 50  # receivers of one account that one look goes to


class Due(msgspec.Struct, frozen=True):
    """What one look found: the pushes to try, and when there will be something to find again."""

    pushes: list[Push]
    next_at: Instant


def add(db: apsw.Connection, account: AccountId, report: DeliveryReport, notify: Notify) -> None:
    """The report is to be pushed, at once."""
    db.execute(
        "INSERT INTO push (account, message_id, bulk_id, json, beside, url, form, version, place, since, due_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
        (
            account,
            report.message_id,
            report.bulk_id,
            tts3_json(report),
            beside(report),
            notify.url,
            notify.form,
            notify.version,
            place_of(notify.url),
            report.done_at,
        ),
    )


def due(db: apsw.Connection, each: int, now: Instant, turns: dict[AccountId, str]) -> Due:
    """What is due, up to about `each` of every account, the accounts in turn.

    `turns` remembers for each account at which receiver the next look begins.
    """
    found: list[list[Push]] = []
    next_at, account = NEVER, 0
    while row := db.execute(
        "SELECT account FROM push INDEXED BY push_due WHERE state = 'waiting' AND account > ? ORDER BY account LIMIT 1",
        (account,),
    ).fetchone():
        account = row[0]
        mine = _due(db, account, each, now, turns)
        found.append(mine.pushes)
        next_at = min(next_at, mine.next_at)
    return Due([push for lap in zip_longest(*found) for push in lap if push is not None], next_at)


def _due(db: apsw.Connection, account: AccountId, each: int, now: Instant, turns: dict[AccountId, str]) -> Due:
    turn = turns.pop(account, "")
    places = _places(db, account, turn)
    if len(places) < _PLACES and turn:
        places += [(place, at) for place, at in _places(db, account, "") if place <= turn]
    next_at, found = NEVER, 0
    lots: list[list[Push]] = []
    for place, due_at in places:
        if found >= each or len(lots) >= _PLACES:
            break
        next_at = min(next_at, due_at)
        if due_at <= now:
            lots.append(_of_place(db, account, place, now))
            found += len(lots[-1])
        turns[account] = place
    else:
        if len(places) < _PLACES:  # that was all of them
            turns.pop(account, None)
            return Due(_mixed(lots), next_at)
    return Due(_mixed(lots), now)  # there are more to look at


def _mixed(lots: list[list[Push]]) -> list[Push]:
    return [push for push in chain.from_iterable(zip_longest(*lots)) if push is not None]


def _places(db: apsw.Connection, account: AccountId, after: str) -> list[tuple[str, Instant]]:
    """The next receivers with something that waits, and when the first of it is due."""
    found: list[tuple[str, Instant]] = []
    while len(found) < _PLACES and (
        row := db.execute(
            "SELECT place, due_at FROM push INDEXED BY push_due WHERE state = 'waiting' AND account = ? AND place > ?"
            " ORDER BY place, due_at LIMIT 1",
            (account, after),
        ).fetchone()
    ):
        after = row[0]
        found.append((row[0], row[1]))
    return found


_PUSH = (
    "SELECT p.account, p.message_id, p.json, p.beside, p.url, p.form, p.version, p.place, p.tries, p.since,"
    " a.signing_secret, a.removed_at IS NOT NULL FROM push p {index} JOIN account a ON a.id = p.account"
    " WHERE p.state = 'waiting' AND "
)


def _of_place(db: apsw.Connection, account: AccountId, place: str, now: Instant) -> list[Push]:
    query = _PUSH.format(index="INDEXED BY push_due") + (
        "p.account = ? AND p.place = ? AND p.due_at <= ? ORDER BY p.due_at, p.message_id LIMIT ?"
    )
    return [_push(row) for row in rows(db, query, (account, place, now, AT_ONCE))]


def old(db: apsw.Connection, before: Instant, limit: int) -> list[Push]:
    """Those that wait since `before` or longer, the oldest first."""
    query = _PUSH.format(index="INDEXED BY push_since") + "p.since <= ? ORDER BY p.since LIMIT ?"
    return [_push(row) for row in rows(db, query, (before, limit))]


def _push(row: tuple[Any, ...]) -> Push:
    account, message_id, json, extra, url, form, version, place, tries, since, secret, removed = row
    notify = Notify(url, form, version)
    return Push(account, message_id, json, extra, notify, place, tries, since, secret, bool(removed))


def pushed(db: apsw.Connection, push: Push, now: Instant) -> None:
    """Its receiver has it: nobody pulls it any more."""
    db.execute(
        "UPDATE push SET state = 'pushed', pushed_at = ? WHERE account = ? AND message_id = ? AND state = 'waiting'",
        (now, *push.key),
    )


def again(db: apsw.Connection, push: Push, due_at: Instant) -> None:
    """One try more has failed; the next is at `due_at`."""
    db.execute(
        "UPDATE push SET tries = ?, due_at = ? WHERE account = ? AND message_id = ? AND state = 'waiting'",
        (push.tries + 1, due_at, *push.key),
    )


def fall_back(db: apsw.Connection, push: Push) -> bool:
    """It waits to be pulled instead, as the newest of its account. False when it waits no longer."""
    row = db.execute(
        "DELETE FROM push WHERE account = ? AND message_id = ? AND state = 'waiting' RETURNING bulk_id, json, beside",
        push.key,
    ).fetchone()
    if row is None:
        return False
    tape.put(db, push.account, row[0], push.message_id, row[1], row[2])
    return True
