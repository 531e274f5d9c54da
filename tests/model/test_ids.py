"""Ids: UUIDs of version 7 that only grow."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from ringback.model.ids import _RANDOM_BITS, _Sequence, new_id


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_it() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after + 1
    assert str(made) == str(uuid.UUID(str(made)))


def test_ids_are_written_as_uuids_are() -> None:
    made = new_id()
    assert made == str(uuid.UUID(made))


def test_each_is_above_the_one_before() -> None:
    made = [new_id() for _ in range(5_000)]
    assert made == sorted(set(made))
    assert {uuid.UUID(one).version for one in made} == {7}


def test_threads_never_get_the_same() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: [new_id() for _ in range(500)], range(8)))
    assert all(some == sorted(some) for some in made)
    assert len({one for some in made for one in some}) == 4_000


def test_they_grow_when_the_clock_steps_back_or_stands() -> None:
    sequence = _Sequence()
    made = [sequence.following(millisecond) for millisecond in (1_000, 1_000, 900, 0, 1_000, 1_001)]
    assert made == sorted(set(made))
    assert made[0] >> _RANDOM_BITS == 1_000 == made[4] >> _RANDOM_BITS
    assert made[5] >> _RANDOM_BITS == 1_001


def test_they_cannot_be_guessed_from_one_another() -> None:
    first, second = ([sequence.following(1) for _ in range(3)] for sequence in (_Sequence(), _Sequence()))
    assert not set(first) & set(second)
    assert first[1] - first[0] != first[2] - first[1]
