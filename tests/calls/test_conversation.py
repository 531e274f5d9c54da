"""What happens on an answered line, on a line whose time is virtual: each test is exact and takes no time."""

import asyncio
from typing import Any

import numpy as np
import pytest

from ringback.audio.recordings import Recordings
from ringback.calls.conversation import STEP, Conversation, Stirring
from ringback.calls.keys import MOST_REPLAYS
from ringback.model.message import VoiceMessage
from tests.calls.said import Samples, channels, likeness, samples, sound

RATE = 16_000  # bytes a second
FRAME = 320
BUFFER = 2 * RATE


class VirtualLine:
    """Implements `Line`. Its clock moves when it is waited on; what happens when is told beforehand."""

    def __init__(self, heard: bytes = b"", keys: dict[float, str] | None = None, ends: float = 1e9) -> None:
        self.now = 0.0
        self.taken = 0
        self.sent = bytearray()  # what went out, silence where there was nothing to say
        self.holds: list[float] = []  # how long each next wait lasts, whatever was asked
        self.replaced: set[float] = set()  # when its streams are replaced
        self.deaf: tuple[float, float] = (1e9, 1e9)  # from when to when it takes nothing
        self._heard = heard
        self._read = 0
        self._keys = dict(sorted((keys or {}).items()))
        self._ends = ends
        self._queue = bytearray()
        self._lost = 0
        self._falling = False  # what is queued, from the next packet on

    def write(self, pcm: bytes) -> int:
        assert not (self._falling and pcm)
        if self.over or self.deaf[0] <= self.now < self.deaf[1]:
            return 0
        taken = pcm[: BUFFER - len(self._queue)]
        self._queue += taken
        self.taken += len(taken)
        return len(taken)

    def read(self) -> bytes:
        until = int(min(self.now, self._ends) * RATE) // FRAME * FRAME
        piece, self._read = self._heard[self._read : until], max(self._read, until)
        return piece

    def unsent(self) -> int:
        return len(self._queue)

    def drop(self) -> None:
        self._falling = len(self._queue) > 0
        self._lost = 0

    def lost(self) -> int:
        lost, self._lost = self._lost, 0
        return lost

    def pressed(self) -> str:
        due = [at for at in self._keys if at <= self.now]
        return "".join(self._keys.pop(at) for at in due)

    @property
    def over(self) -> bool:
        return self.now >= self._ends

    async def stir(self, seconds: float) -> None:
        wanted = self.now + (self.holds.pop(0) if self.holds else seconds)
        soonest = min([wanted, self._ends, *self._keys])
        self._pass(max(soonest, self.now))

    def _pass(self, until: float) -> None:
        for at in sorted(at for at in self.replaced if self.now < at <= until):
            self.replaced.discard(at)
            self._play(at)
            self._lost += len(self._queue)
            self._queue.clear()
        self._play(until)
        self.now = until

    def _play(self, until: float) -> None:
        size = int(until * RATE) // FRAME * FRAME - len(self.sent)
        if self._falling and size:
            del self._queue[FRAME:]
            self._falling = False
        piece = bytes(self._queue[:size])
        del self._queue[:size]
        self.sent += piece + bytes(size - len(piece))


async def held(line: VirtualLine, pcm: bytes, recording: Any = None, **message: Any) -> Conversation:
    talk = Conversation(line, pcm, VoiceMessage(text="", **message), recording, lambda: line.now)
    await talk.hold()
    return talk


async def test_says_everything_in_steps_and_then_hangs_up() -> None:
    line, said = VirtualLine(), sound(7)
    talk = await held(line, said)
    assert bytes(line.sent).startswith(said)
    assert line.now == pytest.approx(7.3, abs=2 * STEP)
    assert (talk.starved, talk.keys) == (0, None)


async def test_a_sound_ends_on_a_whole_packet() -> None:
    line, said = VirtualLine(), sound(1)[:-100]
    await held(line, said)
    assert bytes(line.sent).startswith(said)
    assert line.taken == RATE


