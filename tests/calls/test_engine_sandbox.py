"""The sandbox's phones through the engine and `settle`: each number's report is what docs/sandbox.md promises."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from ringback.audio.recordings import Recordings
from ringback.calls.phones.network import PhoneNetwork
from ringback.model.call import Call, CallResult, Cause
from ringback.model.report import DeliveryReport
from ringback.model.settle import Terms, settle
from ringback.model.tariff import Rate, RateDeck
from tests.calls.conftest import StartEngine
from tests.calls.said import call, channels, likeness, samples, sound

TERMS = Terms(RateDeck({"385": Rate("385", "21901", Decimal("0.5"), "EUR")}), "http://here")
DELIVERED, EXPIRED, UNDELIVERABLE = (3, 5), (4, 15), (2, 9)


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    phones = PhoneNetwork(tmp_path / "phones.log", pace=0.1)
    yield await phones.start()
    await phones.stop()


async def reported(start_engine: StartEngine, port: int, placed: Call) -> tuple[CallResult, DeliveryReport]:
    engine = await start_engine(port, media_lost=1)
    result = await engine.place(placed)
    return result, settle(placed, result, TERMS)


@pytest.mark.parametrize(
    ("digits", "cause", "status", "error"),
    [
        ("03", Cause.REFUSED, EXPIRED, 5002),
        ("04", Cause.NO_ANSWER, EXPIRED, 5003),
        ("05", Cause.REFUSED, EXPIRED, 5603),
        ("06", Cause.REFUSED, EXPIRED, 5480),
        ("07", Cause.REFUSED, UNDELIVERABLE, 5404),
        ("14", Cause.REFUSED, UNDELIVERABLE, 5503),
    ],
)
async def test_who_does_not_answer(
    start_engine: StartEngine, port: int, digits: str, cause: Cause, status: tuple[int, int], error: int
) -> None:
    placed = call("385981" + digits, ring_timeout=1, max_dtmf=1, record=True)
    result, report = await reported(start_engine, port, placed)
    assert result.cause is cause
    assert ((report.status.group_id, report.status.id), report.error.id) == (status, error)
    assert (report.duration, report.dtmf_codes, report.recorded_audio_file_url) == (0, "", None)


@pytest.mark.parametrize(
    ("digits", "text", "most", "keys", "seconds"),
    [
        ("01", "1", 1, "1", 0),
        ("02", "0.6", None, None, 1),
        ("09", "3", None, None, 0),
        ("10", "1", 1, "1", 0),
        ("13", "1", 1, "1", 0),
        ("15", "2", 9, "1234", 1),
        ("15", "2", 3, "123", 1),
        ("78", "1", 1, "1", 0),
    ],
)
async def test_who_answers(
    start_engine: StartEngine, port: int, digits: str, text: str, most: int | None, keys: str | None, seconds: int
) -> None:
    placed = call("385981" + digits, text, max_dtmf=most)
    result, report = await reported(start_engine, port, placed)
    assert result.cause is Cause.ANSWERED
    assert (report.status.group_id, report.status.id, report.error.id) == (*DELIVERED, 5000)
    assert report.dtmf_codes == keys
    assert report.duration in (seconds, seconds + 1)
    assert (result.ringing_at is None) == (digits == "13")


async def test_who_asks_for_it_again(start_engine: StartEngine, port: int, recordings: Recordings) -> None:
    """The pace of the phones is ten times: 3 is pressed 0.15 s after the answer, 9 another 0.2 s later."""
    again = call("38598117", "3", max_dtmf=2, repeat_dtmf="3#", dtmf_timeout=1, record=True, pause=1)
    result, report = await reported(start_engine, port, again)
    assert (result.cause, report.dtmf_codes) == (Cause.ANSWERED, "3,9")
    assert result.recording
    path = recordings.path(result.recording)
    assert path
    _, said = channels(path)
    like, at = likeness(said, samples(sound(3)))
    assert like > 0.99
    assert at < 0.8  # the pause was cut short: what was queued of it fell
    assert report.duration in (4, 5)


async def test_who_vanishes(start_engine: StartEngine, port: int) -> None:
    placed = call("38598116", "20")
    result, report = await reported(start_engine, port, placed)
    assert result.cause is Cause.BROKEN
    assert report.error.id == 5500
    assert result.answered_at
    assert 800 < result.ended_at - result.answered_at < 6_000


async def test_both_sides_are_recorded(start_engine: StartEngine, port: int, recordings: Recordings) -> None:
    placed = call("38598108", "1.2", record=True)
    result, report = await reported(start_engine, port, placed)
    assert result.recording
    assert report.recorded_audio_file_url == f"http://here/tts/3/files/{placed.message_id}/38598108"
    path = recordings.path(result.recording)
    assert path
    heard, said = channels(path)
    assert len(heard) / 8_000 == pytest.approx(1.5, abs=0.3)
    assert likeness(said, samples(sound(1.2)))[0] > 0.99
    assert abs(heard).max() > 1_000
