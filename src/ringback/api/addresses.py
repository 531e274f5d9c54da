"""Whose address a request comes from, also behind a proxy."""

import ipaddress
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MOST = 50  # addresses of an X-Forwarded-For that are looked at, from its end


def address_of(scope: Scope) -> str:
    """The client's address; empty where the server does not say."""
    client = scope.get("client")
    return str(client[0]) if client else ""


class BehindProxies:
    """Gives requests that a trusted proxy passes on the address that they came from.

    That is the last address of `X-Forwarded-For` that is no trusted proxy's: what stands before it was written by
    whoever sent the request. Where all are trusted, the first one is taken.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._trusts(_parsed(address_of(scope))):
            found = self._forwarded(scope)
            if found:
                scope["client"] = (found, 0)
        await self._app(scope, receive, send)

    def _forwarded(self, scope: Scope) -> str:
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        found = ""
        for text in reversed(",".join(lines).split(",")[-_MOST:]):
            address = _parsed(_without_port(text.strip()))
            if address is None:  # who wrote that is not known, and neither is what stands before it
                break
            found = str(address)
            if not self._trusts(address):
                break
        return found

    def _trusts(self, address: _Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _parsed(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _without_port(text: str) -> str:
    """`192.0.2.1:4711` and `[2001:db8::1]:4711`, as some proxies write them."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
