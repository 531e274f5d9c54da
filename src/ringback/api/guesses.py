"""Wrong passwords: who guesses is slowed down, and nobody else. Source: issue 3, item 11.

A guess is of a pair: an address, and a user, whether there is such a user or not. A pair that was wrong within the
last minute is slowed when its address, or its user, has had ten wrong passwords within it. A pair that was not may
try once: so the same user from elsewhere and others at the same address are not held up, and whoever has many
addresses has one guess a minute from each. An address that was wrong with ten users within the minute may try no
further ones: that is somebody who tries one password on everybody.
"""

import hashlib
import ipaddress
import secrets
from collections.abc import Callable
from functools import lru_cache

from .errors import too_many

MOST = 10
WITHIN_S = 60.0
MOST_KEPT = 10_000  # of each kind: more than can be wrong in a minute, at some 10 ms a guess and two at once

_KEYS = "\0"  # stands for a user where an API key or a token was wrong: no user is called so


class _Tally:
    """The moments of the last wrong guesses of each key, oldest key first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._moments: dict[bytes, tuple[float, ...]] = {}

    def wait(self, key: bytes, now: float) -> float:
        """Seconds until there will be fewer than `most` within a minute; 0.0 when there are."""
        moments = self._moments.get(key, ())
        if len(moments) < self._most:
            return 0.0
        return max(moments[0] + WITHIN_S - now, 0.0)

    def add(self, key: bytes, now: float) -> None:
        moments = self._moments.pop(key, ())
        self._moments[key] = (*moments[max(len(moments) - self._most + 1, 0) :], now)
        if len(self._moments) > MOST_KEPT:
            del self._moments[next(iter(self._moments))]


class Guesses:
    """What was wrong lately. Kept in memory, bounded, by hashes: what strangers type is not kept."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._pairs, self._addresses, self._users, self._sprays = _Tally(1), _Tally(MOST), _Tally(MOST), _Tally(MOST)

    def check(self, address: str, user: str) -> None:
        """Raises `ApiError` 429 with `Retry-After` when this pair has to wait."""
        now = self._clock()
        pair, whence, who = self._keys(address, user)
        if self._pairs.wait(pair, now):
            wait = max(self._addresses.wait(whence, now), self._users.wait(who, now))
        else:
            wait = self._sprays.wait(whence, now)
        if wait:
            raise too_many("Too many wrong passwords", wait)

    def wrong(self, address: str, user: str) -> None:
        """Notes a wrong password."""
        now = self._clock()
        pair, whence, who = self._keys(address, user)
        if not self._pairs.wait(pair, now):
            self._sprays.add(whence, now)
        self._pairs.add(pair, now)
        self._addresses.add(whence, now)
        self._users.add(who, now)

    def wrong_key(self, address: str) -> None:
        """Notes a wrong API key or token, which counts for its address.

        Raises `ApiError` 429 with `Retry-After` in the place of a 401 when there were too many. A right one is never
        held up: nobody guesses 256 random bits, and looking one up costs next to nothing.
        """
        now = self._clock()
        pair, whence, _ = self._keys(address, _KEYS)
        wait = self._pairs.wait(pair, now) and self._addresses.wait(whence, now)
        if wait:
            raise too_many("Too many wrong keys", wait)
        self._pairs.add(pair, now)
        self._addresses.add(whence, now)

    def _keys(self, address: str, user: str) -> tuple[bytes, bytes, bytes]:
        whence = network_of(address)
        return self._hash(f"{whence}\0{user}"), self._hash(whence), self._hash(user)

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(errors="surrogatepass"), key=self._key, digest_size=16).digest()


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What one customer has: an IPv4 address, or the /64 that an IPv6 address is in (RFC 6177)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
