"""What a setting's text may say: each reader gives the value, or raises `ValueError` with a reason."""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from .model.trunk import Trunk
from .model.voice import VoiceFile


class Address(msgspec.Struct, frozen=True):
    """Where HTTP is served: an IP address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine get there."""
        return ipaddress.ip_address(self.host).is_loopback

    def reachable(self) -> "Address":
        """Where a client on this machine finds it: 0.0.0.0 is not an address to call."""
        anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
        return Address(anywhere.get(self.host, self.host), self.port)


def read_address(text: str) -> Address:
    """`HOST:PORT`; the host is an IP address ([::1] in brackets) or localhost."""
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+)):([0-9]{1,5})", text.strip())
    if not found:
        raise ValueError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    host = found[1] or found[2].replace("localhost", "127.0.0.1")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{host!r} is not an IP address or localhost") from None
    return Address(host, _port(found[3]))


def read_url(text: str) -> str:
    """An http or https address that paths are put behind."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    else:
        usable = usable and not (parts.username or parts.query or parts.fragment)
    if not usable or re.search(r"[\s\"<>\\^`{|}]|[^!-~]", text):
        raise ValueError("not an address such as https://voice.example.com, without query, fragment and user")
    return text.rstrip("/")


def read_networks(text: str) -> tuple[str, ...]:
    """`none`, or networks (CIDR) and single addresses, separated by commas. Every one that is none is named."""
    if text.strip().lower() == "none":
        return ()
    words = [word.strip() for word in text.split(",")]
    faults = [fault for word in words if (fault := _network_fault(word))]
    if faults:
        raise ValueError("; ".join(faults))
    return tuple(str(ipaddress.ip_network(word)) for word in words)


def _network_fault(word: str) -> str | None:
    try:
        ipaddress.ip_network(word)
    except ValueError:
        pass
    else:
        return None
    try:
        return f"{word!r} names one host of a network; the network is {ipaddress.ip_network(word, strict=False)}"
    except ValueError:
        return f"{word!r} is not a network such as 10.1.0.0/16, and not none"


def read_trunk(text: str) -> Trunk | None:
    """`sandbox`, or `sip:user:password@host:port;transport=udp`. No error repeats it: it holds a password."""
    if text == "sandbox":
        return None
    found = re.fullmatch(
        r"sip:(?:(?P<user>[^:@;]+)(?::(?P<password>[^@;]*))?@)?(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)"
        r"(?::(?P<port>[0-9]{1,5}))?(?:;transport=(?P<transport>udp|tcp|tls))?",
        text,
    )
    if not found:
        raise ValueError(
            "neither sandbox nor sip:user:password@host:port;transport=udp (or tcp, tls); "
            "write @ : ; in the user or the password as %40 %3A %3B"
        )
    transport = found["transport"] or "udp"
    port = _port(found["port"]) if found["port"] else (5061 if transport == "tls" else 5060)
    return Trunk(found["host"].strip("[]"), port, transport, _word(found["user"]), _word(found["password"]))


def read_voices(text: str) -> tuple[VoiceFile, ...]:
    """`none`, or voice files of Piper's by language, separated by commas: `en=joe.onnx,de:female=/voices/eva.onnx`."""
    if text.strip().lower() == "none":
        return ()
    return tuple(_voice_file(word.strip()) for word in text.split(","))


def _voice_file(word: str) -> VoiceFile:
    found = re.fullmatch(r"([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*)(?::(male|female))?=(\S.*)", word)
    if not found:
        raise ValueError(f"{word!r} is not LANGUAGE=FILE, such as en=/voices/en_US-joe-medium.onnx, and not none")
    return VoiceFile(found[1].lower().replace("_", "-"), Path(found[3]), found[2])


def read_switch(text: str) -> bool:
    """true or false."""
    if text.lower() in ("true", "1", "yes", "on"):
        return True
    if text.lower() in ("false", "0", "no", "off"):
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def read_between(least: int, most: int) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def read_origins(text: str) -> tuple[str, ...]:
    """`none`, or web origins (RFC 6454) as browsers send them, separated by commas."""
    if text.strip().lower() == "none":
        return ()
    return tuple(_origin(word.strip()) for word in text.split(","))


def _origin(text: str) -> str:
    fault = ValueError(f"{text!r} is not an origin such as https://www.example.com, without a path; * is not possible")
    try:
        parts = urlsplit(read_url(text))
        port = parts.port
    except ValueError:
        raise fault from None
    if parts.path or text.endswith("/") or "*" in text or parts.hostname is None:
        raise fault
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def read_one_of(*words: str) -> Callable[[str], str]:
    """One of the words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is not {' or '.join(words)}")
        return text

    return read


def _port(text: str) -> int:
    if not 1 <= int(text) <= 65535:
        raise ValueError(f"port {text} is not from 1 to 65535")
    return int(text)


def _word(text: str | None) -> str | None:
    """A user or a password, percent-decoded; what would end it inside a SIP header is refused."""
    word = unquote(text) if text else None
    if word and re.search(r"[\x00-\x20\x7f\"<>]", word):
        raise ValueError("the user and the password may not hold spaces, control characters, quotes or < >")
    return word
