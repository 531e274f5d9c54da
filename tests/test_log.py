"""What may get into a log line, and that it stays one line."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from granian import log as granian_log

from ringback import log

FORGED = 'nice\n2026-01-01T00:00:00Z [info] forged\r\x1b[2K\u2028\u202e"'


class Lines:
    """What was written to stderr since the last look."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def read(self) -> str:
        return self._capture.readouterr().err


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    yield Lines(capsys)
    root.handlers, root.level = before, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_stranger_s_text_can_not_forge_a_line(out: Lines, form: str) -> None:
    log.set_up("info", form)
    structlog.get_logger("x").info("seen", by=FORGED, among=[FORGED], of={FORGED: FORGED})
    logging.getLogger("library").warning("saw %s", FORGED)
    text = out.read()
    assert text.count("\n") == 2
    assert not set("\r\x1b\u2028\u202e") & set(text)


def test_off_a_terminal_lines_are_json(out: Lines) -> None:
    log.set_up("info", "auto")
    structlog.get_logger("x").info("call_placed", to="385981178", seconds=1.5)
    logging.getLogger("library").error("oh")
    ours, theirs = map(json.loads, out.read().splitlines())
    assert (ours["event"], ours["to"], ours["seconds"], ours["level"]) == (
        "call_placed",
        "385981178",
        1.5,
        "info",
    )
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("oh", "library", "error")


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_password_and_no_spoken_text(out: Lines, form: str) -> None:
    log.set_up("info", form)
    structlog.get_logger("x").info(
        "seen", password="s3cret", text="s3cret", deep={"api_key": "s3cret"}, trunk="sip:me:s3cret@pbx"
    )
    logging.getLogger("baresip.ua").warning("registering sip:me:s3cret@pbx failed")
    text = out.read()
    assert "s3cret" not in text
    assert "sip:me:***@pbx" in text


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_s_text_can_not_forge_a_line_either(out: Lines, form: str) -> None:
    log.set_up("info", form)
    try:
        raise ValueError("bad\nforged\x1b")
    except ValueError:
        structlog.get_logger("x").exception("failed")
    text = out.read()
    assert "ValueError: bad" in text
    assert "\nforged" not in text
    assert "\x1b" not in text


def test_libraries_are_quiet_where_they_chatter(out: Lines) -> None:
    log.set_up("debug", "json")
    for name in ("httpx", "httpcore.connection", "asyncio", "baresip.call"):
        logging.getLogger(name).info("chatter")
    logging.getLogger("_granian").warning("Embedded server is experimental!")
    logging.getLogger("_granian").warning("something else")
    assert [json.loads(line)["event"] for line in out.read().splitlines()] == ["something else"]


def test_the_level_is_heeded(out: Lines) -> None:
    log.set_up("warning", "json")
    structlog.get_logger("x").info("not this")
    structlog.get_logger("x").warning("this")
    text = out.read()
    assert "not this" not in text
    assert "this" in text


def test_granian_s_own_set_up_leaves_ours_alone(out: Lines) -> None:
    log.set_up("info", "json")
    granian_log.configure_logging(granian_log.LogLevels.info, log.GRANIAN)
    logging.getLogger("_granian").warning("through ours")
    assert json.loads(out.read())["event"] == "through ours"
