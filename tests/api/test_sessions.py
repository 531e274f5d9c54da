"""POST and DELETE /auth/1/session, and `Authorization: IBSSO` (contract sections 1 and 6)."""

import asyncio
import hashlib
from typing import Any

import pytest

from ringback.api import tokens
from ringback.api.auth import REMEMBERED_S
from ringback.model.exceptions import StoreUnavailable
from ringback.store.sessions import WRITTEN_LATE
from tests.api.door import HOME, PASSWORD, SESSION, Door, basic
from tests.api.house import XML, faults

GOOD = {"username": "Aladdin", "password": PASSWORD}
HOUR_S = 3600


def used_at(door: Door) -> int:
    """Seconds from the start to the last use that was written down."""
    rows = door.store._db.execute("SELECT used_at FROM session").fetchall()
    return int((rows[0][0] - 1_750_000_000_000) // 1000)


async def test_a_token_is_an_account_s(door: Door) -> None:
    aladdin, jasmine = await door.token("Aladdin"), await door.token("Jasmine")
    sent = await door.ask(
        aladdin,
        "/tts/3/advanced",
        "POST",
        json={"bulkId": "b", "messages": [{"destinations": [{"to": "1234"}], "text": "hi"}]},
    )
    assert sent.status_code == 200
    assert (await door.ask(aladdin, "/tts/3/bulks?bulkId=b")).status_code == 200
    assert (await door.ask(jasmine, "/tts/3/bulks?bulkId=b")).status_code == 404
    assert await door.status(aladdin.replace("IBSSO ", "ibsso  ")) == 200


async def test_the_answers(door: Door) -> None:
    json = await door.sign_in(GOOD)
    assert (json.status_code, list(json.json())) == (200, ["token"])
    assert json.headers["cache-control"] == "no-store"
    body = b"<request><username>Aladdin</username><password>open sesame</password></request>"
    xml = await door.sign_in(body, **XML)
    assert xml.text.startswith("<loginResponse><token>")
    token = xml.text.removeprefix("<loginResponse><token>").removesuffix("</token></loginResponse>")
    assert await door.status(f"IBSSO {token}") == 200
    ended = await door.ask(f"IBSSO {token}", SESSION + "/", "DELETE")
    assert (ended.status_code, ended.content) == (204, b"")


async def test_a_trailing_slash_is_accepted_and_other_methods_are_not(door: Door) -> None:
    assert (await door.ask("", SESSION + "/", "POST", json=GOOD)).status_code == 200
    refused = await door.ask("", SESSION, "GET")
    assert (refused.status_code, refused.headers["allow"]) == (405, "DELETE, POST")


WRONG = [("Aladdin", "wrong"), ("nobody", PASSWORD), ("aladdin", PASSWORD), ("Aladdin:open sesame", "x"), ("ä", "ü")]


@pytest.mark.parametrize(("user", "password"), WRONG)
async def test_wrong_credentials_are_401(door: Door, user: str, password: str) -> None:
    answer = await door.sign_in({"username": user, "password": password})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="ringback"'
    expected = {"messageId": "UNAUTHORIZED", "text": "Invalid login details"}
    assert answer.json() == {"requestError": {"serviceException": expected}}


async def test_a_colon_in_the_name_signs_nobody_else_in(door: Door) -> None:
    await door.store.add_account("a", door.hasher.hash("b:c"), b"k", "UTC")
    assert (await door.sign_in({"username": "a", "password": "b:c"})).status_code == 200
    assert (await door.sign_in({"username": "a:b", "password": "c"})).status_code == 401


BAD: list[tuple[Any, dict[str, list[str]]]] = [
    ({}, {"username": ["is required"], "password": ["is required"]}),
    ({"username": None, "password": 1}, {"username": ["is required"], "password": ["must be a string"]}),
    ({"username": "", "password": ""}, {"username": ["must not be empty"], "password": ["must not be empty"]}),
    ({**GOOD, "password": "x" * 4_097}, {"password": ["at most 4096 characters"]}),
    ([], {"body": ["must be a JSON object"]}),
]


@pytest.mark.parametrize(("body", "named"), BAD)
async def test_bad_bodies_are_named_by_path(door: Door, body: Any, named: dict[str, list[str]]) -> None:
    assert faults(await door.sign_in(body)) == named


async def test_half_a_surrogate_pair_is_400(door: Door) -> None:
    assert "password" in faults(await door.sign_in(b'{"username": "Aladdin", "password": "\\ud800"}'))


async def test_other_types_are_415_and_406(door: Door) -> None:
    assert (await door.sign_in(b"a=b", **{"Content-Type": "application/x-www-form-urlencoded"})).status_code == 415
    assert (await door.sign_in(GOOD, Accept="text/html")).status_code == 406


X43 = "x" * 43
MADE_UP = ["IBSSO", "IBSSO ", "IBSSO x", f"IBSSO 1-{X43}", f"IBSSO {'9' * 18}-{X43}", f"IBSSO -{X43}"]


@pytest.mark.parametrize("authorization", MADE_UP)
async def test_made_up_tokens_are_401(door: Door, authorization: str) -> None:
    await door.token("Aladdin")
    assert await door.status(authorization) == 401
    assert door.authenticator.tokens._known == {}, "what is made up pushes nobody out"


async def test_only_a_hash_is_kept(door: Door) -> None:
    token = (await door.token("Aladdin")).partition(" ")[2]
    ((kept,),) = door.store._db.execute("SELECT token_hash FROM session").fetchall()
    assert kept == hashlib.sha256(token.encode()).digest()


async def test_it_dies_after_one_hour_without_use_exactly(door: Door) -> None:
    token = await door.token("Aladdin")
    for at in (HOUR_S - 1, 2 * HOUR_S - 2, 2 * HOUR_S + REMEMBERED_S - 3, 3 * HOUR_S + REMEMBERED_S - 4):
        door.seconds = at
        assert await door.status(token) == 200, at
    door.seconds += HOUR_S
    assert await door.status(token) == 401


async def test_a_remembered_use_counts_too(door: Door) -> None:
    token = await door.token("Aladdin")
    assert await door.status(token) == 200
    door.seconds = REMEMBERED_S - 1
    assert await door.status(token) == 200  # from memory: nothing asks the store
    assert used_at(door) == 0
    door.seconds += HOUR_S - 1
    await door.store.prune(1_750_000_000_000 + int(door.seconds * 1000))  # what is in use is not forgotten
    assert await door.status(token) == 200


async def test_uses_are_written_down_every_five_minutes_at_most(door: Door) -> None:
    token = await door.token("Aladdin")
    before = door.store._db.total_changes()
    for minute in range(31):
        door.seconds = minute * 60
        assert await door.status(token) == 200
        await asyncio.gather(*door.authenticator.tokens._writing)
    assert 30 - used_at(door) / 60 <= WRITTEN_LATE / 60_000
    assert 3 <= door.store._db.total_changes() - before <= 6


async def test_it_survives_a_restart_with_its_last_use(door: Door) -> None:
    token = await door.token("Aladdin")
    await door.status(token)
    door.seconds = 200
    assert await door.status(token) == 200
    await door.authenticator.tokens.close()
    door.authenticator.close()
    door.open()
    door.seconds = 200 + HOUR_S - 1
    assert await door.status(token) == 200


async def test_a_restart_does_not_bring_a_dead_one_back(door: Door) -> None:
    token = await door.token("Aladdin")
    door.authenticator.close()
    door.open()
    door.seconds = HOUR_S
    assert await door.status(token) == 401


async def test_delete_works_at_once_however_it_is_spelled(door: Door) -> None:
    token = await door.token("Aladdin")
    spelled = token.replace("IBSSO ", "ibsso  ")
    assert [await door.status(token), await door.status(spelled)] == [200, 200]
    assert (await door.ask(token, SESSION, "DELETE")).status_code == 204
    assert [await door.status(token), await door.status(spelled)] == [401, 401]
    assert (await door.ask(token, SESSION, "DELETE")).status_code == 401


async def test_what_is_looked_up_while_it_ends_is_not_remembered(door: Door) -> None:
    token = await door.token("Aladdin")
    find = door.store.session
    ended = 0

    async def slow(*values: Any) -> Any:
        nonlocal ended
        row = await find(*values)
        if not ended:  # the row was read; now it ends
            ended = 1
            await door.authenticator.tokens.end(token.partition(" ")[2].encode())
        return row

    door.store.session = slow  # type: ignore[method-assign]
    assert await door.status(token) == 401
    assert await door.status(token) == 401


async def test_delete_wants_the_token_itself(door: Door) -> None:
    token = await door.token("Aladdin")
    assert "Authorization" in faults(await door.ask(basic("Aladdin"), SESSION, "DELETE"))
    assert (await door.ask("", SESSION, "DELETE")).status_code == 401
    assert await door.status(token) == 200


@pytest.mark.parametrize("change", ["password", "removal"])
async def test_a_changed_account_ends_its_sessions(door: Door, change: str) -> None:
    token, other = await door.token("Aladdin"), await door.token("Jasmine")
    assert [await door.status(token), await door.status(other)] == [200, 200]
    if change == "password":
        await door.store.change_account("Aladdin", password_hash=door.hasher.hash("new"))
    else:
        await door.store.remove_account("Aladdin", 1)
    assert [await door.status(token), await door.status(other)] == [401, 200]


async def test_a_password_that_was_changed_meanwhile_begins_no_session(door: Door) -> None:
    """Another process changed it, and this one has not noticed yet."""
    await door.token("Aladdin")
    door.store._db.execute("UPDATE account SET password_hash = 'other'")
    assert (await door.sign_in(GOOD)).status_code == 401


async def test_one_that_gave_way_is_of_no_use_at_once(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.store.sessions.MOST", 2)
    found = []
    for _ in range(3):
        door.seconds += 1
        found.append(await door.token("Aladdin"))
        assert await door.status(found[-1]) == 200
    assert [await door.status(token) for token in found] == [401, 200, 200]


async def test_what_is_kept_in_memory_is_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_KNOWN", 3)
    found = [await door.token("Aladdin") for _ in range(5)]
    assert [await door.status(token) for token in found] == [200] * 5
    assert len(door.authenticator.tokens._known) == 3
    assert (await door.ask(found[0], SESSION, "DELETE")).status_code == 204
    assert [await door.status(token) for token in found] == [401, 200, 200, 200, 200]


async def test_a_disk_that_refuses_a_use_refuses_nobody(door: Door) -> None:
    token = await door.token("Aladdin")

    async def refused(*_: Any) -> None:
        raise StoreUnavailable("the disk is full")

    door.store.use_session = refused  # type: ignore[method-assign]
    for at in range(0, 3 * HOUR_S, 600):
        door.seconds = at
        assert await door.status(token) == 200


async def test_signing_in_goes_through_the_queue_and_the_guesses_of_basic(door: Door) -> None:
    for n in range(10):
        assert (await door.sign_in({"username": "Aladdin", "password": f"wrong {n}"})).status_code == 401
    before = door.hasher.verified
    refused = await door.sign_in(GOOD)
    assert (refused.status_code, await door.status(basic("Aladdin"), HOME)) == (429, 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert door.hasher.verified == before
