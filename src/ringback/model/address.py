"""Which addresses a URL that a user gave may reach (contract section 5)."""

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# What `ipaddress` calls global, or knows by no name, and is no host on the Internet.
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address is in its last 32 bits
_NOWHERE = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # RFC 6890: protocol assignments; a cloud keeps its metadata there
    ipaddress.IPv4Network(
        "168.63.129.16/32"
    ),  # Azure's host, from inside it: a public address, and not on the Internet
    ipaddress.IPv4Network("192.88.99.0/24"),  # RFC 7526: the relays of 6to4
    ipaddress.IPv6Network("2001::/23"),  # IETF protocol assignments, Teredo among them
    ipaddress.IPv6Network("3fff::/20"),  # RFC 9637: documentation
)


def reachable(address: IpAddress, allowed: Sequence[IpNetwork]) -> bool:
    """Whether it is on the open Internet, or in a network that the operator allows.

    An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4) gets to where that one is, so it is judged by it.
    """
    carried = _carried(address)
    if any(address in network or (carried is not None and carried in network) for network in allowed):
        return True
    return _is_public(address if carried is None else carried)


def _carried(address: IpAddress) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_public(address: IpAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_6:
        return False
    special = address.is_multicast or address.is_reserved or any(address in network for network in _NOWHERE)
    return address.is_global and not special
