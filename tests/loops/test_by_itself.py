"""The rescuer, the pruner and the onlooker."""

import json
from pathlib import Path

import pytest

from ringback.audio.recordings import Recordings
from ringback.loops.onlooker import Onlooker
from ringback.loops.pruner import Pruner
from ringback.loops.rescuer import rescue
from ringback.model.account import Account
from ringback.model.times import HOUR
from ringback.store.sqlite import SqliteStore
from tests.loops.desk import Phone, Reported
from tests.store.builders import ANY, NOW, TERMS, a_bulk, an_account, an_end, take


async def test_what_was_ringing_gets_one_report_and_is_not_called_again(tmp_path: Path) -> None:
    before = SqliteStore(tmp_path)
    await before.open()
    one, two = await an_account(before), await an_account(before)
    for account in (one, two):
        await before.accept(account.id, a_bulk(f"b{account.id}", 3), NOW)
    ringing = await before.claim(4, NOW + 1)
    await before.finish(*an_end(ringing.pop()))
    await before.close()

    store = SqliteStore(tmp_path)
    await store.open()
    assert await rescue(store, TERMS, lambda: NOW + 99) == 3
    assert await rescue(store, TERMS, lambda: NOW + 99) == 0
    assert await store.unfinished() == []
    reports = []
    for account in (one, two):
        taken = await store.take(account.id, 100, ANY, NOW)
        reports += json.loads(b"[" + taken.reports + b"]")
    ends = {report["messageId"]: (report["status"]["id"], report["error"]["id"]) for report in reports}
    assert len(reports) == 4
    assert {call.message_id: ends.pop(call.message_id) for call in ringing} == {
        call.message_id: (22, 255) for call in ringing
    }
    assert list(ends.values()) == [(5, 5000)]
    assert len(await store.claim(10, NOW + 100)) == 2  # only what was never called
    await store.close()


async def test_the_report_of_a_rescued_call_says_when_it_was_placed(store: SqliteStore, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", 1), NOW)
    await store.claim(1, NOW + 1_000)
    await rescue(store, TERMS, lambda: NOW + 60_000)
    taken = await store.take(account.id, 1, ANY, NOW)
    report = json.loads(taken.reports)
    assert (report["sentAt"], report["doneAt"]) == ("2025-06-15T15:06:41.000+0000", "2025-06-15T15:07:40.000+0000")
    assert report["duration"] == 0


async def test_a_rescued_message_is_not_dispatched(store: SqliteStore, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", 1), NOW)
    await store.claim(1, NOW)
    await rescue(store, TERMS, lambda: NOW)
    engine = Phone(5)
    assert await Reported(store, engine).dispatcher.run_once() is False
    assert engine.placed == []


async def recorded(store: SqliteStore, account: Account, recordings: Recordings, count: int) -> list[Path]:
    """Finished messages, each with a recording on the disk; none collected."""
    await store.accept(account.id, a_bulk("b", count), NOW)
    paths = []
    for call in await store.claim(count, NOW):
        recording = recordings.open()
        recording.write(b"ab", b"cd")
        name = await recording.close()
        assert name is not None
        await store.finish(*an_end(call, recording=name))
        path = recordings.path(name)
        assert path is not None
        paths.append(path)
    return paths


async def test_recordings_go_with_their_reports(store: SqliteStore, account: Account, tmp_path: Path) -> None:
    recordings = Recordings(tmp_path / "recordings")
    paths = await recorded(store, account, recordings, 4)
    clock = [NOW + 1]
    pruner = Pruner(store, recordings, lambda: clock[0])
    assert len(await take(store, account.id, 3)) == 3
    assert await pruner.run_once() is False
    assert all(path.exists() for path in paths)
    clock[0] = NOW + 48 * HOUR + 1
    while await pruner.run_once():
        pass
    assert [path.exists() for path in paths] == [False, False, False, True]
    assert len(await take(store, account.id)) == 1
    recordings.stop()


async def test_a_recording_that_cannot_be_removed_keeps_none_of_the_others(
    store: SqliteStore, account: Account, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Stuck(Recordings):
        def remove(self, name: str) -> bool:
            if name == stuck:
                raise PermissionError(13, "not yours")
            return super().remove(name)

    recordings = Stuck(tmp_path / "recordings")
    paths = await recorded(store, account, recordings, 3)
    stuck = f"{paths[0].parent.name}/{paths[0].name}"
    await take(store, account.id)
    pruner = Pruner(store, recordings, lambda: NOW + 49 * HOUR)
    assert await pruner.run_once() is True
    assert [path.exists() for path in paths] == [True, False, False]
    said = capfd.readouterr()
    assert "could not be removed" in said.out + said.err
    recordings.stop()


async def test_the_onlooker_notices_another_processs_change(store: SqliteStore, tmp_path: Path) -> None:
    await an_account(store, "Aladdin")
    changes: list[int] = []
    store.on_accounts_changed = lambda: changes.append(1)
    onlooker = Onlooker(store)
    assert await onlooker.run_once() is False
    own = len(changes)
    visitor = SqliteStore(tmp_path, owner=False)
    await visitor.open()
    await visitor.change_account("Aladdin", key_hash=b"new")
    await visitor.close()
    assert len(changes) == own
    await onlooker.run_once()
    assert len(changes) == own + 1
    await onlooker.run_once()
    assert len(changes) == own + 1