async def test_a_loop_held_for_less_than_the_buffer_starves_nobody() -> None:
    line, said = VirtualLine(), sound(7)
    line.holds = [STEP, 1.9]
    assert (await held(line, said)).starved == 0
    assert bytes(line.sent).startswith(said)


async def test_a_loop_held_for_longer_is_counted() -> None:
    line = VirtualLine()
    line.holds = [STEP, 2.5, STEP, 2.2]
    assert (await held(line, sound(9))).starved == 2


async def test_the_end_of_the_speech_is_no_starving() -> None:
    line = VirtualLine()
    line.holds = [5.0]
    assert (await held(line, sound(1))).starved == 0


async def test_a_line_that_takes_nothing_more_is_no_starving() -> None:
    line = VirtualLine(ends=4.0)
    line.deaf = (0.5, 1e9)
    assert (await held(line, sound(9))).starved == 0


async def test_a_line_that_never_takes_a_word_is_given_up() -> None:
    line = VirtualLine()
    line.deaf = (0.0, 1e9)
    talk = await held(line, sound(3))
    assert (talk.stuck, line.taken) == (True, 0)
    assert line.now == pytest.approx(30, abs=2 * STEP)


async def test_a_line_that_is_on_hold_for_a_while_hears_the_rest() -> None:
    line, said = VirtualLine(), sound(9)
    line.deaf = (1.0, 25.0)
    talk = await held(line, said)
    assert (talk.stuck, line.taken) == (False, len(said))


async def test_the_last_key_ends_the_call_in_mid_speech() -> None:
    line = VirtualLine(keys={0.5: "1", 1.0: "2"})
    talk = await held(line, sound(9), max_dtmf=2)
    assert talk.keys
    assert (talk.keys.entries(), line.now) == (("12",), pytest.approx(1.0))


async def test_keys_are_not_heard_when_none_were_asked_for() -> None:
    line = VirtualLine(keys={0.5: "1"})
    assert (await held(line, sound(2))).keys is None
    assert line.now > 2


@pytest.mark.parametrize(
    ("keys", "ends"),
    [({}, 1 + 3), ({0.5: "1"}, 1 + 3), ({2.0: "1"}, 2 + 3), ({2.0: "1", 4.5: "2"}, 4.5 + 3), ({2.0: "#"}, 2)],
)
async def test_waits_for_keys_from_the_later_of_the_last_key_and_the_last_word(
    keys: dict[float, str], ends: float
) -> None:
    line = VirtualLine(keys=keys)
    talk = await held(line, sound(1), max_dtmf=9, dtmf_timeout=3)
    assert line.now == pytest.approx(ends, abs=2 * STEP)
    assert talk.keys
    assert "".join(talk.keys.entries()) == "".join(keys.values()).strip("#")


@pytest.mark.parametrize("keys", [{}, {2.9: "1"}])
async def test_call_timeout_ends_whatever_goes_on(keys: dict[float, str]) -> None:
    line = VirtualLine(keys=keys)
    await held(line, sound(9), max_dtmf=9, call_timeout=3)
    assert line.now == pytest.approx(3, abs=STEP)


async def test_the_other_side_hangs_up() -> None:
    line = VirtualLine(keys={0.99: "1"}, ends=1.0)
    talk = await held(line, sound(9), max_dtmf=5)
    assert line.now == 1.0
    assert talk.keys
    assert (talk.keys.entries(), talk.starved) == (("1",), 0)


async def test_replaced_streams_lose_no_word() -> None:
    """A re-INVITE costs what was queued; it is said again, at most a step of it twice."""
    line, said = VirtualLine(), sound(4)
    line.replaced, line.deaf = {1.0}, (1.0, 1.5)
    talk = await held(line, said)
    sent = bytes(line.sent)
    assert sent.startswith(said[:RATE])
    again = sent.find(said[RATE : RATE + 4_000])
    assert 1.5 * RATE <= again <= (1.5 + 3 * STEP) * RATE
    assert sent[again:].startswith(said[RATE:])
    assert talk.starved == 0


async def test_a_pause_is_silence_before_the_first_word() -> None:
    line, said = VirtualLine(), sound(2)
    talk = await held(line, said, pause=3)
    sent = bytes(line.sent)
    assert sent.startswith(bytes(3 * RATE) + said)
    assert line.now == pytest.approx(5.3, abs=2 * STEP)
    assert talk.starved == 0


