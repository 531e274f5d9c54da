"""What is espeak-ng's own: its languages and voices, its control codes, its process."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ringback.audio.espeak import EspeakSpeech
from ringback.audio.frames import packed, read
from ringback.audio.reading import plain_text
from ringback.audio.speaker import MEMORY
from ringback.audio.voices import EspeakVoices
from ringback.model.message import Voice
from tests.audio.spoken import SENTENCE, alive, loudest
from tests.eventually import eventually

DEFAULT = Voice()


@pytest.fixture
async def speech(tmp_path: Path) -> AsyncIterator[EspeakSpeech]:
    speech = EspeakSpeech(tmp_path / "speech", limit_s=20)
    await speech.start()
    yield speech
    await speech.stop()


async def test_languages_and_voices_differ(speech: EspeakSpeech) -> None:
    wanted = [
        ("en", DEFAULT),
        ("de", DEFAULT),
        ("hr", DEFAULT),
        ("pt-BR", DEFAULT),
        ("en-us", DEFAULT),
        ("en", Voice(gender="female")),
        ("en", Voice(name="male7")),
        ("en", Voice(name="en-gb-SCOTLAND")),
    ]
    sounds = [await speech.say(SENTENCE, *one) for one in wanted]
    assert speech.made == len({sound.pcm for sound in sounds}) == len(wanted)


async def test_the_contracts_choice_of_voice(speech: EspeakSpeech) -> None:
    offers = speech.voices("en")
    assert [offer.name for offer in offers if offer.is_default] == ["en"]
    assert offers[0].is_default
    first_woman = next(offer for offer in offers if offer.gender == "female")
    assert first_woman.name == "female2"
    by_gender = await speech.say(SENTENCE, "en", Voice(gender="female"))
    by_name = await speech.say(SENTENCE, "en", Voice(name=first_woman.name, gender="male"))
    assert by_gender == by_name
    assert await speech.say(SENTENCE, "en", Voice("Joanna", "female")) == by_gender
    assert speech.made == 1


NAMES = {
    "en": ["en", "en-US", "en-GB-scotland", "en-GB-x-gbclan", "en-GB-x-rp", "en-GB-x-gbcwmd", "en-029"],
    "en-us": ["en-US"],
    "en-au": ["en", "en-US", "en-GB-scotland", "en-GB-x-gbclan", "en-GB-x-rp", "en-GB-x-gbcwmd", "en-029"],
    "de": ["de"],
    "HR": ["hr"],
    "pt_br": ["pt-BR"],
    "zh": ["cmn", "cmn-Latn-pinyin", "yue", "yue-Latn-jyutping"],
    "chr-us-qaaa-x-west": ["chr"],  # espeak-ng writes chr-US-Qaaa-x-west
}
WOMEN = ["female2", "female1", "female3", "female4", "female5"]
MEN = ["male3", "male1", "male2", "male4", "male5", "male6", "male7", "male8"]


async def test_names_are_these_and_stay_so(speech: EspeakSpeech) -> None:
    """Customers write them into their programs: one that changes, or goes, is a breach."""
    for language, names in NAMES.items():
        assert [offer.name for offer in speech.voices(language)] == [*names, *WOMEN, *MEN]
    assert {offer.gender for offer in speech.voices("en") if offer.name in WOMEN} == {"female"}
    assert {offer.gender for offer in speech.voices("en") if offer.name not in WOMEN} == {"male"}


async def test_the_order_of_espeaks_list_decides_nothing(speech: EspeakSpeech) -> None:
    hello = speech._speaker.hello["voices"]
    for language in ("en", "zh", "hy", "fr", "en-gb"):
        assert EspeakVoices(hello[::-1]).of(language) == EspeakVoices(hello).of(language)


async def test_every_language_that_is_offered_speaks(speech: EspeakSpeech) -> None:
    languages = {name for *_, claims in speech._speaker.hello["voices"] for _, name in claims}
    spoken = {language for language in languages if speech.voices(language)}
    assert len(spoken) > 120
    for language in spoken:
        assert loudest(await speech.say("la 1 2 3", language, DEFAULT)) > 1000, language


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
    speaker.stdin.write(packed({"parts": [["hello", 0.0]], "voice": "gmw/en", "rate": 1.0}))
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
