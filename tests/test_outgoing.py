"""The way out: only to addresses that were checked, on every hop, with an end to everything."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

import pytest

from ringback import outgoing
from ringback.outgoing import AddressRefused, Outgoing, Resolver, TooLarge, Unreachable, UrlUnusable, look_up
from tests.receiver import LOOPBACK, Behaviour, Receiver, answer, answers, drops, hangs, never_ends

PUBLIC = "93.184.216.34"


class Names:
    """A name server that gives each look-up the next of its answers."""

    def __init__(self, *found: list[str]) -> None:
        self.found = list(found)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.found.pop(0) if len(self.found) > 1 else self.found[0]


class WayOut(Protocol):
    def __call__(self, allowed: Iterable[str] = (), resolve: Resolver | None = None) -> Outgoing: ...


@pytest.fixture
async def way_out() -> AsyncIterator[WayOut]:
    """Makes ways out, and closes them."""
    made: list[Outgoing] = []

    def make(allowed: Iterable[str] = (), resolve: Resolver | None = None) -> Outgoing:
        made.append(Outgoing(allowed, resolve))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def test_a_url_reaches_what_is_allowed(way_out: WayOut) -> None:
    async with Receiver(answers(answer(200, b"hello", ETag='"1"'))).open() as receiver:
        reply = await way_out(LOOPBACK).request("GET", receiver.url, headers={"X-A": "b"}, most=5)
    assert (reply.status, reply.body, reply.headers["etag"], reply.url) == (200, b"hello", '"1"', receiver.url)
    (request,) = receiver.got
    assert (request.method, request.target) == ("GET", "/reports?secret=hush")
    assert request.headers["x-a"] == "b"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_the_loopback_is_refused_however_it_is_spelled(way_out: WayOut, host: str) -> None:
    async with Receiver(answers(answer(200))).open() as receiver:
        with pytest.raises(AddressRefused):
            await way_out().request("GET", f"http://{host}:{receiver.port}/")
    assert receiver.connections == 0


async def test_a_name_with_a_private_address_is_refused(way_out: WayOut) -> None:
    with pytest.raises(AddressRefused, match=r"^inside\.example\.com "):
        await way_out((), Names(["10.0.0.1", "fd00::1"])).request("GET", "http://inside.example.com/?secret=hush")


async def test_of_several_addresses_only_those_that_may_be_reached_are_tried(way_out: WayOut) -> None:
    async with Receiver(answers(answer(204))).open() as receiver:
        out = way_out(["127.0.0.1/32"], Names(["127.0.0.2", "10.0.0.1", "127.0.0.1"]))
        assert (await out.request("GET", f"http://many.example.com:{receiver.port}/")).status == 204


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(way_out: WayOut) -> None:
    """Rebinding: the second answer of the name server would be another one. It is not asked a second time."""
    names = Names(["127.0.0.1"], [PUBLIC])
    async with Receiver(answers(answer(204))).open() as receiver:
        url = f"http://rebind.example.com:{receiver.port}/"
        assert (await way_out(LOOPBACK, names).request("POST", url, body=b"x")).status == 204
    assert names.asked == [("rebind.example.com", receiver.port)]
    assert receiver.got[0].headers["host"] == f"rebind.example.com:{receiver.port}"


async def test_a_new_connection_is_checked_anew(way_out: WayOut) -> None:
    """The first answer may be reached; the same name is private at the next connection."""
    async with Receiver(answers(answer(204, Connection="close"))).open() as receiver:
        out = way_out(["127.0.0.1/32"], Names(["127.0.0.1"], ["127.0.0.2"]))
        url = f"http://rebind.example.com:{receiver.port}/"
        await out.request("GET", url)
        receiver.behaviour = drops  # its connection does not serve again
        with pytest.raises((AddressRefused, Unreachable)):
            await out.request("GET", url)
        with pytest.raises(AddressRefused):
            await out.request("GET", url)


def redirects(target: str, status: int = 307) -> Behaviour:
    return answers(answer(status, Location=target))


@pytest.mark.parametrize("target", ["http://127.0.0.2:1/", "//[::1]/", "http://169.254.169.254/latest/meta-data/"])
async def test_a_redirect_to_a_private_address_is_refused(way_out: WayOut, target: str) -> None:
    async with Receiver(redirects(target)).open() as receiver:
        with pytest.raises(AddressRefused):
            await way_out(["127.0.0.1/32"]).request("POST", receiver.url, body=b"x")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "http://[::1"])
async def test_a_redirect_to_what_is_no_url_of_ours_is_refused(way_out: WayOut, target: str) -> None:
    async with Receiver(redirects(target)).open() as receiver:
        with pytest.raises(UrlUnusable):
            await way_out(LOOPBACK).request("GET", receiver.url)


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_keeps_method_and_body_and_no_credentials(way_out: WayOut, status: int) -> None:
    given = {"Authorization": "Basic x", "Cookie": "a=b", "X-Kept": "yes"}
    async with Receiver(answers(answer(200))).open() as second, Receiver(drops).open() as first:
        first.behaviour = redirects(second.url, status)
        reply = await way_out(LOOPBACK).request("POST", first.url, headers=given, body=b"the body")
    (request,) = second.got
    assert (reply.status, request.method, request.body) == (200, "POST", b"the body")
    assert request.headers["host"] == f"127.0.0.1:{second.port}"
    assert request.headers["x-kept"] == "yes"
    assert not {"authorization", "cookie"} & set(request.headers)


async def test_credentials_stay_on_the_same_host(way_out: WayOut) -> None:
    async with Receiver(answers(answer(307, Location="/elsewhere"), answer(200))).open() as receiver:
        await way_out(LOOPBACK).request("GET", receiver.url, headers={"Authorization": "Basic x"})
    assert [(one.target, one.headers.get("authorization")) for one in receiver.got] == [
        ("/reports?secret=hush", "Basic x"),
        ("/elsewhere", "Basic x"),
    ]


def test_a_body_is_not_carried_from_https_to_http() -> None:
    posted = outgoing._request("POST", outgoing._url("https://a.example.com/"), {}, b"x")
    assert outgoing._redirected(posted, "https://b.example.com/").url == "https://b.example.com/"
    with pytest.raises(UrlUnusable, match="from https to http"):
        outgoing._redirected(posted, "http://a.example.com/")


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_post_does_not_become_a_get(way_out: WayOut, status: int) -> None:
    async with Receiver(answers(answer(status, Location="/elsewhere"), answer(200))).open() as receiver:
        out = way_out(LOOPBACK)
        assert (await out.request("POST", receiver.url, body=b"x")).status == status
        assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_get_follows_every_redirect(way_out: WayOut, status: int) -> None:
    async with Receiver(answers(answer(status, Location="/elsewhere"), answer(200, b"!"))).open() as receiver:
        reply = await way_out(LOOPBACK).request("GET", receiver.url, most=1)
    assert (reply.status, reply.body, reply.url) == (200, b"!", f"http://127.0.0.1:{receiver.port}/elsewhere")


async def test_five_redirects_are_followed_and_not_a_sixth(way_out: WayOut) -> None:
    hop = answer(307, Location="/again")
    async with Receiver(answers(*[hop] * 5, answer(200))).open() as receiver:
        assert (await way_out(LOOPBACK).request("GET", receiver.url)).status == 200
    async with Receiver(answers(hop)).open() as receiver:
        with pytest.raises(Unreachable, match="redirects"):
            await way_out(LOOPBACK).request("GET", receiver.url)
        assert len(receiver.got) == 6


@pytest.mark.parametrize(
    "url", ["ftp://a.example.com/", "http:///x", "x", "", "http://a:b@c/", "http://[::1", "http://"]
)
async def test_only_http_without_a_password(way_out: WayOut, url: str) -> None:
    with pytest.raises(UrlUnusable):
        await way_out(LOOPBACK).request("GET", url)


async def test_a_header_that_can_not_be_written_is_a_fault_of_its_own(way_out: WayOut) -> None:
    with pytest.raises(UrlUnusable):
        await way_out(LOOPBACK).request("GET", "http://127.0.0.1:1/", headers={"X": "č"})


async def test_a_body_is_read_up_to_what_was_asked_for(way_out: WayOut) -> None:
    async with Receiver(answers(answer(200, b"x" * 1001))).open() as receiver:
        out = way_out(LOOPBACK)
        assert len((await out.request("GET", receiver.url, most=1001)).body) == 1001
        with pytest.raises(TooLarge):
            await out.request("GET", receiver.url, most=1000)


async def test_a_body_without_an_end_is_left(way_out: WayOut) -> None:
    async with Receiver(never_ends).open() as receiver:
        out = way_out(LOOPBACK)
        with pytest.raises(TooLarge):
            await out.request("GET", receiver.url, most=100_000)
        assert (await out.request("POST", receiver.url, body=b"x")).status == 200


@pytest.mark.parametrize("behaviour", [hangs, drops])
async def test_no_answer_is_unreachable(way_out: WayOut, behaviour: Behaviour) -> None:
    async with Receiver(behaviour).open() as receiver:
        with pytest.raises(Unreachable):
            await way_out(LOOPBACK).request("GET", receiver.url, within=0.3)


def test_only_within_says_how_long_an_answer_may_take() -> None:
    asked = outgoing._request("POST", outgoing._url("https://a.example.com/"), {}, b"x")
    assert asked.extensions["timeout"]["read"] is None


async def test_nobody_there_is_unreachable(way_out: WayOut) -> None:
    async with Receiver(drops).open() as receiver:
        pass
    with pytest.raises(Unreachable):
        await way_out(LOOPBACK).request("GET", receiver.url)


async def test_a_proxy_of_the_environment_is_not_used(way_out: WayOut, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver(answers(answer(200))).open() as receiver, Receiver(drops).open() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert (await way_out(LOOPBACK).request("GET", receiver.url)).status == 200
        assert proxy.connections == 0


async def test_cookies_are_not_carried_from_one_request_to_the_next(way_out: WayOut) -> None:
    async with Receiver(answers(answer(200, Set_Cookie="a=b"))).open() as receiver:
        out = way_out(LOOPBACK)
        await out.request("GET", receiver.url)
        await out.request("GET", receiver.url)
    assert "cookie" not in receiver.got[1].headers


async def test_a_connection_serves_again(way_out: WayOut) -> None:
    async with Receiver(answers(answer(200, b"not wanted"))).open() as receiver:
        out = way_out(LOOPBACK)
        for _ in range(3):
            await out.request("POST", receiver.url, body=b"x")
        assert (len(receiver.got), receiver.connections) == (3, 1)


async def test_the_machines_own_resolver_is_asked() -> None:
    assert "127.0.0.1" in await look_up("127.0.0.1", 80)
    with pytest.raises(OSError, match="not found"):
        await look_up("a..b", 80)


async def test_hanging_name_servers_are_waited_for_by_a_few_only(
    way_out: WayOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "_LOOK_UPS", outgoing.threading.BoundedSemaphore(1))
    assert outgoing._LOOK_UPS.acquire(blocking=False)
    with pytest.raises(Unreachable):
        await way_out(LOOPBACK).request("GET", "http://127.0.0.1:1/")
    outgoing._LOOK_UPS.release()
