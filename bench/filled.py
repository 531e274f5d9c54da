"""A data folder with reports that wait, written as the product writes them, without the calls.

Each report is appended by the store's own code; only the tape is filled, for a take touches nothing else. Filling
goes on beside a running server, over a connection of its own, as administration does.
"""

import asyncio
from pathlib import Path

import apsw
import msgspec

from ringback.api.auth import hash_password, new_api_key
from ringback.config import SAMPLE_DECK
from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.ids import new_id
from ringback.model.message import Network, VoiceMessage
from ringback.model.report import DeliveryReport
from ringback.model.settle import Terms, report_of
from ringback.model.tariff import parse_deck
from ringback.store import tape
from ringback.store.database import FILE, connect
from ringback.store.sqlite import SqliteStore

PASSWORD = "open sesame"
_BULK = "b" * 36
_AT_ONCE = 20_000  # rows in a transaction, so that the log stays small


async def add_accounts(store: SqliteStore, *names: str) -> list[Account]:
    """Accounts with the password above."""
    return [await store.add_account(name, hash_password(PASSWORD), new_api_key()[1], "UTC") for name in names]


def prepare(folder: Path, *names: str) -> dict[str, int]:
    """A new data folder with these accounts: the store's numbers of them."""

    async def make() -> dict[str, int]:
        store = SqliteStore(folder)
        await store.open()
        made = await add_accounts(store, *names)
        await store.close()
        return {account.name: account.id for account in made}

    folder.mkdir(parents=True)
    return asyncio.run(make())


def sample() -> DeliveryReport:
    """A call that was answered, heard a key and was recorded."""
    message = VoiceMessage(text="Hello", max_dtmf=1, record=True)
    call = Call(Account(1, "bench"), _BULK, new_id(), 1, "385981178", Network.SANDBOX, message, 1_750_000_000_000)
    end = CallResult(
        Cause.ANSWERED,
        ended_at=1_750_000_009_000,
        answered_at=1_750_000_002_000,
        dtmf=("1",),
        recording="aa/aa.wav",
        file_seconds=3.2,
    )
    return report_of(call, end, Terms(parse_deck(SAMPLE_DECK.read_text("utf-8")), "http://127.0.0.1:8080"))


class Tape:
    """An account's tape in a data folder, seen from outside."""

    def __init__(self, folder: Path, account: int) -> None:
        self._db = connect(folder / FILE)
        self._db.set_busy_timeout(10_000)
        self._account = account
        self._sample = sample()

    def close(self) -> None:
        self._db.close()

    def append(self, count: int, bulk_id: str = _BULK) -> list[str]:
        """Puts so many fresh reports on the tape: their message ids."""
        ids = [new_id() for _ in range(count)]
        for start in range(0, count, _AT_ONCE):
            self._db.execute("BEGIN IMMEDIATE")
            for message_id in ids[start : start + _AT_ONCE]:
                report = msgspec.structs.replace(self._sample, message_id=message_id, bulk_id=bulk_id)
                tape.append(self._db, self._account, report)
            self._db.execute("COMMIT")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return ids

    def taken(self) -> int:
        """How many numbers were handed out."""
        return self._count("SELECT coalesce(sum(last - first + 1), 0) FROM taken WHERE account = ?")

    def takes(self) -> int:
        """How many takes gave something: an empty one is not written down."""
        return self._count("SELECT count(*) FROM take WHERE account = ?")

    def waiting(self) -> int:
        """How many reports are not handed out."""
        return self._count("SELECT last FROM tape WHERE account = ?") - self.taken()

    def _count(self, query: str) -> int:
        try:
            return int(self._db.execute(query, (self._account,)).get or 0)
        except apsw.BusyError:
            return self._count(query)
