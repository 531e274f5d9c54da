"""Sends over a connection that loses answers: each message is called once."""

import os
import wave
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringback_client import Destination, Message, NoAnswer, NotFound, Report, Ringback, SendResponse
from tests.client.lossy import Lossy
from tests.journey.server import PASSWORD, Server

SEED = int(os.environ.get("CLIENT_SEED", "3"))
SENDS = 24


def collect(client: Ringback, bookmark: Path, count: int) -> list[Report]:
    with client.reports(bookmark, wait=10) as reports:
        return [next(reports) for _ in range(count)]


def test_each_is_called_once_and_reported_once_though_answers_get_lost(
    town: Server, account: str, lossy: Callable[..., Lossy], tmp_path: Path
) -> None:
    proxy = lossy(town.port, SEED, losses=0.4)
    numbers = [f"417910{number:03}03" for number in range(SENDS)]
    with Ringback(proxy.url, user=account, password=PASSWORD) as client:
        sent = [client.send(Message(number, "Hi", callback_data=number)) for number in numbers]
        reports = collect(client, tmp_path / "bookmark", SENDS)
    print(SEED, proxy.fates)
    assert proxy.fates["whole"] < proxy.fates.total()
    assert [town.invites()[number] for number in numbers] == [1] * SENDS
    assert {(one.messages[0].message_id, one.messages[0].to) for one in sent} == {
        (report.message_id, report.to) for report in reports
    }
    assert {report.error.name for report in reports} == {"EC_VOICE_USER_BUSY"}


def test_a_send_whose_answers_were_all_lost_is_repeated_by_its_key(
    town: Server, account: str, lossy: Callable[..., Lossy], tmp_path: Path
) -> None:
    proxy = lossy(town.port, SEED, losses=1, fates=["lost"])
    message = Message([Destination("+41 79 990 203", "mine"), "41799100303"], "Hi")
    with Ringback(proxy.url, user=account, password=PASSWORD, patience=0.5) as client:
        with pytest.raises(NoAnswer) as lost:
            client.send(message)
        proxy.losses = 0
        sent = client.send(message, idempotency_key=lost.value.idempotency_key)
        reports = collect(client, tmp_path / "bookmark", 2)
    assert {report.message_id for report in reports} == {one.message_id for one in sent.messages}
    assert town.invites()["41799100303"] == town.invites()["4179990203"] == 1


def test_what_the_server_says_of_each_number(client: Ringback) -> None:
    sent = client.send(Message(["41799100103", "nobody"], "Hi"), Message(Destination("41799100103", "m"), "Ho"))
    assert isinstance(sent, SendResponse)
    assert [(one.to, one.refused) for one in sent.messages] == [
        ("41799100103", False),
        ("nobody", True),
        ("41799100103", False),
    ]
    good, bad, mine = sent.messages
    assert (good.status.name, bad.status.name, bad.status.action) == (
        "PENDING_ACCEPTED",
        "REJECTED_DESTINATION",
        "Check to parameter.",
    )
    assert good.message_id
    assert (bad.message_id, mine.message_id) == (None, "m")


def test_a_bulk_is_moved_paused_resumed_and_cancelled_over_lost_answers(
    town: Server, account: str, lossy: Callable[..., Lossy], tmp_path: Path
) -> None:
    proxy = lossy(town.port, SEED, fates=["lost", "torn", "gateway"])
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    with Ringback(proxy.url, user=account, password=PASSWORD) as client:
        sent = client.send(Message("41799100103", "Hi", send_at=tomorrow), bulk_id="my bulk/é&")
        bulk = client.bulk(sent.bulk_id)
        assert (bulk.bulk_id, bulk.send_at, bulk.status) == ("my bulk/é&", tomorrow, "PENDING")
        later = tomorrow + timedelta(hours=1, milliseconds=5)
        assert client.move_bulk(sent.bulk_id, later) == client.bulk(sent.bulk_id).send_at == later
        assert client.pause(sent.bulk_id) == client.bulk(sent.bulk_id).status == "PAUSED"
        assert client.resume(sent.bulk_id) == "PENDING"
        assert client.cancel(sent.bulk_id) == client.bulk(sent.bulk_id).status == "CANCELED"
        (report,) = collect(client, tmp_path / "bookmark", 1)
    assert (report.status.id, report.error.id, report.error.permanent) == (15, 4100, True)


@pytest.mark.parametrize("message_id", ["plain", "..", "a/../b c%2F?é"])
def test_a_recording_is_had_whole_though_answers_get_lost(
    message_id: str, client: Ringback, town: Server, account: str, lossy: Callable[..., Lossy], tmp_path: Path
) -> None:
    client.send(Message(Destination("41799100213", message_id), "Please press one.", record=True, max_dtmf=1))
    (report,) = collect(client, tmp_path / "bookmark", 1)
    assert (report.message_id, report.dtmf_codes) == (message_id, "1")
    assert report.recorded_audio_file_url
    proxy = lossy(town.port, SEED, losses=0.3, fates=["torn", "refused"])
    with Ringback(proxy.url, user=account, password=PASSWORD) as over_losses:
        sound = over_losses.recording(report)
        for number in range(4):
            over_losses.save_recording(report, tmp_path / f"{number}.wav")
            assert (tmp_path / f"{number}.wav").read_bytes() == sound
    with wave.open(str(tmp_path / "0.wav")) as heard:
        assert heard.getnframes() > heard.getframerate()
    assert not [*tmp_path.glob("*.part")]


def test_a_recording_that_there_is_not(client: Ringback, tmp_path: Path) -> None:
    client.send(Message("41799100303", "Hi"))
    (report,) = collect(client, tmp_path / "bookmark", 1)
    with pytest.raises(NotFound):
        client.save_recording(report, tmp_path / "no.wav")
    assert [path.name for path in tmp_path.glob("*.wav*")] == []
