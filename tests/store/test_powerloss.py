"""The power is cut at every moment of a short history: what was said holds, and nothing is lost.

One run of the history shows all its moments: at each write and each sync the disk says what would survive there.
"""

import random
from pathlib import Path

import pytest

from ringback.store.sqlite import SqliteStore
from tests.store.history import Acknowledged, History, check
from tests.store.places import SqlitePlace
from tests.store.powerloss import Disk, restore

Moment = tuple[str, dict[str, bytes], Acknowledged]


def checkpoint_often(store: SqliteStore) -> None:
    store._db.execute("PRAGMA wal_autocheckpoint = 12")  # so that a short history sees the log go round


async def moments(disk: Disk, folder: Path, torn: random.Random | None = None) -> list[Moment]:
    """What would survive at each moment of the history, with what had been said until then."""
    seen: list[Moment] = []
    history = History()

    def look(operation: str, file: str) -> None:
        if operation != "read":
            seen.append((f"{operation} {file}", disk.survivors(torn), history.copy()))

    disk.hook = look
    await history.run(SqlitePlace(folder, disk.name), checkpoint_often)
    look("end", "")
    disk.hook = None
    return seen


def told_apart(seen: list[Moment]) -> list[Moment]:
    """Moments at which the disk holds the same and the same was said are one."""
    return [now for before, now in zip([None, *seen], seen, strict=False) if before is None or now[1:] != before[1:]]


async def check_all(seen: list[Moment], folder: Path) -> None:
    for number, (moment, files, said) in enumerate(seen):
        restore(files, folder / str(number))
        try:
            await check(folder / str(number), said)
        except BaseException as fault:
            fault.add_note(f"the power was cut at moment {number}, before: {moment}; said: {said}")
            raise


async def test_power_is_cut_at_every_moment(disk: Disk, tmp_path: Path) -> None:
    seen = await moments(disk, tmp_path / "data")
    kinds = {moment for moment, _, _ in seen}
    assert {"write ringback.db", "sync ringback.db", "write ringback.db-wal", "synced ringback.db-wal"} <= kinds
    apart = told_apart(seen)
    assert len(apart) > 80
    await check_all(apart, tmp_path / "after")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(8))
async def test_power_is_cut_and_writes_are_torn(disk: Disk, tmp_path: Path, seed: int) -> None:
    seen = await moments(disk, tmp_path / "data", random.Random(seed))
    await check_all(told_apart(seen), tmp_path / "after")


async def test_the_disk_forgets_what_was_not_synced(disk: Disk, tmp_path: Path) -> None:
    """The measure measured: with synchronous=OFF the same history does not hold."""

    def careless(store: SqliteStore) -> None:
        store._db.execute("PRAGMA synchronous = OFF")

    history = History()
    await history.run(SqlitePlace(tmp_path / "data", disk.name), careless)
    restore(disk.survivors(), tmp_path / "after")
    with pytest.raises(AssertionError):
        await check(tmp_path / "after", history.said)
