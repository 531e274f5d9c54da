"""The demonstration: the founding page's own account, and one call at the start, so that something can be collected."""

import structlog

from .api.auth import hash_password, is_password_of, new_api_key
from .model.account import Account
from .model.exceptions import AccountExists
from .model.ids import new_id
from .model.message import Bulk, Destination, Network, VoiceMessage
from .store.store import AccountRow, Store
from .welcome import DEMO_PASSWORD, DEMO_USER

NUMBER = "99900000101"
"""Rings somebody who presses 1. Country code 999 is held in reserve (ITU-T E.164): nobody has such a number."""

TEXT = "Hello. This is Ringback, phoning you to show that it works. Please press one."

_log = structlog.get_logger()


async def account(store: Store) -> Account:
    """The demonstration account, with its password that everybody knows."""
    password = hash_password(DEMO_PASSWORD)
    try:
        return await store.add_account(DEMO_USER, password, new_api_key()[1], "UTC")
    except AccountExists:
        await store.change_account(DEMO_USER, password_hash=password)
    row = await _row(store)
    assert row  # it exists, and only an administrator's hand could take it away meanwhile  # noqa: S101
    return row.account


async def lock(store: Store) -> None:
    """Outside a demonstration nobody gets in by the password that everybody knows; its key still works."""
    row = await _row(store)
    if row and is_password_of(row, DEMO_PASSWORD):
        await store.change_account(DEMO_USER, password_hash=hash_password(new_api_key()[0]))
        _log.warning("the demonstration account's password is locked: everybody knows it", account=DEMO_USER)


def bulk(network: Network) -> Bulk:
    """The demonstration's one message."""
    message = VoiceMessage(text=TEXT, record=True, max_dtmf=1)
    return Bulk(new_id(), network, ((message, (Destination(NUMBER, new_id()),)),))


async def _row(store: Store) -> AccountRow | None:
    return next((row for row in await store.accounts() if row.account.name == DEMO_USER), None)
