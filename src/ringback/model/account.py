"""Accounts: who sends, collects and pays."""

import msgspec

from .message import AccountId


class Account(msgspec.Struct, frozen=True):
    """One customer. `zone` is the IANA name of the time zone that its reports are written in."""

    id: AccountId
    name: str
    zone: str = "UTC"
