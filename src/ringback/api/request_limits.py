"""How many requests a second an account may make. Source: contract section 7, and issue 3's limits of accounts."""

from collections.abc import Callable

from ..model.account import Account
from ..model.message import AccountId
from ..model.rate import Until, spent
from .errors import too_many


class RequestLimits:
    """The buckets of the accounts that have a limit. Ringback is one process, so they are kept in memory."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[AccountId, Until] = {}

    def admit(self, account: Account) -> None:
        """Counts a request. Raises `ApiError` 429 with `Retry-After` when it is one too many, and does not count it."""
        most = account.limits.requests_per_second
        if most is None:
            return
        until, wait = spent(most, self._buckets.get(account.id, 0.0), self._clock())
        if wait:
            raise too_many(f"At most {most} requests a second", wait)
        self._buckets[account.id] = until

    def tidy(self) -> None:
        """Forgets full buckets: so as many are kept as accounts ask within a second."""
        now = self._clock()
        self._buckets = {account: until for account, until in self._buckets.items() if until > now}
