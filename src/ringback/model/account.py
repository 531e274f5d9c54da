"""Accounts: who sends, collects and pays."""

from typing import Literal, TypeAlias

import msgspec

from .message import AccountId
from .number import zones_of
from .schedule import UTC_ONLY, DeliveryTimeWindow, Zones


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an account may do at most; None is no limit of its own.

    Requests a second, destinations that wait to be called, calls at once.
    """

    requests_per_second: int | None = None
    waiting: int | None = None
    channels: int | None = None


NO_LIMITS = Limits()

Windows: TypeAlias = Literal["utc", "destination"]
"""In whose time delivery windows are."""


class Account(msgspec.Struct, frozen=True):
    """One customer.

    `zone` is the IANA name of the time zone that its reports are written in; `windows` says in whose time its
    delivery windows are: UTC, or every zone that the destination may be in.
    """

    id: AccountId
    name: str
    zone: str = "UTC"
    windows: Windows = "utc"
    limits: Limits = NO_LIMITS

    def zones(self, window: DeliveryTimeWindow | None, number: str) -> Zones:
        """The time zones in which a delivery window must be open for a number (contract section 2)."""
        return zones_of(number) if window and self.windows == "destination" else UTC_ONLY
