"""Opening: the schema is brought up to date, one process owns the folder, administration goes on beside it."""

import asyncio
import os
import subprocess
import sys
import threading
from importlib.resources import files
from pathlib import Path

import pytest

from ringback.model.exceptions import StoreInUse, StoreUnavailable
from ringback.store.database import FILE, Ownership, connect, migrate
from ringback.store.sqlite import SqliteStore
from tests.store.builders import NOW, a_bulk, an_account, an_end, take, with_reports
from tests.store.places import SqlitePlace

STEPS = len([step for step in files("ringback.store").joinpath("migrations").iterdir() if step.name.endswith(".sql")])
SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name"


@pytest.fixture
def place(tmp_path: Path) -> SqlitePlace:
    return SqlitePlace(tmp_path / "data")


async def test_a_fresh_folder_is_made_ready_and_for_its_owner_only(place: SqlitePlace) -> None:
    store = place.store()
    await store.open()
    assert await store.accounts() == []
    assert place.sql("PRAGMA user_version") == [(STEPS,)]
    assert place.sql("PRAGMA journal_mode") == [("wal",)]
    assert store._db.execute("PRAGMA synchronous").get == 2
    assert place.folder.stat().st_mode & 0o777 == 0o700
    await store.close()


async def test_an_existing_file_is_left_alone(place: SqlitePlace) -> None:
    store = place.store()
    await store.open()
    account = await an_account(store)
    await with_reports(store, account.id, "b", ["m"])
    await store.close()
    before = (place.folder / FILE).read_bytes()
    schema = place.sql(SCHEMA)
    await store.open()
    assert place.sql(SCHEMA) == schema
    await store.close()
    assert (place.folder / FILE).read_bytes() == before
    await store.open()
    assert await take(store, account.id) == ["m"]
    await store.close()


async def test_a_file_of_a_later_version_is_refused_by_its_number(place: SqlitePlace) -> None:
    store = place.store()
    await store.open()
    await store.close()
    place.sql("PRAGMA user_version = 77")
    before = (place.folder / FILE).read_bytes()
    with pytest.raises(StoreInUse, match=rf"later version .schema 77, known {STEPS}"):
        await store.open()
    assert (place.folder / FILE).read_bytes() == before
    place.sql(f"PRAGMA user_version = {STEPS}")
    await store.open()
    await store.close()


async def test_what_the_first_schema_kept_is_called_and_collected_by_the_latest(place: SqlitePlace) -> None:
    place.folder.mkdir()
    first = files("ringback.store").joinpath("migrations", "0001.sql").read_text()
    with place.connection() as db:
        db.execute(first)
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO account (id, name, zone, password_hash, key_hash) VALUES (1, 'a', 'UTC', 'p', x'00')")
        db.execute("INSERT INTO bulk VALUES (1, 'b', ?)", (NOW,))
        db.execute("INSERT INTO voice_message VALUES (1, 'b', 0, ?)", (b'{"text":"hi"}',))
        for n, state in enumerate(("pending", "calling")):
            db.execute(
                "INSERT INTO message (account, message_id, bulk_id, part, recipient, network, state, due_at)"
                " VALUES (1, ?, 'b', 0, '4179', 'sandbox', ?, ?)",
                (f"m{n}", state, NOW),
            )
    store = place.store()
    await store.open()
    assert [call.message_id for call in await store.unfinished()] == ["m1"]
    assert [call.message_id for call in await store.claim(9, NOW + 1)] == ["m0"]
    for call in await store.unfinished():
        await store.finish(*an_end(call))
    assert sorted(await take(store, 1)) == ["m0", "m1"]
    await store.close()


async def test_what_is_no_database_is_refused(place: SqlitePlace) -> None:
    place.folder.mkdir()
    (place.folder / FILE).write_bytes(b"no database at all " * 500)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await place.store().open()


OPEN = """
import asyncio, pathlib, sys
from ringback.store.sqlite import SqliteStore
async def main():
    store = SqliteStore(pathlib.Path({folder!r}), owner={owner})
    await store.open()
    print("open", flush=True)
    sys.stdin.readline()
    await store.close()
asyncio.run(main())
"""


def another(place: SqlitePlace, *, owner: bool) -> "subprocess.Popen[str]":
    program = OPEN.format(folder=str(place.folder), owner=owner)
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def ends(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = await asyncio.to_thread(process.communicate, "\n", 30)
    return process.returncode, out, err


async def test_processes_that_open_a_fresh_folder_at_once_agree(place: SqlitePlace) -> None:
    visitors = [another(place, owner=False) for _ in range(5)]
    owner = another(place, owner=True)
    for code, out, err in await asyncio.gather(*map(ends, [*visitors, owner])):
        assert (code, out) == (0, "open\n"), err
    assert place.sql("PRAGMA integrity_check") == [("ok",)]
    assert place.sql("PRAGMA user_version") == [(STEPS,)]


async def test_who_waits_for_anothers_migration_finds_it_done(place: SqlitePlace) -> None:
    place.folder.mkdir()
    first, second = connect(place.folder / FILE), connect(place.folder / FILE)
    waits = threading.Event()

    def wait_on(times: int) -> bool:
        waits.set()
        return True

    second.set_busy_handler(wait_on)
    first.execute("BEGIN IMMEDIATE")
    migrating = asyncio.create_task(asyncio.to_thread(migrate, second))
    assert await asyncio.to_thread(waits.wait, 20)
    first.execute(f"CREATE TABLE account (made_by_the_first); PRAGMA user_version = {STEPS}; COMMIT")
    await migrating
    assert place.sql("SELECT name FROM sqlite_schema") == [("account",)]
    first.close()
    second.close()


async def test_a_second_owner_is_refused_naming_the_first(place: SqlitePlace) -> None:
    store = place.store()
    await store.open()
    code, _, err = await ends(another(place, owner=True))
    assert code != 0
    assert f"{place.folder} is in use by the Ringback with process id {os.getpid()}" in err
    await store.close()
    assert (await ends(another(place, owner=True)))[:2] == (0, "open\n")


async def test_an_owner_that_was_killed_owns_nothing(place: SqlitePlace) -> None:
    first = another(place, owner=True)
    assert first.stdout
    assert await asyncio.to_thread(first.stdout.readline) == "open\n"
    with pytest.raises(StoreInUse, match=str(first.pid)):
        Ownership(place.folder).acquire(patience=0)
    first.kill()
    await asyncio.to_thread(first.communicate)
    store = place.store()
    await store.open()
    await store.close()


async def test_a_visitor_works_beside_the_owner(place: SqlitePlace) -> None:
    owner, visitor = place.store(), SqliteStore(place.folder, owner=False)
    await owner.open()
    await visitor.open()
    made = await visitor.add_account("a", "p", b"k", "UTC")
    assert [row.account for row in await owner.accounts()] == [made]
    await asyncio.gather(
        owner.accept(made.id, a_bulk("b", 3_000), NOW),
        *(visitor.add_account(f"n{n}", "", b"", "UTC") for n in range(9)),
    )
    assert place.ledger().pending == 3_000
    assert await visitor.remove_account("a", NOW) == 3_000
    assert place.ledger().waiting == 3_000
    await visitor.close()
    assert len(await owner.accounts()) == 9
    await owner.close()
