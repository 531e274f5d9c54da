"""Bodies that are made to hold the event loop: refused early, or taken apart in small steps. See bench/hostile.py."""

import gc
import json
from pathlib import Path
from typing import Any

import pytest

from ringback.api import xml
from ringback.api.beside import beside
from ringback.api.checks import MOST_BLANKS, json_of
from ringback.api.errors import bad_request, body_of
from ringback.api.messages import LARGEST_OTHER_BODY
from ringback.api.xml import LONGEST_TAG, Malformed
from tests.api.house import House

LONG_TAGS = {
    "attributes": b"<request><a " + b" ".join(b'a%d=">"' % n for n in range(60_000)) + b"/></request>",
    "a_name": b"<request><" + b"a" * 2 * LONGEST_TAG + b"/></request>",
    "a_comment": b"<request><!--" + b"x" * 2 * LONGEST_TAG + b"--></request>",
    "never_ended": b"<request><" + b"a" * 2 * LONGEST_TAG,
}


@pytest.mark.parametrize("body", LONG_TAGS.values(), ids=LONG_TAGS.keys())
def test_a_long_tag_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="a tag or comment of more than 262144 bytes"):
        xml.read(body)


@pytest.mark.parametrize("shift", [0, 1, 65_530, 65_536])
def test_xml_in_pieces_is_the_same_xml(shift: int) -> None:
    """Texts of several pieces, and tags, letters and references across their borders."""
    text = "é&amp;" * 100_000
    whole = f'<request><!--{"x" * shift}--><text a="{"y" * 50_000}">{text}</text><to>1</to></request>'
    assert xml.read(whole.encode()) == {"text": text.replace("&amp;", "&"), "to": "1"}


def test_blanks_around_json_are_bounded() -> None:
    assert json_of(b" " * MOST_BLANKS + b"{}") == {}
    with pytest.raises(Malformed, match="blanks"):
        json_of(b" " * MOST_BLANKS + b"{} ")


@pytest.mark.parametrize("count", [1, 500, 501, 1_300])
def test_faults_are_written_in_slices_as_in_one(count: int) -> None:
    named = {f'a[{n}]."é': ["one", '"two"}}}'] for n in range(count)}
    written = json.loads(body_of(bad_request(named), "json"))["requestError"]["serviceException"]
    assert written == {"messageId": "BAD_REQUEST", "text": "Bad request", "validationErrors": named}


@pytest.mark.parametrize("path", ["/tts/3/bulks", "/tts/3/bulks/status"])
async def test_a_body_of_one_field_is_small(house: House, path: str) -> None:
    body = b'{"status":"PAUSED","sendAt":"2030-01-01T00:00:00Z"}'.ljust(LARGEST_OTHER_BODY)
    headers = {"Content-Type": "application/json"}
    most = await house.client.put(path, params={"bulkId": "x"}, content=body, headers=headers)
    more = await house.client.put(path, params={"bulkId": "x"}, content=body + b" ", headers=headers)
    assert (most.status_code, more.status_code) == (400 if path == "/tts/3/bulks" else 404, 413)


async def test_beside_the_loop_nothing_is_collected() -> None:
    def collecting() -> bool:
        return gc.isenabled()

    def failing() -> None:
        raise ValueError

    assert gc.isenabled()
    assert await beside(collecting) is False
    with pytest.raises(ValueError):
        await beside(failing)
    assert gc.isenabled()


async def test_a_time_before_1970_is_1970(house: House) -> None:
    """A year of three digits is no date that the contract knows, and no year at all in some time zones."""
    sent = await house.send("single", {"to": "1234", "text": "hi", "bulkId": "b", "sendAt": "0755-01-01T00:00:00Z"})
    assert sent.status_code == 200
    await house.send("single", {"to": "1234", "text": "hi", "bulkId": "c"})
    moved = await house.client.put("/tts/3/bulks", params={"bulkId": "c"}, json={"sendAt": "0755-01-01T00:00:00Z"})
    seen = await house.client.get("/tts/3/bulks", params={"bulkId": "b"})
    assert {moved.json()["sendAt"][:18], seen.json()["sendAt"][:18]} == {"1970-01-01T00:00:0"}


@pytest.mark.parametrize(("asked", "status"), [("bytes=4-6", 206), ("bytes=99-", 416), ("pages=1", 200), ("x", 200)])
async def test_ranges_of_a_recording(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, status: int
) -> None:
    name = "ab/ab" + "0" * 30 + ".wav"
    (tmp_path / "recordings" / name).parent.mkdir(parents=True)
    (tmp_path / "recordings" / name).write_bytes(b"RIFF0123456789")

    async def recording(*_: Any) -> str:
        return name

    monkeypatch.setattr(house.store, "recording", recording)
    answer = await house.client.get("/tts/3/files/a/1234", headers={"Range": asked, "Accept": "application/xml"})
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == "bytes */14"
        assert answer.text.startswith("<requestError><serviceException><messageId>RANGE_NOT_SATISFIABLE")
