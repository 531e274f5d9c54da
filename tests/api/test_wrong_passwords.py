"""Ten wrong passwords a minute slow that pair of address and user down, and nobody else notices (issue 3, item 11)."""

import asyncio
import ipaddress
from collections import Counter
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from ringback.api import guesses
from ringback.api.addresses import BehindProxies, address_of
from ringback.api.auth import REMEMBERED_S
from ringback.api.guesses import MOST_KEPT, Guesses, network_of
from ringback.settings import read_networks
from tests.api.door import ELSEWHERE, HOME, Door, basic


async def guess(door: Door, count: int, user: str = "Aladdin", address: str = HOME) -> list[int]:
    return [await door.status(basic(user, f"wrong {n}"), address) for n in range(count)]


async def test_the_eleventh_is_429_before_argon2_is_paid(door: Door) -> None:
    assert await guess(door, 10) == [401] * 10
    verified = door.hasher.verified
    answer = await door.ask(basic("Aladdin", "wrong again"))
    assert answer.status_code == 429
    assert answer.json()["requestError"]["serviceException"]["messageId"] == "TOO_MANY_REQUESTS"
    assert answer.headers["retry-after"] == "60"
    assert await door.status(basic("Aladdin")) == 429, "the right one as well: it could be the next guess"
    assert door.hasher.verified == verified
    door.seconds = 59.5
    assert (await door.ask(basic("Aladdin"))).headers["retry-after"] == "1"
    door.seconds = 60
    assert await door.status(basic("Aladdin")) == 200


async def test_ten_in_any_minute(door: Door) -> None:
    for n in range(10):
        door.seconds = n * 5
        assert await guess(door, 1) == [401]
    door.seconds = 59
    assert await guess(door, 1) == [429]
    door.seconds = 60
    assert await guess(door, 2) == [401, 429]
    door.seconds = 65
    assert await guess(door, 2) == [401, 429]


async def test_nobody_else_notices(door: Door) -> None:
    assert (await guess(door, 12))[-1] == 429
    assert await door.status(basic("Jasmine")) == 200, "another user at the same address"
    assert await door.status(basic("Aladdin"), ELSEWHERE) == 200, "the same user from elsewhere"
    assert await door.status(door.app_key("Aladdin")) == 200
    assert await door.status(await door.token("Jasmine")) == 200


async def test_nor_when_both_ask_at_the_same_moment(door: Door) -> None:
    assert (await guess(door, 12))[-1] == 429
    asked = [door.status(basic("Aladdin"), address) for address in (HOME, ELSEWHERE)]
    assert await asyncio.gather(*asked) == [429, 200]


async def test_whoever_was_right_is_not_held_up_at_the_same_address(door: Door) -> None:
    """Also not after what is remembered has to be checked again, and after accounts changed."""
    assert await door.status(basic("Aladdin")) == 200
    for _ in range(10):
        assert 429 in await guess(door, 12)
        assert await door.status(basic("Aladdin")) == 200
        door.seconds += REMEMBERED_S
        assert 429 in await guess(door, 12)
        assert await door.status(basic("Aladdin")) == 200
        door.authenticator.forget()


async def test_when_accounts_change_what_was_wrong_may_be_right(door: Door) -> None:
    assert [await door.status(basic("Abu")) for _ in range(12)][-1] == 429
    await door.add("Abu")
    assert await door.status(basic("Abu")) == 200


async def test_whoever_was_right_while_accounts_changed_is_not_held_up_either(door: Door) -> None:
    verify = door.hasher.verify

    def changed(*values: Any) -> Any:
        door.authenticator.forget()
        return verify(*values)

    door.hasher.verify = changed  # type: ignore[method-assign]
    assert await door.status(basic("Aladdin")) == 200
    door.hasher.verify = verify  # type: ignore[method-assign]
    assert 429 in await guess(door, 12)
    assert await door.status(basic("Aladdin")) == 200


async def test_credentials_that_were_right_are_guesses_once_the_password_is_changed(door: Door) -> None:
    old = basic("Aladdin")
    assert await door.status(old) == 200
    await door.store.change_account("Aladdin", password_hash=door.hasher.hash("new"))
    assert [await door.status(old) for _ in range(12)] == [401] * 10 + [429] * 2


async def test_one_user_guessed_from_many_addresses(door: Door) -> None:
    addresses = [f"203.0.113.{n}" for n in range(30)]
    assert [(await guess(door, 1, address=address))[0] for address in addresses[:10]] == [401] * 10
    assert [(await guess(door, 1, address=address))[0] for address in addresses[:10]] == [429] * 10
    assert await door.status(basic("Aladdin"), ELSEWHERE) == 200
    assert (await guess(door, 2, address=addresses[20])) == [401, 429], "one guess a minute from each"


