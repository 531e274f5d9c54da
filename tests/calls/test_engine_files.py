"""A message that is a file: it is had before anything rings, and then heard; or nothing rings at all."""

import socket

import pytest

from ringback.audio.recordings import Recordings
from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.message import Network, VoiceMessage
from ringback.model.report import DeliveryReport
from ringback.model.settle import Terms, settle
from ringback.model.tariff import parse_deck
from tests.audio.encoded import file_of
from tests.audio.test_decoder import pitch
from tests.audio.test_files import Shelf
from tests.calls import scenario as s
from tests.calls.conftest import StartEngine
from tests.calls.said import channels, now
from tests.calls.test_engine import Phone
from tests.receiver import Receiver, answer, answers

TERMS = Terms(parse_deck("prefix,mccMnc,pricePerSecond,currency\n"), "http://here")


def call_of(url: str, **message: object) -> Call:
    said = VoiceMessage(audio_file_url=url, **message)  # type: ignore[arg-type]
    return Call(Account(1, "Aladdin"), "bulk", "id", 1, "38598102", Network.SANDBOX, said, now())


async def test_a_file_is_heard(start_engine: StartEngine, sipp: Phone, recordings: Recordings) -> None:
    async with Receiver(Shelf(file_of("mp3", 1.0, hertz=600))).open() as server:
        with sipp(s.invited(), s.answers(), s.hung_up_on()) as phone:
            engine = await start_engine(phone.port)
            result = await engine.place(call_of(f"http://127.0.0.1:{server.port}/a.mp3", record=True))
            await phone.ended_well()
    assert result.cause is Cause.ANSWERED
    assert result.file_seconds == pytest.approx(1, abs=0.1)
    assert result.recording
    path = recordings.path(result.recording)
    assert path
    _, ours = channels(path)
    assert pitch(ours.astype("<i2").tobytes()) == pytest.approx(600, abs=5)


@pytest.mark.parametrize(
    ("behaviour", "cause", "error"),
    [
        (answers(answer(404)), Cause.NO_AUDIO_FILE, 5004),
        (Shelf(b"<html>"), Cause.BAD_AUDIO_FILE, 5005),
        (Shelf(file_of("mp4", 0.2, video=True), "video/mp4"), Cause.BAD_AUDIO_FILE, 5005),
    ],
    ids=["not-there", "no-sound", "video"],
)
async def test_nothing_rings_for_a_file_that_is_not_to_be_heard(
    start_engine: StartEngine, behaviour: Shelf, cause: Cause, error: int
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
        trunk.bind(("127.0.0.1", 0))
        trunk.setblocking(False)
        engine = await start_engine(trunk.getsockname()[1])
        async with Receiver(behaviour).open() as server:
            call = call_of(f"http://127.0.0.1:{server.port}/a.mp3")
            result = await engine.place(call)
        assert (result.cause, result.invited_at) == (cause, None)
        with pytest.raises(BlockingIOError):
            trunk.recv(1)
    assert _error_of(call, result) == (error, 9)


def _error_of(call: Call, result: CallResult) -> tuple[int, int]:
    report = settle(call, result, TERMS)
    assert isinstance(report, DeliveryReport)
    return report.error.id, report.status.id
