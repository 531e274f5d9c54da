"""Trunks: where calls go out."""

import ipaddress
from typing import Any

import msgspec


class Trunk(msgspec.Struct, frozen=True):
    """The SIP account that calls go out by. The password never shows in a repr, an error or a log."""

    host: str
    port: int
    transport: str = "udp"
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"<Trunk {self}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Rich's way round `__repr__`; msgspec's own would show every field."""
        return [("uri", str(self))]

    def __str__(self) -> str:
        """As configured, the password left out."""
        user = f"{self.user}@" if self.user else ""
        return f"sip:{user}{self.address};transport={self.transport}"

    @property
    def address(self) -> str:
        """`host:port`, as it stands in a SIP URI (RFC 3261 section 19.1.1: an IPv6 address in brackets)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"
