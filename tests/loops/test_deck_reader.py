"""The deck reader: when it is asked, once for each time, and with faults not at all."""

import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ringback.config import Config, load
from ringback.loops.deck_reader import DeckReader
from ringback.model.tariff import RateDeck
from tests.eventually import eventually_async

HEAD = "prefix,mccMnc,pricePerSecond,currency\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "rates.csv"
    path.write_text(HEAD + "41,,1,EUR\n")
    return load({"data": str(tmp_path), "tariff": str(path)}, {})


async def test_only_when_it_is_asked(config: Config) -> None:
    used: list[RateDeck] = []
    reader = DeckReader(config.deck, used.append)
    await reader.run_once()
    assert used == []
    config.tariff.write_text(HEAD + "42,,2,EUR\n")
    reader.ask()
    await reader.run_once()
    await reader.run_once()
    assert [list(deck.rates) for deck in used] == [["42"]]


async def test_a_deck_with_faults_is_logged_line_by_line_and_not_used(config: Config) -> None:
    used: list[RateDeck] = []
    reader = DeckReader(config.deck, used.append)
    for text, named in ((HEAD + "x,,1,EUR\n42,,y,EUR\n", ["line 2: ", "line 3: "]), ("", ["line 1: "])):
        config.tariff.write_text(text)
        reader.ask()
        with capture_logs() as logs:
            await reader.run_once()
        assert [entry["log_level"] for entry in logs] == ["error"]
        assert all(line in logs[0]["why"] for line in named)
    config.tariff.unlink()
    reader.ask()
    with capture_logs() as logs:
        await reader.run_once()
    assert "can't be read" in logs[0]["why"]
    assert used == []


async def test_what_is_asked_while_it_reads_is_read_afterwards(config: Config) -> None:
    reading, go_on, used = threading.Event(), threading.Event(), []

    def read() -> RateDeck:
        reading.set()
        assert go_on.wait(10)
        return config.deck()

    reader = DeckReader(read, used.append)
    reader.start()
    reader.ask()
    await eventually_async(reading.is_set, 5, "it reads")
    reader.ask()
    go_on.set()
    await eventually_async(lambda: len(used) == 2, 5, "it has read twice")
    await reader.stop()
