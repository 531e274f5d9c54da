"""SIP on the wire: messages read from datagrams and written to them (RFC 3261 section 7).

What arrives is a stranger's: everything here raises `SipError` and nothing else, whatever the bytes are.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias
from urllib.parse import unquote

import msgspec

Address: TypeAlias = tuple[str, int]
Header: TypeAlias = tuple[str, str]

MAGIC = "z9hG4bK"  # every branch of RFC 3261 begins with it (section 8.1.1.7)
_LONGEST = 32_768  # bytes of a message
_MOST_HEADERS = 200
_LONGEST_HEADER = 4_096
_DEFAULT_PORT = 5060

_COMPACT = {  # RFC 3261 section 7.3.3
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
}
_WRITTEN = {"call-id": "Call-ID", "cseq": "CSeq"}
_ECHOED = ("from", "to", "call-id", "cseq")
PHRASES = {  # RFC 3261 section 21
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    420: "Bad Extension",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}

_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]{1,32}) (\S{1,2000}) SIP/2\.0")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: .*)?")
_HEADER = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]{1,100})[ \t]*:[ \t]*(.*)", re.DOTALL)
_VIA = re.compile(r"SIP\s*/\s*2\.0\s*/\s*\S+\s+(\[[0-9A-Fa-f:.]+\]|[^\s:;,\[\]]+)\s*(?::\s*([0-9]{1,5}))?\s*(;.*)?")
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+(\S{1,32})")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_USER = re.compile(r"(?i)(?:sips?:(?P<sip>[^@;?>\s:]*)(?::[^@>]*)?@|tel:(?P<tel>[^;>\s]+))")
_HOST = re.compile(r"(?i)sips?:(?:[^@>]*@)?(\[[0-9a-f:.]+\]|[^:;?>\s]+)(?::([0-9]{1,5}))?")
_UNSEPARATED = re.compile(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,"<]|["<])+')


class Headers(msgspec.Struct, frozen=True):
    """The header fields of a message in their order, names in lower case and in their long form."""

    fields: tuple[Header, ...]

    def first(self, name: str) -> str | None:
        """The first value of a field, None without one."""
        return next((value for key, value in self.fields if key == name), None)

    def every(self, name: str) -> list[str]:
        """All values of a field that may be a list; `A: 1, 2` is `A: 1` and `A: 2` (RFC 3261 section 7.3.1)."""
        values = [value for key, value in self.fields if key == name]
        return [part.strip() for value in values for part in _UNSEPARATED.findall(value) if part.strip()]


class SipError(Exception):
    """A message can't be understood. With `headers` it was a request, and can be refused with `status`."""

    def __init__(self, why: str, status: int = 400, headers: Headers | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


class Via(msgspec.Struct, frozen=True):
    """The topmost Via: who sent this and how it wants its answer (RFC 3261 section 18.2, RFC 3581)."""

    sent_by: str
    port: int
    branch: str
    rport: bool


class Request(msgspec.Struct, frozen=True):
    """A SIP request with what every one of them must have (RFC 3261 section 8.1.1)."""

    method: str
    uri: str
    headers: Headers
    body: bytes
    source: Address
    via: Via
    call_id: str
    cseq: int
    from_tag: str
    to_tag: str

    def key(self, method: str) -> tuple[str, str, str, int, str]:
        """What tells transactions apart (RFC 3261 section 17.2.3); Call-ID and CSeq serve those without a branch."""
        return self.via.branch, self.via.sent_by, self.call_id, self.cseq, method

    @property
    def answer_to(self) -> Address:
        """Where its responses go: back to where it came from (RFC 3261 section 18.2.2, RFC 3581 section 4)."""
        return self.source if self.via.rport else (self.source[0], self.via.port)


class Response(msgspec.Struct, frozen=True):
    """A SIP response, as far as who asked needs it."""

    status: int
    branch: str


def parse(datagram: bytes, source: Address) -> Request | Response:
    """The message in a datagram; its topmost Via then says where it came from. Raises `SipError` alone."""
    if len(datagram) > _LONGEST:
        raise SipError("longer than any message we take")
    head, *rest = _EMPTY_LINE.split(datagram.lstrip(b"\r\n"), maxsplit=1)
    if not rest:
        raise SipError("no empty line after the headers")
    start, *lines = _unfolded(head.decode("utf-8", "surrogateescape"))
    headers = Headers(tuple(map(_header, lines)))
    if found := _STATUS_LINE.fullmatch(start):
        return Response(int(found[1]), _via(headers).branch)
    found = _REQUEST_LINE.fullmatch(start)
    if not found:
        raise SipError("neither a request nor a response")
    return _request(found[1], found[2], headers, rest[0], source)


def _unfolded(head: str) -> list[str]:
    lines: list[str] = []
    for line in re.split(r"\r?\n", head):
        if line[:1] in (" ", "\t") and len(lines) > 1:  # continues the line before (RFC 3261 section 7.3.1)
            lines[-1] += " " + line.strip()
        elif _CONTROL.search(line):
            raise SipError("control characters in the headers")
        else:
            lines.append(line)
    if len(lines) > _MOST_HEADERS:
        raise SipError("more headers than we take")
    return lines


def _header(line: str) -> Header:
    found = _HEADER.fullmatch(line) if len(line) <= _LONGEST_HEADER else None
    if not found:
        raise SipError("a header without a name, or too long")
    name = found[1].lower()
    return _COMPACT.get(name, name), found[2].strip()


def _via(headers: Headers) -> Via:
    found = _VIA.fullmatch(next(iter(headers.every("via")), ""))
    if not found:
        raise SipError("no Via that can be read")
    port = int(found[2] or _DEFAULT_PORT)
    if not 0 < port < 65_536:
        raise SipError("no such port as in its Via")
    params = found[3] or ""
    return Via(
        f"{found[1].lower()}:{port}", port, parameter(params, "branch"), bool(re.search(r"(?i);\s*rport", params))
    )


def _request(method: str, uri: str, headers: Headers, body: bytes, source: Address) -> Request:
    via = _via(headers)
    headers = _stamped(headers, via, source)
    call_id = headers.first("call-id")
    cseq = _CSEQ.fullmatch(headers.first("cseq") or "")
    sender, receiver = headers.first("from"), headers.first("to")
    if not (call_id and cseq and sender and receiver):
        raise SipError("Call-ID, CSeq, From or To is missing", headers=headers)
    if int(cseq[1]) >= 2**31 or cseq[2] != method:
        raise SipError("its CSeq is not of this request", headers=headers)
    tags = tag_of(sender), tag_of(receiver)
    return Request(method, uri, headers, _body(headers, body), source, via, call_id, int(cseq[1]), *tags)


def _stamped(headers: Headers, via: Via, source: Address) -> Headers:
    """The topmost Via gets `received`, and `rport` its value where it was asked for (RFC 3581 section 4)."""
    top, *others = headers.every("via")
    if via.rport:
        top = re.sub(r"(?i);\s*rport(\s*=\s*[0-9]*)?", "", top) + f";rport={source[1]}"
    if via.rport or via.sent_by.rsplit(":", 1)[0] != source[0]:
        top += f";received={source[0]}"
    vias = [("via", value) for value in (top, *others)]
    return Headers((*vias, *(field for field in headers.fields if field[0] != "via")))


def _body(headers: Headers, body: bytes) -> bytes:
    """What is beyond Content-Length is cut away, what falls short of it is refused (RFC 3261 section 18.3)."""
    length = headers.first("content-length")
    if length is None:
        return body
    if not re.fullmatch(r"[0-9]{1,6}", length) or int(length) > len(body):
        raise SipError("its Content-Length is not true", headers=headers)
    return body[: int(length)]


def parameter(text: str, name: str) -> str:
    """The value of `;name=value`, empty without one."""
    found = re.search(rf"(?i);\s*{name}\s*=\s*([^\s;,>]+)", text)
    return found[1] if found else ""


def uri_of(value: str) -> str:
    """The URI of a From, To, Contact or Route value: within `< >`, or up to its parameters (RFC 3261 section 20)."""
    bare = re.sub(r'"(?:\\.|[^"\\])*"', "", value)
    found = re.search(r"<([^>]*)>", bare)
    return found[1].strip() if found else bare.split(";")[0].strip()


def tag_of(value: str) -> str:
    """The tag of a From or To value, empty without one (RFC 3261 section 19.3)."""
    return parameter(re.sub(r'"(?:\\.|[^"\\])*"|<[^>]*>', "", value), "tag")


def user_of(uri: str) -> str:
    """The user part of a URI, as it would be shown: unescaped, and printable whatever it was."""
    found = _USER.search(uri)
    return shown(unquote(found["sip"] or found["tel"] or "")) if found else ""


def shown(text: str) -> str:
    """`text` without what a log can't hold."""
    return text.encode("utf-8", "replace").decode()


def address_of(uri: str) -> Address | None:
    """Host and port of a URI that names an IPv4 address; phones in a box look no names up."""
    found = _HOST.search(uri)
    try:
        host = str(ipaddress.IPv4Address(found[1])) if found else None
    except ValueError:
        return None
    port = int((found and found[2]) or _DEFAULT_PORT)
    return (host, port) if host and 0 < port < 65_536 else None


def respond(asked: Headers, status: int, tag: str, extra: Sequence[Header] = (), body: bytes = b"") -> bytes:
    """A response to a request with these headers (RFC 3261 section 8.2.6)."""
    fields = [("via", value) for name, value in asked.fields if name == "via"]
    for name in _ECHOED:
        value = asked.first(name) or ""
        fields.append((name, value + f";tag={tag}" if name == "to" and not tag_of(value) else value))
    return written(f"SIP/2.0 {status} {PHRASES[status]}", [*fields, *extra], body)


def written(start: str, fields: Iterable[Header], body: bytes = b"") -> bytes:
    """A message as it goes on the wire (RFC 3261 section 7)."""
    lines = [start, *(f"{_WRITTEN.get(name, name.title())}: {value}" for name, value in fields)]
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body
