"""What a call's two ends agree to send each other: SDP offers and answers (RFC 4566, RFC 3264)."""

import ipaddress
import re

import msgspec

from .wire import Address, SipError

PCMU, PCMA = 0, 8  # RFC 3551 section 6
_HOLD = "0.0.0.0"  # noqa: S104 - where RFC 2543 sent to on hold; nothing is bound to it
_OUR_KEYS = 101  # what we call telephone-event where we are the one who offers
_LINES = re.compile(r"[^\r\n]+")
_MEDIA = re.compile(r"m=(\S+) ([0-9]{1,5})(?:/[0-9]+)? (\S+)((?: \S+)*) *")
_RTPMAP = re.compile(r"a=rtpmap:([0-9]{1,3}) ([A-Za-z0-9\-]+)/([0-9]+).*")
_CONNECTION = re.compile(r"c=IN IP4 ([0-9.]+).*")
_MIRRORED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


class Agreement(msgspec.Struct, frozen=True):
    """Where our media goes and what it is: `codec` PCMU or PCMA, `keys` the payload type of telephone-event."""

    to: Address
    codec: int
    keys: int | None
    direction: str  # ours
    refused: tuple[tuple[int, str], ...] = ()  # other media of the offer: their place and what they were

    @property
    def sends(self) -> bool:
        """Whether we may send: not on hold, neither the old way (0.0.0.0) nor the new one (RFC 3264 section 8.4)."""
        return self.direction in ("sendrecv", "sendonly") and self.to[0] != _HOLD and self.to[1] > 0


class _Section(msgspec.Struct):
    kind: str
    port: int
    protocol: str
    formats: str
    lines: list[str]


def agree(sdp: bytes) -> Agreement:
    """What we make of an offer, or of an answer to ours. Raises `SipError` 488 when there is nothing to agree on."""
    lines = _LINES.findall(sdp.decode("utf-8", "replace"))
    session, sections = _sections(lines)
    for place, section in enumerate(sections):
        agreed = _audio(section, session)
        if agreed:
            others = [(n, _closed(s)) for n, s in enumerate(sections) if n != place]
            return msgspec.structs.replace(agreed, refused=tuple(others))
    raise SipError("no audio that we could speak or hear", 488)


def _sections(lines: list[str]) -> tuple[list[str], list[_Section]]:
    session: list[str] = []
    sections: list[_Section] = []
    for line in lines:
        if not line.startswith("m="):
            (sections[-1].lines if sections else session).append(line)
        elif (found := _MEDIA.fullmatch(line)) and int(found[2]) < 65_536:
            sections.append(_Section(found[1], int(found[2]), found[3], found[4].strip(), []))
        else:
            raise SipError("an m= line that can't be read", 488)
    return session, sections


def _audio(section: _Section, session: list[str]) -> Agreement | None:
    host = _connection(section.lines) or _connection(session)
    if section.kind != "audio" or section.protocol != "RTP/AVP" or not section.port or not host:
        return None
    formats = [int(f) for f in section.formats.split() if re.fullmatch("[0-9]{1,3}", f)]
    names = {PCMU: "PCMU/8000", PCMA: "PCMA/8000"} | _mapped(section.lines)
    codec = next((f for f in formats if f in (PCMU, PCMA) and names[f] in ("PCMU/8000", "PCMA/8000")), None)
    if codec is None:
        return None
    keys = next((f for f in formats if names.get(f) == "TELEPHONE-EVENT/8000" and 96 <= f < 128), None)
    return Agreement((host, section.port), codec, keys, _direction(session, section.lines))


def _mapped(lines: list[str]) -> dict[int, str]:
    maps = filter(None, map(_RTPMAP.fullmatch, lines))
    return {int(found[1]): f"{found[2].upper()}/{found[3]}" for found in maps}


def _connection(lines: list[str]) -> str | None:
    found = next(filter(None, map(_CONNECTION.fullmatch, lines)), None)
    try:
        return str(ipaddress.IPv4Address(found[1])) if found else None
    except ValueError:
        return None


def _direction(session: list[str], media: list[str]) -> str:
    stated = [line[2:] for line in (*media, *session) if line[2:] in _MIRRORED and line.startswith("a=")]
    return _MIRRORED[stated[0]] if stated else "sendrecv"


def _closed(section: _Section) -> str:
    return f"m={section.kind} 0 {section.protocol} {section.formats or '0'}"


def describe(here: Address, agreed: Agreement | None, version: int) -> bytes:
    """Our answer to what was offered, or our offer where nothing was (RFC 3264 sections 5 and 6)."""
    media = dict(agreed.refused) if agreed else {}
    ours = next(n for n in range(len(media) + 1) if n not in media)
    media[ours] = _our_audio(here[1], agreed)
    lines = [
        "v=0",
        f"o=- {here[1]} {version} IN IP4 {here[0]}",
        "s=-",
        f"c=IN IP4 {here[0]}",
        "t=0 0",
        *(media[n] for n in sorted(media)),
        "",
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


def _our_audio(port: int, agreed: Agreement | None) -> str:
    codecs = [agreed.codec] if agreed else [PCMU, PCMA]
    keys = agreed.keys if agreed else _OUR_KEYS
    formats = codecs + ([keys] if keys is not None else [])
    lines = [f"m=audio {port} RTP/AVP {' '.join(map(str, formats))}"]
    lines += [f"a=rtpmap:{codec} {'PCMU' if codec == PCMU else 'PCMA'}/8000" for codec in codecs]
    if keys is not None:
        lines += [f"a=rtpmap:{keys} telephone-event/8000", f"a=fmtp:{keys} 0-15"]
    return "\r\n".join([*lines, "a=ptime:20", f"a={agreed.direction if agreed else 'sendrecv'}"])
