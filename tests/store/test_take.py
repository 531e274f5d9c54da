"""Taking: limits, order, filters, and the Idempotency-Key."""

import asyncio

import msgspec
import pytest

from ringback.model.account import Account
from ringback.model.later_form import paired
from ringback.model.report import beside, tts3_json
from ringback.model.times import HOUR
from ringback.store.store import Answer, Filter, Keep, Store, Taken
from tests.store.builders import (
    ANY,
    NOW,
    a_bulk,
    a_key,
    an_account,
    an_end,
    finish_all,
    ids_in,
    ids_of,
    rendered,
    take,
    with_reports,
)


async def test_reports_come_in_the_order_in_which_they_were_finished(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", 6), NOW)
    calls = await store.claim(6, NOW)
    order = [calls[n] for n in (3, 0, 5, 1, 4, 2)]
    for call in order:
        await store.finish(*an_end(call))
    finished = [call.message_id for call in order]
    assert await take(store, account.id, 1) == finished[:1]
    assert await take(store, account.id, 3) == finished[1:4]
    assert await take(store, account.id, 50) == finished[4:]
    assert await take(store, account.id, 50) == []


async def test_reports_are_given_as_they_were_rendered(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", 4), NOW)
    rendered_once = []
    for call in await store.claim(4, NOW):
        end = an_end(call)
        await store.finish(*end)
        rendered_once.append(tts3_json(end[2]))
    first = await store.take(account.id, 3, ANY, NOW)
    last = await store.take(account.id, 3, ANY, NOW)
    assert first.reports.decode() == ",".join(rendered_once[:3])
    assert last.reports.decode() == rendered_once[3]
    assert await store.take(account.id, 3, ANY, NOW) == Taken()


@pytest.mark.parametrize("keep", [None, a_key("k")])
@pytest.mark.parametrize("wanted", [ANY, Filter(bulk_id="b")])
async def test_reports_come_in_pairs_with_what_is_kept_beside_them(
    store: Store, account: Account, keep: Keep[bytes] | None, wanted: Filter
) -> None:
    await store.accept(account.id, a_bulk("b", 4), NOW)
    pairs = []
    for call in await store.claim(4, NOW):
        end = an_end(call)
        await store.finish(*end)
        pairs.append(paired(tts3_json(end[2]), beside(end[2])))
    await take(store, account.id, message="b-00001")
    taken = await store.take(account.id, 9, wanted, NOW, keep, pairs=True)
    assert taken.reports == b",".join([pairs[0], *pairs[2:]])


async def test_who_takes_pairs_and_who_takes_none_share_a_step(store: Store, account: Account) -> None:
    order = await with_reports(store, account.id, "b", 4)
    plain, pairs = await asyncio.gather(
        store.take(account.id, 2, ANY, NOW), store.take(account.id, 2, ANY, NOW, pairs=True)
    )
    found = msgspec.json.decode(b"[" + pairs.reports + b"]")
    assert ids_of(plain.reports) + [report["messageId"] for report, _ in found] == order


async def test_only_what_is_returned_is_consumed(store: Store, account: Account) -> None:
    first = await with_reports(store, account.id, "b", 3)
    second = await with_reports(store, account.id, "c", 3)
    assert await take(store, account.id, message=second[1]) == second[1:2]
    assert await take(store, account.id, 2, bulk="c") == [second[0], second[2]]
    assert await take(store, account.id, 2) == first[:2]
    assert await take(store, account.id, 2) == first[2:]


FILTERS = [
    ({"bulk": "b"}, ["b1", "b2"]),
    ({"bulk": "c"}, ["c1"]),
    ({"message": "b2"}, ["b2"]),
    ({"bulk": "b", "message": "b2"}, ["b2"]),
    ({"bulk": "c", "message": "b2"}, []),
    ({"bulk": "unknown"}, []),
    ({"message": "unknown"}, []),
    ({"bulk": "unknown", "message": "b1"}, []),
    ({"bulk": "pending"}, []),
    ({"message": "p1"}, []),
    ({}, ["b1", "c1", "b2"]),
]


@pytest.mark.parametrize("kept", [False, True], ids=["plain", "with a key"])
@pytest.mark.parametrize(("wanted", "given"), FILTERS)
async def test_filters(store: Store, account: Account, wanted: dict[str, str], given: list[str], kept: bool) -> None:
    for bulk, message in (("b", "b1"), ("c", "c1")):
        await with_reports(store, account.id, bulk, [message])
    await with_reports(store, account.id, "d", ["d1"])
    assert await take(store, account.id, bulk="d") == ["d1"]
    await store.accept(account.id, a_bulk("pending", ["p1"]), NOW + 1)
    await _late_second_of_b(store, account)
    keep = a_key("k") if kept else None
    answer = await store.take(account.id, 9, Filter(wanted.get("bulk"), wanted.get("message")), NOW, keep)
    assert ids_of(answer.reports) == given
    left = [id_ for id_ in ["b1", "c1", "b2"] if id_ not in given]
    assert await take(store, account.id) == left


async def _late_second_of_b(store: Store, account: Account) -> None:
    """A bulk whose second report comes after another bulk's."""
    await store.accept(account.id, a_bulk("x", ["b2"]), NOW)
    (call,) = await store.claim(1, NOW)
    of_b = msgspec.structs.replace(call, bulk_id="b")
    await store.finish(*an_end(of_b))


async def test_a_bulk_is_taken_a_piece_at_a_time(store: Store, account: Account) -> None:
    """Also when some of it was taken in other ways, before or in between."""
    ids = await with_reports(store, account.id, "b", 20)
    assert await take(store, account.id, 3) == ids[:3]
    assert await take(store, account.id, 4, bulk="b") == ids[3:7]
    assert await take(store, account.id, message=ids[8]) == [ids[8]]
    assert await take(store, account.id, 4, bulk="b") == [ids[7], *ids[9:12]]
    assert await take(store, account.id, 2) == ids[12:14]
    assert await take(store, account.id, 4, bulk="b") == ids[14:18]
    late = await with_reports(store, account.id, "c", 2)
    assert await take(store, account.id, 4, bulk="b") == ids[18:]
    assert await take(store, account.id, 4, bulk="b") == []
    assert await take(store, account.id, 4, bulk="c") == late


async def test_nobody_takes_anothers_reports(store: Store, account: Account) -> None:
    other = await an_account(store)
    (mine,) = await with_reports(store, account.id, "b", ["m"])
    assert await take(store, other.id) == []
    assert await take(store, other.id, bulk="b") == []
    assert await take(store, other.id, message=mine) == []
    assert await take(store, account.id) == [mine]


async def test_what_was_taken_stays_taken_when_the_store_is_opened_again(store: Store, account: Account) -> None:
    ids = await with_reports(store, account.id, "b", 9)
    taken = await take(store, account.id, 2) + await take(store, account.id, message=ids[5])
    taken += await take(store, account.id, 3, bulk="b")
    await store.close()
    await store.open()
    rest = await take(store, account.id)
    assert sorted(taken + rest) == sorted(ids)
    assert len(rest) == 3


async def test_a_repeat_gets_the_same_bytes_and_nothing_new(store: Store, account: Account) -> None:
    ids = await with_reports(store, account.id, "b", 5)
    first = await store.take(account.id, 2, ANY, NOW, a_key("k"))
    assert (ids_of(first.reports), first.replayed, first.conflict) == (ids[:2], False, False)
    assert first.answer == rendered(first.reports)
    for _ in range(2):
        again = await store.take(account.id, 2, ANY, NOW, a_key("k"))
        assert (again.reports, again.answer, again.replayed, again.conflict) == (b"", first.answer, True, False)
    await store.close()
    await store.open()
    again = await store.take(account.id, 2, ANY, NOW, a_key("k"))
    assert (again.answer, again.replayed) == (first.answer, True)
    assert await take(store, account.id) == ids[2:]


async def test_the_answer_is_kept_byte_for_byte(store: Store, account: Account) -> None:
    await with_reports(store, account.id, "b", 1)
    odd = Answer("application/xml; charset=utf-8", bytes(range(256)))
    keep = msgspec.structs.replace(a_key("ключ/'\""), render=lambda reports: odd)
    assert (await store.take(account.id, 1, ANY, NOW, keep)).answer == odd
    assert (await store.take(account.id, 1, ANY, NOW, keep)).answer == odd


async def test_a_key_is_good_for_one_question(store: Store, account: Account) -> None:
    ids = await with_reports(store, account.id, "b", 4)
    await store.take(account.id, 1, ANY, NOW, a_key("k", b"one"))
    other = await store.take(account.id, 1, ANY, NOW, a_key("k", b"two"))
    assert (other.conflict, other.reports, other.answer, other.replayed) == (True, b"", None, False)
    assert await take(store, account.id) == ids[1:]


async def test_a_key_is_its_accounts_own(store: Store, account: Account) -> None:
    other = await an_account(store)
    await with_reports(store, account.id, "b", ["mine"])
    await with_reports(store, other.id, "b", ["theirs"])
    for owner, id_ in ((account, "mine"), (other, "theirs")):
        taken = await store.take(owner.id, 9, ANY, NOW, a_key("k"))
        assert (ids_of(taken.reports), taken.replayed) == ([id_], False)


async def test_an_empty_answer_is_not_remembered(store: Store, account: Account) -> None:
    empty = await store.take(account.id, 5, ANY, NOW, a_key("k", b"one"))
    assert (empty.reports, empty.answer, empty.replayed) == (b"", None, False)
    ids = await with_reports(store, account.id, "b", 2)
    full = await store.take(account.id, 5, ANY, NOW, a_key("k", b"two"))
    assert (ids_of(full.reports), full.conflict) == (ids, False)


async def test_of_many_with_one_key_at_once_one_takes(store: Store, account: Account) -> None:
    ids = await with_reports(store, account.id, "b", 40)
    answers = await asyncio.gather(
        *(store.take(account.id, 5, ANY, NOW, a_key("k")) for _ in range(16)),
        *(store.take(account.id, 5, ANY, NOW, a_key("k", b"another")) for _ in range(4)),
    )
    first = next(answer for answer in answers if answer.reports)
    assert [bool(answer.reports) for answer in answers].count(True) == 1
    assert all(answer.answer == first.answer for answer in answers[:16])
    assert all(answer.conflict for answer in answers[16:])
    assert await take(store, account.id) == [id_ for id_ in ids if id_ not in ids_of(first.reports)]


async def test_the_answer_holds_what_was_taken_by_filter_and_key(store: Store, account: Account) -> None:
    await with_reports(store, account.id, "b", 3)
    ids = await with_reports(store, account.id, "c", 3)
    taken = await store.take(account.id, 2, Filter(bulk_id="c"), NOW + HOUR, a_key("k"))
    assert taken.answer
    assert ids_in(taken.answer) == ids[:2]


async def test_a_taker_that_gave_up_before_its_turn_takes_nothing(store: Store, account: Account) -> None:
    """Its connection was closed while others' commit was under way: the reports stay for those who are there."""
    ids = await with_reports(store, account.id, "b", 30)
    first = asyncio.create_task(take(store, account.id, 1))
    for _ in range(3):
        await asyncio.sleep(0)  # the first one's commit is under way
    takers = [asyncio.create_task(take(store, account.id, 5)) for _ in range(4)]
    await asyncio.sleep(0)
    takers[0].cancel()
    takers[2].cancel()
    answers = await asyncio.gather(first, *takers, return_exceptions=True)
    given = [id_ for answer in answers if isinstance(answer, list) for id_ in answer]
    assert sorted(given + await take(store, account.id)) == sorted(ids)


async def test_nothing_is_due_twice_after_a_cancelled_finish(store: Store, account: Account) -> None:
    await store.accept(account.id, a_bulk("b", 20), NOW)
    for turns, call in enumerate(await store.claim(20, NOW)):
        finishing = asyncio.create_task(store.finish(*an_end(call)))
        for _ in range(turns % 5):
            await asyncio.sleep(0)
        finishing.cancel()
        await asyncio.gather(finishing, return_exceptions=True)
    taken = await take(store, account.id)  # its commit comes after those of all that went on
    left = await store.unfinished()
    assert sorted(taken + [call.message_id for call in left]) == [f"b-{n:05}" for n in range(20)]
    assert await finish_all(store) == []