async def test_a_pause_is_recorded_and_keys_in_it_count(recordings: Recordings) -> None:
    line = VirtualLine()
    _, right = await recorded(line, recordings, sound(2), pause=3)
    assert likeness(right, samples(sound(2))) == (pytest.approx(1), pytest.approx(3.0, abs=0.001))
    assert abs(right[: 3 * 8_000]).max() == 0
    line = VirtualLine(keys={1.0: "4"})
    talk = await held(line, sound(2), pause=3, max_dtmf=1)
    assert talk.keys
    assert (talk.keys.entries(), line.now) == (("4",), pytest.approx(1.0))


def rounds(line: VirtualLine, said: bytes) -> list[float]:
    """At which seconds the message began to be said."""
    first, sent, found, at = said[:2_000], bytes(line.sent), [], -1
    while (at := sent.find(first, at + 1)) >= 0:
        found.append(at / RATE)
    return found


async def test_a_key_says_it_again_from_its_beginning() -> None:
    line, said = VirtualLine(keys={1.5: "3"}), sound(4)
    talk = await held(line, said, repeat_dtmf="13", max_dtmf=1, dtmf_timeout=2)
    begun = rounds(line, said)
    assert begun == [0.0, pytest.approx(1.5, abs=2 * STEP)]
    assert bytes(line.sent)[int(begun[1] * RATE) :].startswith(said)
    assert line.now == pytest.approx(begun[1] + 4 + 2, abs=3 * STEP)
    assert talk.keys
    assert (talk.keys.entries(), talk.starved, talk.stuck) == (("3",), 0, False)


async def test_it_is_said_again_after_the_last_word_too_and_then_the_entry_ends_it() -> None:
    line, said = VirtualLine(keys={2.0: "3", 4.0: "9"}), sound(1)
    talk = await held(line, said, repeat_dtmf="3", max_dtmf=1)
    assert rounds(line, said) == [0.0, pytest.approx(2.0, abs=2 * STEP)]
    assert talk.keys
    assert (talk.keys.entries(), line.now) == (("3", "9"), pytest.approx(4.0))


async def test_the_pause_is_not_said_again() -> None:
    line, said = VirtualLine(keys={1.0: "3", 3.0: "3"}), sound(1)
    talk = await held(line, said, pause=5, repeat_dtmf="3", dtmf_timeout=3)
    assert talk.starved == 0
    assert rounds(line, said) == [pytest.approx(1.0, abs=2 * STEP), pytest.approx(3.0, abs=2 * STEP)]


async def test_what_fell_is_waited_for_before_it_is_said_anew() -> None:
    """Another key wakes it a quarter of a packet later."""
    line, said = VirtualLine(keys={1.0: "3", 1.005: "7"}), sound(4)
    await held(line, said, repeat_dtmf="3", dtmf_timeout=1)
    assert bytes(line.sent)[int(rounds(line, said)[1] * RATE) :].startswith(said)


async def test_five_times_and_no_more() -> None:
    line, said = VirtualLine(keys={n + 0.7: "3" for n in range(9)}), sound(0.5)
    talk = await held(line, said, repeat_dtmf="3", dtmf_timeout=3)
    assert len(rounds(line, said)) == 1 + MOST_REPLAYS
    assert talk.keys
    assert talk.keys.entries() == ("3",) * MOST_REPLAYS
    assert line.now < 5.7 + 1  # nothing is waited for any more


async def test_the_call_timeout_ends_the_repeating() -> None:
    line = VirtualLine(keys={n / 2: "3" for n in range(1, 9)})
    await held(line, sound(9), repeat_dtmf="3", call_timeout=3)
    assert line.now == pytest.approx(3, abs=STEP)


async def test_with_keys_that_repeat_the_call_waits_for_them() -> None:
    line = VirtualLine(keys={2.0: "7"})
    talk = await held(line, sound(1), repeat_dtmf="3", dtmf_timeout=4)
    assert line.now == pytest.approx(2 + 4, abs=2 * STEP)
    assert talk.keys
    assert talk.keys.entries() == ()


