"""espeak-ng speaks: the right language and voice, any text, once each, and it survives what happens to it."""

import asyncio
import os
import signal
import subprocess
import sys
from array import array
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ringback.audio.espeak import EspeakSpeech
from ringback.audio.frames import packed, read
from ringback.audio.speaker import MEMORY, plain_text
from ringback.audio.speech import Sound, SpeechFailed
from ringback.model.message import Voice
from tests.eventually import eventually

SENTENCE = "Hello, this is Ringback. Your parcel will arrive tomorrow."
DEFAULT = Voice()


@pytest.fixture
async def speech(tmp_path: Path) -> AsyncIterator[EspeakSpeech]:
    speech = EspeakSpeech(tmp_path / "speech", limit_s=20)
    await speech.start()
    yield speech
    await speech.stop()


def loudest(sound: Sound) -> int:
    return max(abs(sample) for sample in array("h", sound.pcm))


def alive(pid: int) -> bool:
    """A zombie, which only waits for its parent, is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_sentence_is_heard(speech: EspeakSpeech) -> None:
    sound = await speech.say(SENTENCE, "en", DEFAULT)
    assert sound.rate == 8000
    assert 2 < sound.seconds < 5
    assert 8_000 < loudest(sound) < 32_000


async def test_the_same_is_synthesised_once(speech: EspeakSpeech) -> None:
    sounds = await asyncio.gather(*(speech.say(SENTENCE, "en", DEFAULT) for _ in range(20)))
    again = await speech.say(SENTENCE, "EN", DEFAULT)
    assert speech.made == 1
    assert {sound.pcm for sound in sounds} == {again.pcm}


async def test_what_was_said_is_found_after_a_restart(speech: EspeakSpeech, tmp_path: Path) -> None:
    first = await speech.say(SENTENCE, "en", DEFAULT)
    await speech.stop()
    restarted = EspeakSpeech(tmp_path / "speech")
    await restarted.start()
    assert await restarted.say(SENTENCE, "en", DEFAULT) == first
    assert restarted.made == 0
    await restarted.stop()


async def test_languages_and_voices_differ(speech: EspeakSpeech) -> None:
    wanted = [
        ("en", DEFAULT),
        ("de", DEFAULT),
        ("hr", DEFAULT),
        ("pt-BR", DEFAULT),
        ("en-us", DEFAULT),
        ("en", Voice(gender="female")),
        ("en", Voice(name="male7")),
        ("en", Voice(name="english (AMERICA, new york city)")),
    ]
    with pytest.raises(SpeechFailed):
        await speech.say(SENTENCE, "en", wanted[-1][1])  # that voice does not claim to speak plain `en`
    sounds = [await speech.say(SENTENCE, *one) for one in wanted[:-1]]
    assert speech.made == len({sound.pcm for sound in sounds}) == len(wanted) - 1


async def test_the_contracts_choice_of_voice(speech: EspeakSpeech) -> None:
    offers = speech.voices("en")
    assert [offer.name for offer in offers if offer.is_default] == ["English (Great Britain)"]
    assert offers[0].is_default
    first_woman = next(offer for offer in offers if offer.gender == "female")
    assert first_woman.name == "female2"
    by_gender = await speech.say(SENTENCE, "en", Voice(gender="female"))
    by_name = await speech.say(SENTENCE, "en", Voice(name=first_woman.name, gender="male"))
    assert by_gender == by_name
    assert await speech.say(SENTENCE, "en", Voice(gender="male")) == await speech.say(SENTENCE, "en", DEFAULT)
    assert speech.made == 2


@pytest.mark.parametrize(
    ("language", "voice", "reason"),
    [
        ("xx", DEFAULT, "there is no language 'xx'"),
        ("", DEFAULT, "there is no language"),
        ("variant", DEFAULT, "there is no language"),
        ("../../etc/passwd", DEFAULT, "there is no language"),
        ("en", Voice(name="Joanna"), "there is no voice 'Joanna' for the language 'en'"),
        ("en", Voice(name="German"), "there is no voice 'German'"),
        ("en", Voice(name=""), "there is no voice ''"),
        ("en", Voice(gender="neuter"), "there is no neuter voice"),
    ],
)
async def test_unknown_languages_and_voices_fail(
    speech: EspeakSpeech, language: str, voice: Voice, reason: str
) -> None:
    with pytest.raises(SpeechFailed, match=reason):
        await speech.say(SENTENCE, language, voice)
    assert speech.voices("xx") == []
    assert speech.voices("chr-us-qaaa-x-west")  # espeak-ng writes chr-US-Qaaa-x-west


async def test_markup_is_spoken_not_obeyed(speech: EspeakSpeech) -> None:
    """Obeyed, a tag would be silent, and phonemes in brackets would be one short word."""
    word = await speech.say("hello", "en", DEFAULT)
    tagged = await speech.say("<prosody rate='x-slow'>hello</prosody>", "en", DEFAULT)
    assert tagged.seconds > word.seconds + 2
    pause = await speech.say("hello <break time='20s'/>", "en", DEFAULT)
    assert pause.seconds < 8
    bracketed = await speech.say("[[" + "a:" * 5 + "]]", "en", DEFAULT)
    plain = await speech.say("a:" * 5, "en", DEFAULT)
    assert bracketed.seconds == pytest.approx(plain.seconds, rel=0.3)


async def test_espeaks_control_codes_do_nothing(speech: EspeakSpeech) -> None:
    """U+0001 and `5S` would set the speed for this text and, worse, for all that follow."""
    usual = await speech.say(SENTENCE, "en", DEFAULT)
    await speech.say(f"\x0180S {SENTENCE}", "en", DEFAULT)
    after = await speech.say(SENTENCE + " ", "en", DEFAULT)
    assert after.seconds == pytest.approx(usual.seconds, rel=0.02)
    assert plain_text("a\x01b\x00c\x9bd\ue03ce\ud800f\u202eg") == "a b c d e f\u202eg"


@pytest.mark.parametrize(
    "text",
    [
        "".join(map(chr, range(1, 0x2000))).replace("\ud800", ""),
        "hello " * 3333,
        "a" * 20_000,
        "😀👩‍❤️‍💋‍👨" * 300,
        "שלום עולם \u202e مرحبا",
        "漢" * 300,
        "\ud800 hello",
        "%s%n%n &amp; \\ ; | 'hello'",
        "9" * 2000,
        "ﷺ" * 200,
        "e" + "\u0301" * 2000,
    ],
    ids=range(11),
)
async def test_hostile_texts_do_not_kill_it(speech: EspeakSpeech, text: str) -> None:
    pid = speech.pid
    assert loudest(await speech.say(text, "en", DEFAULT)) > 1000
    assert speech.pid == pid


async def test_what_can_not_be_spoken_fails(speech: EspeakSpeech) -> None:
    for text in ("", " ", "\x01\x02"):
        with pytest.raises(SpeechFailed, match="nothing"):
            await speech.say(text, "en", DEFAULT)


async def test_killed_in_mid_request_it_says_it_all_the_same(speech: EspeakSpeech) -> None:
    pid = speech.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    saying = asyncio.create_task(speech.say(SENTENCE, "en", DEFAULT))
    await asyncio.wait([saying], timeout=0.2)
    assert not saying.done()
    os.kill(pid, signal.SIGKILL)
    assert (await saying).seconds > 2
    assert speech.pid != pid


async def test_hanging_it_fails_and_the_next_is_spoken(tmp_path: Path) -> None:
    speech = EspeakSpeech(tmp_path, limit_s=3)
    await speech.start()
    pid = speech.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(SpeechFailed, match="longer than 3 seconds"):
        await speech.say(SENTENCE, "en", DEFAULT)
    assert not alive(pid)
    assert (await speech.say(SENTENCE, "en", DEFAULT)).seconds > 2
    await speech.stop()


async def test_one_who_gives_up_takes_nothing_from_the_others(speech: EspeakSpeech) -> None:
    first = asyncio.create_task(speech.say(SENTENCE, "en", DEFAULT))
    second = asyncio.create_task(speech.say(SENTENCE, "en", DEFAULT))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).seconds > 2
    assert speech.made == 1


async def test_stopped_while_it_speaks_it_fails(tmp_path: Path) -> None:
    speech = EspeakSpeech(tmp_path)
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


PARENT = """
import asyncio, pathlib, sys
from ringback.audio.espeak import EspeakSpeech
from ringback.model.message import Voice
async def main():
    speech = EspeakSpeech(pathlib.Path(sys.argv[1]))
    await speech.start()
    saying = asyncio.create_task(speech.say("hello " * int(sys.argv[2]), "en", Voice()))
    await asyncio.wait([saying], timeout=0.2)
    print(speech.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("words", ["1", "20000"], ids=["idle", "speaking"])
def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path, words: str) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path), words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    eventually(lambda: not alive(pid), 2, "the end of the speaker")


@pytest.fixture
def speaker() -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "ringback.audio.speaker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        hello = read(process.stdout)
        assert hello
        assert hello[0]["version"]
        yield process
        process.kill()


def test_sigterm_ends_it(speaker: "subprocess.Popen[bytes]") -> None:
    speaker.send_signal(signal.SIGTERM)
    assert speaker.wait(5) == -signal.SIGTERM


def test_ctrl_c_is_not_for_it_and_the_end_of_its_input_is(speaker: "subprocess.Popen[bytes]") -> None:
    assert speaker.stdin
    assert speaker.stdout
    speaker.send_signal(signal.SIGINT)
    speaker.stdin.write(packed({"text": "hello", "voice": "gmw/en"}))
    speaker.stdin.flush()
    answer = read(speaker.stdout)
    assert answer
    assert len(answer[1]) > 4000
    speaker.stdin.close()
    assert speaker.wait(5) == 0


def test_its_memory_is_limited(speaker: "subprocess.Popen[bytes]") -> None:
    limits = Path(f"/proc/{speaker.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert line.split()[3:5] == [str(MEMORY)] * 2
