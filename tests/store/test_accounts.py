"""Accounts: added, listed, changed and removed, by this process or by another one."""

import asyncio
import subprocess
import sys

import pytest

from ringback.model.account import Account, Limits
from ringback.model.exceptions import AccountExists, NoSuchAccount
from ringback.model.message import AccountId
from ringback.model.status import CANCELLED
from ringback.store.sqlite import SqliteStore
from ringback.store.store import AccountRow, Store
from tests.store.builders import NOW, a_bulk, an_account, an_end, take, with_reports
from tests.store.places import Place


async def test_accounts_are_listed_by_name(store: Store) -> None:
    made = {name: await store.add_account(name, f"p-{name}", name.encode(), "Europe/Zagreb") for name in "cab"}
    assert await store.accounts() == [AccountRow(made[name], f"p-{name}", name.encode()) for name in "abc"]
    assert made["a"] == Account(made["a"].id, "a", "Europe/Zagreb")
    await store.close()
    await store.open()
    assert [row.account for row in await store.accounts()] == [made[name] for name in "abc"]


async def test_a_name_is_given_once(store: Store) -> None:
    first = await store.add_account("a", "p", b"k", "UTC")
    with pytest.raises(AccountExists, match="'a'"):
        await store.add_account("a", "other", b"other", "UTC")
    assert await store.accounts() == [AccountRow(first, "p", b"k")]


async def test_changing_sets_what_is_given(store: Store) -> None:
    account = await store.add_account("a", "p", b"k", "UTC")
    await an_account(store, "b")
    await store.change_account("a", password_hash="p2", key_hash=None)
    assert (await store.accounts())[0] == AccountRow(account, "p2", b"k")
    await store.change_account("a", password_hash=None, key_hash=b"k2")
    assert (await store.accounts())[0] == AccountRow(account, "p2", b"k2")
    assert (await store.accounts())[1].key_hash == b"key of b"


async def test_who_is_not_there_is_neither_changed_nor_removed(store: Store) -> None:
    with pytest.raises(NoSuchAccount, match="'nobody'"):
        await store.change_account("nobody", password_hash="p", key_hash=None)
    with pytest.raises(NoSuchAccount, match="'nobody'"):
        await store.remove_account("nobody", NOW)
    await an_account(store, "a")
    await store.remove_account("a", NOW)
    with pytest.raises(NoSuchAccount):
        await store.change_account("a", password_hash="p", key_hash=None)
    with pytest.raises(NoSuchAccount):
        await store.remove_account("a", NOW)


async def test_removing_cancels_what_was_not_called_each_with_its_report(store: Store, place: Place) -> None:
    account, other = await an_account(store, "a"), await an_account(store)
    await store.accept(account.id, a_bulk("b", 1_203), NOW)
    await store.accept(other.id, a_bulk("b", 2), NOW)
    calls = [call for call in await store.claim(4, NOW) if call.account == account]
    ringing, ended = calls[:1], calls[1:]
    for call in ended:
        await store.finish(*an_end(call))
    arrived: list[AccountId] = []
    store.on_arrival = arrived.append
    assert await store.remove_account("a", NOW + 5) == 1_203 - len(calls)
    assert set(arrived) == {account.id}
    assert [row.account for row in await store.accounts()] == [other]
    assert (place.ledger().whole, place.ledger().waiting) == (True, 1_202)
    cancelled = place.sql("SELECT json FROM report WHERE account = ? AND number > ?", account.id, len(ended))
    assert all(f'"id":{CANCELLED.id},' in body for (body,) in cancelled)
    assert {call.account for call in await store.claim(9, NOW + 5)} <= {other}
    await store.finish(*an_end(ringing[0]))  # what rings goes on to its report
    assert place.ledger().waiting == 1_203


async def test_a_name_comes_back_as_another_account(store: Store) -> None:
    first = await an_account(store, "a")
    await with_reports(store, first.id, "b", ["m"])
    await store.remove_account("a", NOW)
    second = await an_account(store, "a")
    assert second.id != first.id
    assert await take(store, second.id) == []
    assert await store.accept(second.id, a_bulk("b", ["m"]), NOW) == set()


