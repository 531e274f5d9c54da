"""What every engine of speech does: the right words once, at their rate, with their pauses, whatever happens to it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.audio.speaking import ChildSpeech
from ringback.audio.speech import SpeechFailed
from ringback.model.message import Voice
from tests.audio.spoken import ENGINES, SENTENCE, Engine, alive, longest_silence, loudest

DEFAULT = Voice()


@pytest.fixture(params=ENGINES.values(), ids=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen: Engine = request.param
    return chosen


@pytest.fixture
async def speech(engine: Engine, tmp_path: Path) -> AsyncIterator[ChildSpeech]:
    speech = engine(tmp_path / "speech", limit_s=40)
    await speech.start()
    yield speech
    await speech.stop()


async def test_a_sentence_is_heard(speech: ChildSpeech) -> None:
    sound = await speech.say(SENTENCE, "en", DEFAULT)
    assert sound.rate == 8000
    assert 2 < sound.seconds < 6
    assert 8_000 < loudest(sound) < 32_000


async def test_the_same_is_synthesised_once(speech: ChildSpeech) -> None:
    sounds = await asyncio.gather(*(speech.say(SENTENCE, "en", DEFAULT) for _ in range(20)))
    again = await speech.say(SENTENCE, "EN", DEFAULT)
    assert speech.made == 1
    assert {sound.pcm for sound in sounds} == {again.pcm}


async def test_what_was_said_is_found_after_a_restart(engine: Engine, speech: ChildSpeech, tmp_path: Path) -> None:
    first = await speech.say(SENTENCE, "en", DEFAULT)
    await speech.stop()
    restarted = engine(tmp_path / "speech")
    await restarted.start()
    assert await restarted.say(SENTENCE, "en", DEFAULT) == first
    assert restarted.made == 0
    await restarted.stop()


async def test_a_comma_is_half_a_second(speech: ChildSpeech) -> None:
    for text, silence in (("one, two", 0.5), ("one,,,, two", 2.0), ("one,,,,two", 2.0), ("one, 2, 3", 0.5)):
        for rate in (1.0, 2.0):
            sound = await speech.say(text, "en", DEFAULT, rate)
            assert longest_silence(sound) == pytest.approx(silence, abs=0.1), (text, rate)
    for text in ("one two", "1,000", "3,14"):
        assert longest_silence(await speech.say(text, "en", DEFAULT)) < 0.3, text


async def test_the_rate_is_kept(speech: ChildSpeech) -> None:
    text = "Your parcel will arrive tomorrow"
    slow, usual, fast = [(await speech.say(text, "en", DEFAULT, rate)).seconds for rate in (0.5, 1.0, 2.0)]
    assert 1.5 < slow / usual < 2.2
    assert 0.4 < fast / usual < 0.7
    assert speech.made == 3


async def test_a_date_is_read_as_one(speech: ChildSpeech) -> None:
    await speech.say("It is on 2026-11-24", "en-us", DEFAULT)
    await speech.say("It is on November 24 2026", "en-us", DEFAULT)
    assert speech.made == 1


async def test_markup_is_spoken_not_obeyed(speech: ChildSpeech) -> None:
    """Obeyed, a tag would be silent, and phonemes in brackets would be one short word."""
    word = await speech.say("hello", "en", DEFAULT)
    tagged = await speech.say("<prosody rate='x-slow'>hello</prosody>", "en", DEFAULT)
    assert tagged.seconds > word.seconds + 1
    pause = await speech.say("hello <break time='20s'/>", "en", DEFAULT)
    assert pause.seconds < 8
    bracketed = await speech.say("[[" + "a:" * 5 + "]]", "en", DEFAULT)
    plain = await speech.say("a:" * 5, "en", DEFAULT)
    assert bracketed.seconds == pytest.approx(plain.seconds, rel=0.5)


HOSTILE = [
    "".join(map(chr, range(1, 0x80))),
    "hello " * 60,
    "a" * 100,
    "😀👩‍❤️‍💋‍👨" * 2,
    "שלום עולם \u202e مرحبا",
    "\ud800 hello",
    "%s%n%n &amp; \\ ; | 'hello'",
    "9" * 60,
    "e" + "\u0301" * 100,
]


async def test_hostile_texts_do_not_kill_it(speech: ChildSpeech) -> None:
    pid = speech.pid
    for text in HOSTILE:
        assert loudest(await speech.say(text, "en", DEFAULT)) > 1000, text[:20]
    assert speech.pid == pid


async def test_what_can_not_be_spoken_fails(speech: ChildSpeech) -> None:
    for text in ("", " ", "\x01\x02", ",,,"):
        with pytest.raises(SpeechFailed, match="nothing"):
            await speech.say(text, "en", DEFAULT)


async def test_an_unknown_language_fails(speech: ChildSpeech) -> None:
    for language in ("xx", "", "variant", "../../etc/passwd"):
        with pytest.raises(SpeechFailed, match="there is no language"):
            await speech.say(SENTENCE, language, DEFAULT)
        assert speech.voices(language) == []


async def test_an_unknown_voice_is_the_default_one(speech: ChildSpeech) -> None:
    first = speech.voices("en")[0]
    assert first.is_default
    named = await speech.say("hi", "en", Voice(name=first.name.upper()))
    for voice in (Voice(name="Joanna"), Voice(name=""), Voice(name="Vicki", gender="neuter"), Voice(gender="male")):
        assert await speech.say("hi", "en", voice) == named
    assert speech.made == 1


async def test_killed_in_mid_request_it_says_it_all_the_same(speech: ChildSpeech) -> None:
    pid = speech.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    saying = asyncio.create_task(speech.say(SENTENCE, "en", DEFAULT))
    await asyncio.wait([saying], timeout=0.2)
    assert not saying.done()
    os.kill(pid, signal.SIGKILL)
    assert (await saying).seconds > 2
    assert speech.pid != pid


async def test_hanging_it_fails_and_the_next_is_spoken(engine: Engine, tmp_path: Path) -> None:
    speech = engine(tmp_path, limit_s=6)
    await speech.start()
    pid = speech.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(SpeechFailed, match="longer than 6 seconds"):
        await speech.say(SENTENCE, "en", DEFAULT)
    assert not alive(pid)
    assert (await speech.say(SENTENCE, "en", DEFAULT)).seconds > 2
    await speech.stop()


async def test_one_who_gives_up_takes_nothing_from_the_others(speech: ChildSpeech) -> None:
    first = asyncio.create_task(speech.say(SENTENCE, "en", DEFAULT))
    second = asyncio.create_task(speech.say(SENTENCE, "en", DEFAULT))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).seconds > 2
    assert speech.made == 1


async def test_stopped_while_it_speaks_it_fails(engine: Engine, tmp_path: Path) -> None:
    speech = engine(tmp_path)
    await speech.start()
    pid = speech.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    saying = asyncio.create_task(speech.say(SENTENCE, "en", DEFAULT))
    await asyncio.wait([saying], timeout=0.2)
    await speech.stop()
    with pytest.raises(SpeechFailed):
        await saying
    assert not alive(pid)
