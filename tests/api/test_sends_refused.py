"""What a review found that a send or a move took and could not keep."""

from typing import Any

import pytest

from ringback.model.call import CallResult, Cause
from tests.api.house import JSON, XML, House, faults

HI = {"text": "hi", "destinations": [{"to": "1234"}]}


async def test_a_speed_at_which_the_last_would_be_called_years_from_now(house: House) -> None:
    speed = {"speed": 1, "timeUnit": "day"}
    many = {"text": "hi", "destinations": [{"to": "1234"}] * 367, "sendingSpeed": speed}
    assert (await house.send("advanced", {"messages": [many]})).status_code == 200
    refused = await house.send("advanced", {"messages": [many, HI | {"sendingSpeed": speed}]})
    assert faults(refused) == {"sendingSpeed": ["is too slow: 1234 would be called in over 366 days"]}


async def test_more_than_may_ever_wait_is_no_matter_of_patience(house: House) -> None:
    row = next(row for row in await house.store.accounts() if row.account.name == "Aladdin")
    house.store._db.execute("""UPDATE account SET limits = '{"waiting":2}' WHERE id = ?""", (row.account.id,))
    house.store.on_accounts_changed()
    three = {"messages": [{"text": "hi", "to": ["1", "1234", "1235", "1236"]}]}
    wrong = {"messages": ["hold 3 destinations; of yours at most 2 may wait to be called"]}
    assert faults(await house.send("multi", three)) == wrong
    assert (await house.send("advanced", {"messages": [HI, HI]})).status_code == 200
    full = await house.send("advanced", {"messages": [HI]})
    assert (full.status_code, full.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize("name", ["language", "voice", "from", "pause", "repeatDtmf", "maxDtmf", "retry", "sendAt"])
async def test_an_empty_element_is_how_many_write_a_null(house: House, name: str) -> None:
    body = f"<request><to>1234</to><text>hi</text><{name}/></request>".encode()
    assert (await house.send("single", body, **XML)).status_code == 200
    assert len(await house.kept()) == 1


async def test_an_empty_key_is_no_key(house: House) -> None:
    answer = await house.send("advanced", {"messages": [HI]}, **{"Idempotency-Key": ""})
    assert list(faults(answer)) == ["Idempotency-Key"]
    assert await house.kept() == []


async def test_a_bulk_that_only_waits_for_another_attempt_can_t_be_moved(house: House) -> None:
    retry = {"minPeriod": 1, "maxPeriod": 1, "maxCount": 1}
    sent: Any = (await house.send("advanced", {"bulkId": "b", "messages": [HI | {"retry": retry}]})).json()
    (call,) = await house.store.claim(9, 2_000)
    await house.store.postpone(call, CallResult(Cause.NO_ANSWER, 3_000, invited_at=2_000), 60_000)
    moved = await house.client.put(
        "/tts/3/bulks", params={"bulkId": sent["bulkId"]}, json={"sendAt": "1970-01-02T00:00:00Z"}, headers=JSON
    )
    assert faults(moved) == {"bulkId": ["is waiting for another attempt: nothing of it is left to be moved"]}
