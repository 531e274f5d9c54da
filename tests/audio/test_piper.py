"""What is Piper's own: the operator's files, their names and languages, and how they stand before espeak-ng's."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.audio.engines import SpeechEngines
from ringback.audio.espeak import EspeakSpeech
from ringback.audio.piper import PiperSpeech
from ringback.audio.piper_speaker import AT_ONCE, breaths
from ringback.audio.speech import SpeechFailed
from ringback.model.message import Voice
from ringback.model.voice import VoiceFile
from tests.audio.spoken import JOE, loudest


@pytest.fixture
def engines(tmp_path: Path) -> tuple[PiperSpeech, EspeakSpeech]:
    return PiperSpeech([JOE], tmp_path / "piper"), EspeakSpeech(tmp_path / "espeak")


@pytest.fixture
async def speech(engines: tuple[PiperSpeech, EspeakSpeech]) -> AsyncIterator[SpeechEngines]:
    speech = SpeechEngines(engines)
    await speech.start()
    yield speech
    await speech.stop()


async def test_the_operators_voice_is_the_languages_default(
    speech: SpeechEngines, engines: tuple[PiperSpeech, EspeakSpeech]
) -> None:
    piper, espeak = engines
    for language in ("en", "EN-us", "en_GB"):
        first, *others = speech.voices(language)
        assert (first.name, first.gender, first.is_default, first.is_neural) == ("joe", "male", True, True)
        assert others
        assert not any(offer.is_default or offer.is_neural for offer in others)
    assert [offer.is_default for offer in speech.voices("de")][:2] == [True, False]
    assert speech.voices("xx") == []
    await speech.say("hello", "en", Voice())
    await speech.say("good bye", "en", Voice("JOE", "female"))
    assert (piper.made, espeak.made) == (2, 0)
    await speech.say("hello", "en", Voice(gender="female"))
    await speech.say("hello", "en", Voice("male3"))
    await speech.say("hallo", "de", Voice("joe"))
    assert (piper.made, espeak.made) == (2, 3)
    with pytest.raises(SpeechFailed, match="no language"):
        await speech.say("hello", "xx", Voice("joe"))


async def test_a_region_with_files_of_its_own(tmp_path: Path) -> None:
    british = VoiceFile("en-gb", tmp_path / "en_GB-alan-low.onnx")
    speech = PiperSpeech([JOE, british, VoiceFile("en", tmp_path / "mine.onnx")], tmp_path)
    assert [(offer.name, offer.is_default) for offer in speech.voices("en-gb")] == [("alan", True)]
    assert [(offer.name, offer.is_default) for offer in speech.voices("en-us")] == [("joe", True), ("mine", False)]


async def test_a_file_that_is_no_voice_is_named_at_the_start(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    shutil.copy(f"{JOE.path}.json", f"{broken}.json")
    speech = PiperSpeech([VoiceFile("en", broken)], tmp_path / "kept")
    with pytest.raises(SpeechFailed, match=r"broken\.onnx is not a voice"):
        await speech.start()
    await speech.stop()


async def test_another_voice_under_the_same_name_is_heard(tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    shutil.copy(JOE.path, mine)
    shutil.copy(f"{JOE.path}.json", f"{mine}.json")
    for made in (1, 0):
        speech = PiperSpeech([VoiceFile("en", mine)], tmp_path / "kept")
        await speech.start()
        assert loudest(await speech.say("hi", "en", Voice())) > 1000
        assert speech.made == made
        await speech.stop()
    shutil.copy(JOE.path, mine)  # written anew: its time tells
    speech = PiperSpeech([VoiceFile("en", mine)], tmp_path / "kept")
    await speech.start()
    await speech.say("hi", "en", Voice())
    assert speech.made == 1
    await speech.stop()


def test_breath_is_taken_between_words() -> None:
    sentence = list("abcd " * 200)
    pieces = list(breaths(sentence))
    assert [phoneme for piece in pieces for phoneme in piece] == sentence
    assert all(len(piece) <= AT_ONCE for piece in pieces)
    assert all(piece[-1] == " " for piece in pieces)
    assert [len(piece) for piece in breaths(["a"] * (AT_ONCE + 1))] == [AT_ONCE, 1]