async def test_what_is_said_again_is_recorded_as_it_was_heard(recordings: Recordings) -> None:
    line, said = VirtualLine(keys={1.5: "3"}), sound(3)
    _, right = await recorded(line, recordings, said, pause=1, repeat_dtmf="3", dtmf_timeout=1)
    (first, again), whole = rounds(line, said), samples(said)
    assert likeness(right, whole) == (pytest.approx(1), pytest.approx(again, abs=STEP + 0.001))
    assert likeness(right[: 8_000 * 3 // 2], whole[:3_800]) == (pytest.approx(1), pytest.approx(first, abs=0.001))
    assert len(right) / 8_000 == pytest.approx(again + 3 + 1, abs=3 * STEP)


async def test_replaced_streams_in_a_replay_lose_no_word() -> None:
    line, said = VirtualLine(keys={1.0: "3"}), sound(4)
    line.replaced, line.deaf = {1.05, 2.0}, (2.0, 2.5)
    talk = await held(line, said, repeat_dtmf="3", dtmf_timeout=1)
    sent, (_, begun) = bytes(line.sent), rounds(line, said)
    heard = int((2.0 - begun) * RATE) // FRAME * FRAME  # of the second round, until its streams were replaced too
    assert sent[int(begun * RATE) :].startswith(said[:heard])
    assert said[heard + FRAME :] in sent
    assert talk.starved == 0


async def recorded(line: VirtualLine, recordings: Recordings, said: bytes, **message: Any) -> list[Samples]:
    recording = recordings.open()
    await held(line, said, recording, **message)
    name = await recording.close()
    assert name
    path = recordings.path(name)
    assert path
    return channels(path)


async def test_both_tracks_lie_as_it_was_heard(recordings: Recordings) -> None:
    theirs = sound(5, seed=2)
    line = VirtualLine(heard=bytes(RATE) + theirs)
    left, right = await recorded(line, recordings, sound(4))
    assert len(left) / 8_000 == pytest.approx(4.3, abs=2 * STEP)
    assert likeness(left, samples(theirs)[:24_000]) == (pytest.approx(1), pytest.approx(1.0, abs=0.001))
    assert likeness(right, samples(sound(4))) == (pytest.approx(1), pytest.approx(0.0, abs=0.001))


async def test_late_packets_tear_no_hole(recordings: Recordings) -> None:
    theirs = sound(4, seed=2)
    line = VirtualLine(heard=theirs)
    line.holds = list(np.random.default_rng(3).uniform(0.01, 0.09, size=60))
    left, _ = await recorded(line, recordings, sound(3))
    assert likeness(left, samples(theirs)[:20_000]) == (pytest.approx(1), pytest.approx(0.0, abs=0.001))


async def test_what_was_never_heard_is_silence_in_its_place(recordings: Recordings) -> None:
    """The stack throws the oldest away when nobody reads for a second."""
    theirs = sound(5, seed=2)
    line = VirtualLine(heard=theirs)
    line.holds = [STEP] * 10 + [1.5]
    whole = line.read
    line.read = lambda: whole()[-RATE // 2 :]  # type: ignore[method-assign]
    left, _ = await recorded(line, recordings, sound(4))
    assert likeness(left, samples(theirs)[20_000:30_000]) == (pytest.approx(1), pytest.approx(2.5, abs=0.001))


async def test_a_recording_ends_where_the_other_side_hung_up(recordings: Recordings) -> None:
    line = VirtualLine(heard=sound(9, seed=2), ends=1.5)
    left, right = await recorded(line, recordings, sound(9))
    assert len(left) == len(right) == pytest.approx(12_000, abs=480)
    assert likeness(right, samples(sound(9))[: len(right) - 480])[0] > 0.99


async def test_a_bell_that_rings_before_the_wait_is_heard() -> None:
    bell = Stirring()
    bell.ring()
    await asyncio.wait_for(bell.wait(30), 1)
    before = asyncio.get_running_loop().time()
    await bell.wait(0.02)
    assert asyncio.get_running_loop().time() - before >= 0.015
