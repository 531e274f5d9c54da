"""Idempotent sends: a repeat under the same key calls nobody again (contract section 4)."""

import asyncio

from tests.api.house import House, faults

ASKED = {"bulkId": "b", "messages": [{"text": "hi", "destinations": [{"to": "1234", "messageId": "m"}, {"to": "x"}]}]}


async def test_a_repeat_gets_the_same_bytes_and_nobody_is_called_again(house: House) -> None:
    first = await house.send("advanced", ASKED, **{"Idempotency-Key": "k"})
    again = await house.send("advanced", ASKED, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert [answer.headers.get("idempotent-replayed") for answer in (first, again)] == [None, "true"]
    assert len(await house.kept()) == 1


async def test_without_a_bulk_id_too(house: House) -> None:
    body = {"to": "1234", "text": "hi"}
    first, again = [await house.send("single", body, **{"Idempotency-Key": '"k"'}) for _ in range(2)]
    assert again.json() == first.json()
    assert len(await house.kept()) == 1


async def test_repeats_at_the_same_time(house: House) -> None:
    answers = await asyncio.gather(*(house.send("advanced", ASKED, **{"Idempotency-Key": "k"}) for _ in range(9)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in answers) == ["", *["true"] * 8]
    assert len(await house.kept()) == 1


async def test_a_large_request_too(house: House) -> None:
    body = {"messages": [{"text": "hi", "destinations": [{"to": f"38598{n:06}"} for n in range(3_000)]}]}
    first, again = [await house.send("advanced", body, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert again.content == first.content
    assert len(await house.kept()) == 3_000


async def test_the_same_key_for_another_request_is_422(house: House) -> None:
    await house.send("single", {"to": "1234", "text": "hi"}, **{"Idempotency-Key": "k"})
    other_body = await house.send("single", {"to": "1234", "text": "ho"}, **{"Idempotency-Key": "k"})
    other_path = await house.send("multi", {"messages": [{"to": "1234", "text": "hi"}]}, **{"Idempotency-Key": "k"})
    other_type = await house.send(
        "single", {"to": "1234", "text": "hi"}, **{"Idempotency-Key": "k", "Accept": "application/xml"}
    )
    assert [answer.status_code for answer in (other_body, other_path, other_type)] == [422, 422, 422]
    assert len(await house.kept()) == 1


async def test_a_key_is_an_account_s_own(house: House) -> None:
    mine = await house.send("single", {"to": "1234", "text": "hi"}, **{"Idempotency-Key": "k"})
    async with house.client_of("Jasmine") as other:
        theirs = await other.post("/tts/3/single", json={"to": "1234", "text": "hi"}, headers={"Idempotency-Key": "k"})
    assert (theirs.status_code, "idempotent-replayed" in theirs.headers) == (200, False)
    assert theirs.json() != mine.json()


async def test_what_was_refused_is_not_remembered(house: House) -> None:
    refused = await house.send("single", {"to": "1234"}, **{"Idempotency-Key": "k"})
    assert refused.status_code == 400
    accepted = await house.send("single", {"to": "1234", "text": "hi"}, **{"Idempotency-Key": "k"})
    assert accepted.status_code == 200


async def test_a_used_bulk_id_is_refused_and_the_key_stays_free(house: House) -> None:
    await house.send("advanced", ASKED)
    refused = await house.send(
        "advanced", {**ASKED, "messages": [{"to": "1", "text": "x"}]}, **{"Idempotency-Key": "k"}
    )
    assert refused.status_code == 400
    accepted = await house.send("single", {"to": "1234", "text": "hi"}, **{"Idempotency-Key": "k"})
    assert accepted.status_code == 200


async def test_a_malformed_key_is_400(house: House) -> None:
    answer = await house.send("single", {"to": "1234", "text": "hi"}, **{"Idempotency-Key": "x" * 256})
    assert "Idempotency-Key" in faults(answer)


async def test_an_id_that_was_used_is_told_in_the_kept_answer_too(house: House) -> None:
    await house.send("advanced", ASKED)
    body = {"messages": [{"text": "hi", "destinations": [{"to": "1234", "messageId": "m"}]}]}
    first, again = [await house.send("advanced", body, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.json()["messages"][0]["status"]["id"] == 23
    assert again.content == first.content
