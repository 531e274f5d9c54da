"""Sessions: begun, found, used, ended; by token hash, each its account's."""

import asyncio

import pytest

from ringback.model.account import Account
from ringback.model.exceptions import NoSuchAccount
from ringback.model.times import HOUR, MINUTE
from ringback.store.sessions import MOST, WRITTEN_LATE
from ringback.store.store import SessionRow, Store
from tests.store.builders import NOW, an_account
from tests.store.places import Place

TOKEN = b"t" * 32


async def begin(store: Store, account: Account, token: bytes = TOKEN, now: int = NOW) -> list[bytes]:
    return await store.add_session(account.id, f"hash of {account.name}", token, now)


async def test_a_session_is_found_by_its_account_and_token(store: Store, account: Account) -> None:
    other = await an_account(store)
    assert await begin(store, account) == []
    assert await store.session(account.id, TOKEN) == SessionRow(account, NOW)
    assert await store.session(other.id, TOKEN) is None
    assert await store.session(account.id, b"u" * 32) is None


async def test_it_survives_a_restart(store: Store, account: Account) -> None:
    await begin(store, account)
    await store.use_session(account.id, TOKEN, NOW + MINUTE)
    await store.close()
    await store.open()
    assert await store.session(account.id, TOKEN) == SessionRow(account, NOW + MINUTE)


async def test_a_use_never_goes_back(store: Store, account: Account) -> None:
    await begin(store, account)
    await store.use_session(account.id, TOKEN, NOW - HOUR)
    row = await store.session(account.id, TOKEN)
    assert row
    assert row.used_at == NOW


async def test_it_is_ended_once_and_another_accounts_is_not(store: Store, account: Account) -> None:
    other = await an_account(store)
    await begin(store, account)
    assert await store.end_session(other.id, TOKEN) is False
    assert await store.session(account.id, TOKEN)
    assert await store.end_session(account.id, TOKEN) is True
    assert await store.session(account.id, TOKEN) is None
    assert await store.end_session(account.id, TOKEN) is False


async def test_another_password_or_a_removal_ends_it_another_key_does_not(store: Store, place: Place) -> None:
    a, b, c = [await an_account(store, name) for name in "abc"]
    for account in (a, b, c):
        await begin(store, account)
    await store.change_account("a", password_hash="new")
    await store.change_account("b", key_hash=b"new", limits={"waiting": 3})
    await store.remove_account("c", NOW)
    assert await store.session(a.id, TOKEN) is None
    assert await store.session(b.id, TOKEN)
    assert await store.session(c.id, TOKEN) is None
    assert place.sql("SELECT account FROM session") == [(b.id,)]


async def test_none_begins_with_a_password_that_is_no_more(store: Store, place: Place) -> None:
    account = await an_account(store, "a")
    await store.change_account("a", password_hash="new")
    with pytest.raises(NoSuchAccount):
        await begin(store, account)
    assert await store.add_session(account.id, "new", TOKEN, NOW) == []
    await store.remove_account("a", NOW)
    with pytest.raises(NoSuchAccount):
        await store.add_session(account.id, "new", TOKEN, NOW)
    assert place.sql("SELECT count(*) FROM session") == [(0,)]


async def test_the_one_used_longest_ago_gives_way(store: Store, account: Account, place: Place) -> None:
    other = await an_account(store)
    await begin(store, other)
    tokens = [n.to_bytes(32, "big") for n in range(MOST)]
    await asyncio.gather(*(begin(store, account, token, NOW + n) for n, token in enumerate(tokens)))
    await store.use_session(account.id, tokens[0], NOW + HOUR)
    assert await begin(store, account, TOKEN, NOW - HOUR) == [tokens[1]]  # a clock that stepped back
    assert await store.session(account.id, tokens[0])
    assert await store.session(account.id, TOKEN)
    assert place.sql("SELECT count(*) FROM session WHERE account = ?", account.id) == [(MOST,)]
    assert await store.session(other.id, TOKEN)


async def test_idle_ones_are_forgotten(store: Store, account: Account, place: Place) -> None:
    await begin(store, account)
    await begin(store, account, b"u" * 32, NOW + 1)
    await store.prune(NOW + HOUR + WRITTEN_LATE)
    assert place.sql("SELECT count(*) FROM session") == [(2,)]
    await store.prune(NOW + HOUR + WRITTEN_LATE + 1)
    assert place.sql("SELECT token_hash FROM session") == [(b"u" * 32,)]
