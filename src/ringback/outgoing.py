"""HTTP that goes out to URLs that users gave: to the open Internet only, and nowhere by detours (contract section 5).

Every connection, on every hop of a redirect, looks the name up itself, checks what was found, and connects to exactly
the address that was checked: a name that answers differently the next time (DNS rebinding) gains nothing.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

import httpcore
import httpx
import msgspec

from . import __version__
from .model.address import IpNetwork, reachable
from .model.exceptions import RingbackError

Resolver: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""The IP addresses of a host, the best first. Raises `OSError`."""

_REDIRECTS = 5
_ADDRESSES = 4  # of one host that are tried
_CONNECT = 5.0  # seconds: the look-up, and the connection
_DRAIN, _DRAINED_WITHIN = 65_536, 1.0  # bytes and seconds that reading a body is worth so as to keep its connection
_CREDENTIALS = {"authorization", "cookie", "proxy-authorization"}
_LOOK_UPS = threading.BoundedSemaphore(64)


class OutgoingError(RingbackError):
    """There is no answer. The message never names more of a URL than its host."""


class AddressRefused(OutgoingError):
    """The host is at no address that a user's URL may reach."""


class UrlUnusable(OutgoingError):
    """Not an http or https URL without a user and a password in it."""


class Unreachable(OutgoingError):
    """Nobody answered, or not in time, or not in HTTP. It may be tried again."""


class TooLarge(OutgoingError):
    """The answer's body has more bytes than were asked for."""


class Reply(msgspec.Struct, frozen=True):
    """An answer. `url` is where it came from in the end; `headers` are found by any spelling of their names."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: str


class Outgoing:
    """The way out. `allowed` are networks (CIDR) that may be reached although they are not public."""

    def __init__(self, allowed: Iterable[str] = (), resolve: Resolver | None = None) -> None:
        networks = tuple(ipaddress.ip_network(network) for network in allowed)
        self._transport = _Transport(_Checked(networks, resolve or look_up))

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        most: int = 0,
        within: float = 20.0,
    ) -> Reply:
        """The answer of a URL, with up to `most` bytes of its body; with 0 the body is not wanted.

        GET and HEAD follow up to 5 redirects; other methods follow 307 and 308, which keep method and body (RFC 9110
        section 15.4), and get any other redirect as their answer. `within` is seconds for all of it.
        Raises `AddressRefused`, `UrlUnusable`, `Unreachable`, `TooLarge`.
        """
        ours = {"User-Agent": f"Ringback/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
        try:
            request = _request(method, _url(url), ours | dict(headers or {}), body)
            response, content = await self._exchanged(request, most, within)
        except (httpx.HTTPError, OSError) as fault:  # TimeoutError is an OSError
            raise Unreachable(type(fault).__name__) from fault
        return Reply(response.status_code, response.headers, content, str(response.request.url))

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._transport.aclose()

    async def _exchanged(self, request: httpx.Request, most: int, within: float) -> tuple[httpx.Response, bytes]:
        async with asyncio.timeout(within):
            response = await self._followed(request)
            try:
                content = await _body(response, most) if most else b""
            except BaseException:
                await response.aclose()
                raise
        await _close(response)  # the answer is there: how long its rest takes is no fault any more
        return response, content

    async def _followed(self, request: httpx.Request) -> httpx.Response:
        for _ in range(_REDIRECTS + 1):
            response = await self._transport.handle_async_request(request)
            response.request = request
            if not _is_followed(response):
                return response
            await response.aclose()
            request = _redirected(request, response.headers["Location"])
        raise Unreachable(f"more than {_REDIRECTS} redirects")


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as fault:
        raise UrlUnusable("not a URL") from fault
    if url.scheme not in ("http", "https") or not url.host:
        raise UrlUnusable("not an http or https URL")
    if url.userinfo:
        raise UrlUnusable("a user and a password stand in the URL")
    return url


def _request(method: str, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> httpx.Request:
    timeouts = {"connect": _CONNECT, "read": None, "write": None, "pool": None}  # `within` bounds all of it
    try:
        return httpx.Request(method, url, headers=dict(headers), content=body, extensions={"timeout": timeouts})
    except ValueError as fault:  # a header that ASCII can't say
        raise UrlUnusable("it can't be written in HTTP") from fault


def _is_followed(response: httpx.Response) -> bool:
    kept, changed = (307, 308), (301, 302, 303)
    reads = response.request.method in ("GET", "HEAD")
    return "Location" in response.headers and response.status_code in (kept + changed if reads else kept)


def _redirected(request: httpx.Request, location: str) -> httpx.Request:
    try:
        url = _url(str(request.url.join(location)))
    except (httpx.InvalidURL, ValueError) as fault:
        raise UrlUnusable("a redirect to no URL") from fault
    if request.url.scheme == "https" and url.scheme == "http" and request.content:
        raise UrlUnusable("a redirect from https to http")
    headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
    if _place(url) != _place(request.url):
        headers = {name: value for name, value in headers.items() if name not in _CREDENTIALS}
    return _request(request.method, url, headers, request.content)


def _place(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _body(response: httpx.Response, most: int) -> bytes:
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > most:
            raise TooLarge(f"more than {most} bytes")
    return bytes(content)


async def _close(response: httpx.Response) -> None:
    """Ends it. A short rest is read, so that the connection can serve again; whatever comes of that is no fault."""
    if not response.is_stream_consumed:
        with contextlib.suppress(TooLarge, TimeoutError, httpx.HTTPError):
            async with asyncio.timeout(_DRAINED_WITHIN):
                await _body(response, _DRAIN)
    await response.aclose()


class _Transport(httpx.AsyncHTTPTransport):
    """httpx over connections of ours. No proxy, no cookies, nothing from the environment."""

    def __init__(self, network: httpcore.AsyncNetworkBackend) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=None,
            max_keepalive_connections=20,
            keepalive_expiry=10.0,
            network_backend=network,
        )


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, and to nothing else."""

    def __init__(self, allowed: tuple[IpNetwork, ...], resolve: Resolver) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The name is looked up here, once, and never again."""
        try:
            async with asyncio.timeout(timeout):
                found = await self._resolve(host, port)
        except OSError as fault:
            raise httpcore.ConnectError(f"{host} is not found") from fault
        permitted = [address for address in found if reachable(ipaddress.ip_address(address), self._allowed)]
        if found and not permitted:
            raise AddressRefused(f"{host} is at no public address")
        return await self._first(permitted[:_ADDRESSES], port, timeout)

    async def _first(self, addresses: list[str], port: int, timeout: float | None) -> httpcore.AsyncNetworkStream:
        share = timeout / len(addresses) if timeout and addresses else timeout
        fault: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as why:
                fault = why
        raise fault

    async def sleep(self, seconds: float) -> None:
        """Part of httpcore's interface."""
        await asyncio.sleep(seconds)


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host, by the machine's own resolver, in a thread that nobody has to wait for.

    A pool's threads are joined when the process ends; a name server that is silent would hold that up.
    """
    if not _LOOK_UPS.acquire(blocking=False):
        raise OSError("too many names are being looked up")
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(found: list[str] | None) -> None:
        if answer.done():  # nobody waits any more
            return
        if found is None:
            answer.set_exception(OSError("the name is not found"))
        else:
            answer.set_result(found)

    def ask() -> None:
        found = None
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(row[4][0]) for row in rows))
        except (OSError, UnicodeError):
            pass
        finally:
            _LOOK_UPS.release()
        with contextlib.suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=ask, daemon=True, name="look-up").start()
    return await answer