async def test_many_users_tried_from_one_address(door: Door) -> None:
    await door.status(basic("Jasmine"))
    tried = [(await guess(door, 1, f"user {n}"))[0] for n in range(30)]
    assert tried == [401] * 10 + [429] * 20
    assert await door.status(basic("Jasmine")) == 200, "who was right before"
    assert await door.status(basic("Aladdin"), ELSEWHERE) == 200
    door.seconds = 60
    assert (await guess(door, 1, "user 29")) == [401]


async def test_users_that_are_not_there_are_treated_alike(door: Door) -> None:
    there, not_there = await guess(door, 12), await guess(door, 12, "nobody", ELSEWHERE)
    assert there == not_there
    assert door.hasher.verified == 20


async def test_many_guesses_at_once(door: Door) -> None:
    answers = Counter(await asyncio.gather(*(door.status(basic("Aladdin", f"wrong {n}")) for n in range(60))))
    assert set(answers) == {401, 429}
    assert 10 <= answers[401] <= 11, "two are checked at once"


async def test_the_first_requests_of_many_at_one_address(door: Door) -> None:
    """After a restart, behind one address."""
    for n in range(30):
        await door.add(f"user {n}")
    answers = await asyncio.gather(*(door.status(basic(f"user {n}")) for n in range(30)))
    assert answers == [200] * 30


async def test_wrong_keys_and_tokens_count_for_their_address(door: Door) -> None:
    made_up = [f"App {n}" for n in range(6)] + [f"IBSSO 1-{n:043}" for n in range(6)]
    assert [await door.status(one) for one in made_up] == [401] * 10 + [429] * 2
    assert await door.status(door.app_key("Aladdin")) == 200, "a right key is not held up"
    assert await door.status(basic("Aladdin")) == 200
    assert await door.status("App x", ELSEWHERE) == 401


async def test_what_is_no_guess_is_not_counted(door: Door) -> None:
    for authorization in ("", "Basic", "Basic !!!", "Bearer x", "Digest y") * 4:
        assert await door.status(authorization) == 401
    assert await door.status(basic("Aladdin")) == 200


def test_an_address_is_what_one_customer_has() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::4") != network_of("2001:db8:1:2::4")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("") == ""


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "MOST_KEPT", 50)
    kept = Guesses(lambda: 0.0)
    for n in range(500):
        kept.wrong(f"192.0.2.{n % 250}", "user" * 500 + str(n))
    for tally in (kept._pairs, kept._users, kept._addresses, kept._sprays):
        assert len(tally._moments) == 50
        assert all(len(key) == 16 and len(moments) <= 10 for key, moments in tally._moments.items())
    assert MOST_KEPT >= 60 * 2 / 0.02, "a key is never pushed out within its minute, at 20 ms a check and two at once"


PROXIES = "10.0.0.0/8, 2001:db8::1"
FORWARDED = [
    (HOME, "203.0.113.9", HOME),  # whoever comes without a proxy says what he likes
    ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.1.1.1", "198.51.100.7"),
    ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
    ("10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
    ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
    ("10.0.0.1", "203.0.113.9, nonsense, 10.0.0.3", "10.0.0.3"),
    ("10.0.0.1", "nonsense", "10.0.0.1"),
    ("10.0.0.1", "", "10.0.0.1"),
    ("2001:db8::1", "203.0.113.9", "203.0.113.9"),
    ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
]


@pytest.mark.parametrize(("client", "header", "expected"), FORWARDED)
async def test_the_address_behind_trusted_proxies(client: str, header: str, expected: str) -> None:
    headers = [(b"x-forwarded-for", header.encode())] if header else []
    assert await address_behind(PROXIES, client, headers) == expected


async def test_several_lines_of_the_header_are_one_list() -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.1"), (b"x-forwarded-for", b"203.0.113.2")]
    assert await address_behind("10.0.0.1", "10.0.0.1", headers) == "203.0.113.2"


async def address_behind(proxies: str, client: str, headers: list[tuple[bytes, bytes]]) -> str:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(address_of(scope))

    async def nothing(*_: Any) -> Any: ...

    trusted = [ipaddress.ip_network(one) for one in read_networks(proxies)]
    scope = {"type": "http", "client": (client, 1), "headers": headers}
    await BehindProxies(app, trusted)(scope, nothing, nothing)
    (found,) = seen
    return found
