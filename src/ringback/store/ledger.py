"""The ledger: how many messages of each kind, each counted for itself, all in one statement and so at one moment."""

import apsw

from ..model.message import AccountId
from .database import rows
from .store import Ledger

_TAKEN = (
    "coalesce((SELECT t.last FROM taken t WHERE t.account = ?1 AND t.first <= r.number"
    " ORDER BY t.first DESC LIMIT 1), 0) >= r.number"
)

# accepted, pending, waiting (to be collected, and to be pushed), collected, pushed
_PUSH_OF_ACCOUNT = "SELECT count(*) FROM push INDEXED BY push_bulk WHERE account = ?1"
_OF_ACCOUNT = f"""
SELECT (SELECT count(*) FROM message INDEXED BY message_log WHERE account = ?1),
       (SELECT count(*) FROM message INDEXED BY message_due WHERE state = 'pending' AND account = ?1)
       + (SELECT count(*) FROM message INDEXED BY message_calling WHERE state = 'calling' AND account = ?1),
       (SELECT count(*) FROM report r INDEXED BY report_message WHERE account = ?1 AND NOT {_TAKEN})
       + ({_PUSH_OF_ACCOUNT} AND state = 'waiting'),
       (SELECT count(*) FROM report r INDEXED BY report_message WHERE account = ?1 AND {_TAKEN}),
       ({_PUSH_OF_ACCOUNT} AND state = 'pushed')
"""
_MESSAGES = "message m INDEXED BY message_bulk"
_REPORTS = (
    f"{_MESSAGES} CROSS JOIN report r INDEXED BY report_message ON r.account = ?1 AND r.message_id = m.message_id"
)
_PUSH_OF_BULK = f"{_PUSH_OF_ACCOUNT} AND bulk_id = ?2"
_OF_BULK = f"""
SELECT (SELECT count(*) FROM {_MESSAGES} WHERE m.account = ?1 AND m.bulk_id = ?2),
       (SELECT count(*) FROM {_MESSAGES} WHERE m.account = ?1 AND m.bulk_id = ?2 AND m.state <> 'done'),
       (SELECT count(*) FROM {_REPORTS} WHERE m.account = ?1 AND m.bulk_id = ?2 AND NOT {_TAKEN})
       + ({_PUSH_OF_BULK} AND state = 'waiting'),
       (SELECT count(*) FROM {_REPORTS} WHERE m.account = ?1 AND m.bulk_id = ?2 AND {_TAKEN}),
       ({_PUSH_OF_BULK} AND state = 'pushed')
"""


def count(db: apsw.Connection, account: AccountId, bulk_id: str | None) -> Ledger | None:
    """The account's messages, or those of one of its bulks; None when it has none of that id."""
    if bulk_id is None:
        return _ledger(db, _OF_ACCOUNT, (account,))
    key = (account, bulk_id)
    if db.execute("SELECT 1 FROM bulk WHERE account = ? AND bulk_id = ?", key).get is None:
        return None
    return _ledger(db, _OF_BULK, key)


def _ledger(db: apsw.Connection, query: str, values: tuple[AccountId] | tuple[AccountId, str]) -> Ledger:
    ((accepted, pending, waiting, collected, pushed),) = rows(db, query, values)
    return Ledger(accepted, pending, waiting, collected, pushed)