async def test_a_removal_cut_short_is_finished_by_the_next_owner(store: Store, place: Place) -> None:
    """The process that removed died between two slices of the cancelling: nobody is called for it any more."""
    account = await an_account(store, "a")
    await store.accept(account.id, a_bulk("b", 1_200), NOW)
    arrived = asyncio.Event()
    store.on_arrival = lambda account: arrived.set()
    removing = asyncio.create_task(store.remove_account("a", NOW))
    await arrived.wait()
    removing.cancel()
    await asyncio.gather(removing, return_exceptions=True)
    await store.close()
    assert place.ledger().pending > 0
    await store.open()
    assert await store.claim(9, NOW) == []
    ledger = place.ledger()
    assert (ledger.pending, ledger.waiting) == (0, 1_200)


async def test_changes_by_this_process_are_told(store: Store) -> None:
    told: list[str] = []
    store.on_accounts_changed = lambda: told.append("changed")
    await an_account(store, "a")
    assert len(told) == 1
    await store.change_account("a", password_hash="p", key_hash=None)
    assert len(told) == 2
    await store.remove_account("a", NOW)
    assert len(told) == 3


CHANGE = """
import asyncio
{store}
async def main():
    await store.open()
    {statement}
    await store.close()
asyncio.run(main())
"""
BY_ANOTHER = {
    "add": "await store.add_account('new', 'p', b'k', 'UTC')",
    "change": "await store.change_account('a', password_hash='changed', key_hash=None)",
    "remove": "await store.remove_account('a', 1)",
}


@pytest.mark.parametrize("statement", BY_ANOTHER.values(), ids=BY_ANOTHER.keys())
async def test_changes_by_another_process_are_told(store: SqliteStore, place: Place, statement: str) -> None:
    account = await an_account(store, "a")
    await store.accept(account.id, a_bulk("b", 2), NOW)
    told: list[str] = []
    store.on_accounts_changed = lambda: told.append("changed")
    await store.look()
    assert told == []  # what this process wrote is no news
    program = CHANGE.format(store=place.administration(), statement=statement)
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=True, timeout=30)
    await store.look()
    assert told == ["changed"]
    await store.look()
    assert told == ["changed"]
    rows = {row.account.name: row.password_hash for row in await store.accounts()}
    expected = {"add": {"a": "hash of a", "new": "p"}, "change": {"a": "changed"}, "remove": {}}
    kind = next(kind for kind, text in BY_ANOTHER.items() if text == statement)
    assert rows == expected[kind]


async def test_administration_gets_its_turn_beside_a_busy_owner(store: Store, place: Place) -> None:
    """Another process writes while this one commits without a pause: both get on."""
    account = await an_account(store)
    statement = "[await store.add_account(f'n{i}', 'p', b'k', 'UTC') for i in range(5)]"
    program = CHANGE.format(store=place.administration(), statement=statement)
    other = asyncio.create_task(
        asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=True, timeout=40)
    )
    rounds = 0
    while not other.done():
        await asyncio.gather(*(store.accept(account.id, a_bulk(f"{rounds}.{n}", 20), NOW) for n in range(4)))
        rounds += 1
    await other
    assert rounds > 10
    assert len(await store.accounts()) == 6


async def test_windows_limits_and_signing_secret_are_kept_and_changed(store: Store, place: Place) -> None:
    limits = Limits(requests_per_second=5, waiting=100)
    made = await store.add_account("a", "p", b"k", "UTC", windows="destination", limits=limits, signing_secret="s3cret")
    assert made == Account(made.id, "a", "UTC", "destination", limits)
    assert await store.accounts() == [AccountRow(made, "p", b"k", signs=True)]
    await store.change_account("a", limits={"waiting": None, "channels": 2}, windows="utc")
    (row,) = await store.accounts()
    assert row == AccountRow(Account(made.id, "a", limits=Limits(5, None, 2)), "p", b"k", signs=True)
    assert place.sql("SELECT signing_secret FROM account") == [("s3cret",)]
    await store.change_account("a", signing_secret="")
    assert place.sql("SELECT signing_secret FROM account") == [(None,)]
    assert [row.signs for row in await store.accounts()] == [False]
    await store.change_account("a", limits=dict.fromkeys(("requests_per_second", "channels")))
    assert (await store.accounts())[0].account == Account(made.id, "a")
