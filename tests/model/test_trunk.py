"""Trunks: the password shows nowhere."""

import pytest
from rich.pretty import pretty_repr

from ringback.model.trunk import Trunk

TRUNK = Trunk("sip.example.org", 5060, user="me", password="open sesame")


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{!r}".format, pretty_repr, lambda trunk: repr([trunk])])
def test_the_password_shows_nowhere(shown: object) -> None:
    text = shown(TRUNK)  # type: ignore[operator]
    assert "sesame" not in text
    assert "sip:me@sip.example.org:5060;transport=udp" in text


@pytest.mark.parametrize(
    ("host", "address", "loopback"),
    [
        ("127.0.0.1", "127.0.0.1:5060", True),
        ("127.9.9.9", "127.9.9.9:5060", True),
        ("::1", "[::1]:5060", True),
        ("2001:db8::1", "[2001:db8::1]:5060", False),
        ("LocalHost", "LocalHost:5060", True),
        ("192.0.2.1", "192.0.2.1:5060", False),
        ("localhost.example", "localhost.example:5060", False),
    ],
)
def test_address(host: str, address: str, loopback: bool) -> None:
    trunk = Trunk(host, 5060, "tcp")
    assert (trunk.address, trunk.is_loopback) == (address, loopback)
    assert str(trunk) == f"sip:{address};transport=tcp"
