"""Audio files by URL: had once for however many calls, looked at again by a condition, refused for what they are."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ringback.audio.files import FAILED, FRESH, LARGEST, AudioFiles, FileNotHad, FileNotPlayable
from ringback.audio.speech import Sound
from ringback.outgoing import Outgoing
from tests.audio.encoded import FORMATS, file_of
from tests.eventually import eventually_async
from tests.receiver import LOOPBACK, Behaviour, Receiver, Request, answer, drops, hangs, never_ends

WAV = file_of("wav", 0.5)
MP3 = file_of("mp3", 1.0)


class Shelf:
    """A server's behaviour: it gives a file, to GET and HEAD, with an ETag, and honours a condition."""

    def __init__(self, file: bytes, content_type: str = "audio/mpeg", head: int = 200, **headers: str) -> None:
        self.file, self.content_type, self.head, self.headers = file, content_type, head, headers
        self.etag = '"1"'

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        headers = {"ETag": self.etag, "Content_Type": self.content_type, **self.headers}
        if request.headers.get("if-none-match") == self.etag:
            writer.write(answer(304, ETag=self.etag))
        elif request.method == "GET":
            writer.write(answer(200, self.file, **headers))
        else:
            writer.write(answer(self.head, self.file, **headers).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def at_once(_seconds: float) -> None:
    """Nobody waits between two tries."""


Files: TypeAlias = AudioFiles


@pytest.fixture
def clock() -> Clock:
    return Clock()


Open: TypeAlias = Callable[..., Files]


@pytest.fixture
async def open_files(tmp_path: Path, clock: Clock) -> AsyncIterator[Open]:
    opened: list[tuple[AudioFiles, Outgoing]] = []

    def open_(allowed: tuple[str, ...] = LOOPBACK, folder: str = "files", **limits: float) -> AudioFiles:
        outgoing = Outgoing(allowed)
        files = AudioFiles(tmp_path / folder, outgoing, clock, at_once, **limits)
        opened.append((files, outgoing))
        return files

    yield open_
    for files, outgoing in opened:
        await files.stop()
        await outgoing.close()


@pytest.fixture
def files(open_files: Open) -> Files:
    return open_files()


def at(server: Receiver, path: str = "a") -> str:
    return f"http://127.0.0.1:{server.port}/{path}"


def methods(server: Receiver) -> list[str]:
    return [request.method for request in server.got]


async def refused(wanted: Awaitable[Sound], kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        await wanted


@pytest.mark.parametrize("content_type", ["audio/mpeg", "application/octet-stream", "", "video/mp4", "application/ogg"])
async def test_a_file_is_had_by_head_and_get(files: Files, content_type: str) -> None:
    async with Receiver(Shelf(MP3, content_type)).open() as server:
        sound = await files.sound(at(server))
    assert sound.rate == 8_000
    assert sound.seconds == pytest.approx(1, abs=0.1)
    assert methods(server) == ["HEAD", "GET"]


async def test_every_format(files: Files) -> None:
    for kind in FORMATS:
        async with Receiver(Shelf(file_of(kind, 1), "audio/x")).open() as server:
            assert (await files.sound(at(server))).seconds == pytest.approx(1, abs=0.15), kind


async def test_twenty_that_want_it_are_one_get(files: Files) -> None:
    async with Receiver(Shelf(MP3)).open() as server:
        sounds = await asyncio.gather(*(files.sound(at(server)) for _ in range(20)))
        again = await files.sound(at(server))
    assert {sound.pcm for sound in sounds} == {again.pcm}
    assert methods(server) == ["HEAD", "GET"]


async def test_an_old_one_is_asked_for_by_its_etag(files: Files, clock: Clock) -> None:
    shelf = Shelf(MP3)
    async with Receiver(shelf).open() as server:
        first = await files.sound(at(server))
        clock.now += FRESH + 1
        assert await files.sound(at(server)) == first
        assert methods(server) == ["HEAD", "GET", "GET"]
        assert server.got[-1].headers["if-none-match"] == '"1"'
        await files.sound(at(server))
        assert len(server.got) == 3
        shelf.file, shelf.etag = WAV, '"2"'
        await files.sound(at(server))
        assert len(server.got) == 3
        clock.now += FRESH + 1
        assert (await files.sound(at(server))).seconds == pytest.approx(0.5, abs=0.01)
        assert len(server.got) == 4


async def test_last_modified_does_where_there_is_no_etag(files: Files, clock: Clock) -> None:
    day = "Tue, 24 Nov 2026 09:00:00 GMT"

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        known = request.headers.get("if-modified-since") == day
        writer.write(answer(304) if known else answer(200, WAV * (request.method == "GET"), Last_Modified=day))

    async with Receiver(behave).open() as server:
        first = await files.sound(at(server))
        clock.now += FRESH + 1
        assert await files.sound(at(server)) == first
    assert methods(server) == ["HEAD", "GET", "GET"]


@pytest.mark.parametrize(
    ("control", "fresh_s"), [("max-age=600", 600), ("max-age=1", FRESH), ("max-age=99999999", 3_600)]
)
async def test_cache_control_counts_within_reason(files: Files, clock: Clock, control: str, fresh_s: float) -> None:
    async with Receiver(Shelf(MP3, Cache_Control=f"public, {control}")).open() as server:
        await files.sound(at(server))
        clock.now += fresh_s - 1
        await files.sound(at(server))
        assert len(server.got) == 2
        clock.now += 2
        await files.sound(at(server))
        assert len(server.got) == 3


async def test_a_sound_that_is_no_longer_kept_is_had_again(open_files: Open, tmp_path: Path, clock: Clock) -> None:
    files = open_files()
    async with Receiver(Shelf(MP3)).open() as server:
        first = await files.sound(at(server))
        for age in (0, FRESH + 1):  # known, and to be asked for by its ETag
            clock.now += age
            await asyncio.wait(files._sounds._jobs or [asyncio.ensure_future(at_once(0))])
            files._sounds._memory.clear()
            for path in (tmp_path / "files").glob("*/*"):
                path.unlink()
            assert await files.sound(at(server)) == first


async def test_a_restart_decodes_nothing_again(open_files: Open) -> None:
    async with Receiver(Shelf(MP3)).open() as server:
        files = open_files()
        first = await files.sound(at(server))
        await files.stop()
        later = open_files()
        assert await later.sound(at(server)) == first
        assert later._decoder.pid is None


@pytest.mark.parametrize("status", [400, 403, 405, 500, 501])
async def test_a_server_that_refuses_head_is_asked_by_get(files: Files, status: int) -> None:
    async with Receiver(Shelf(MP3, head=status)).open() as server:
        assert (await files.sound(at(server))).seconds > 0.9
    assert methods(server) == ["HEAD", "GET"]


async def test_a_redirect_is_followed(files: Files) -> None:
    async with Receiver(Shelf(MP3)).open() as there:

        async def elsewhere(_request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(answer(302, Location=at(there)))

        async with Receiver(elsewhere).open() as here:
            assert (await files.sound(at(here))).seconds > 0.9


async def test_a_redirect_inside_is_not_followed(open_files: Open) -> None:
    files = open_files(("127.0.0.1/32",))
    async with Receiver(Shelf(MP3)).open() as there:

        async def elsewhere(_request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(answer(302, Location=f"http://127.0.0.2:{there.port}/"))

        async with Receiver(elsewhere).open() as here:
            await refused(files.sound(at(here)), FileNotHad, "no public address")
    assert not there.got


async def test_a_private_address_is_not_asked(open_files: Open) -> None:
    files = open_files(())
    async with Receiver(Shelf(MP3)).open() as server:
        await refused(files.sound(at(server)), FileNotHad, "no public address")
    assert not server.got


@pytest.mark.parametrize("head", [200, 405])
async def test_four_megabytes_are_too_many(files: Files, head: int) -> None:
    """By what HEAD says of it, and by counting."""
    async with Receiver(Shelf(WAV + bytes(LARGEST - len(WAV)), "audio/wav", head)).open() as server:
        await refused(files.sound(at(server)), FileNotHad, f"not under {LARGEST} bytes")
    assert methods(server) == (["HEAD"] if head == 200 else ["HEAD", "GET"])


async def test_just_under_four_megabytes_is_had(files: Files) -> None:
    async with Receiver(Shelf(WAV + bytes(LARGEST - 1 - len(WAV)))).open() as server:
        assert (await files.sound(at(server))).seconds > 0.4


async def test_a_body_without_an_end_is_counted(files: Files) -> None:
    async with Receiver(never_ends).open() as server:
        await refused(files.sound(at(server)), FileNotHad, r"not under|reached|within")


@pytest.mark.parametrize(
    ("file", "content_type", "reason"),
    [
        (b"<html>sorry</html>", "text/html; charset=utf-8", "text/html"),
        (MP3, "image/png", "image/png"),
        (MP3, "video/webm", "video/webm"),
        (b"<!DOCTYPE html><html>sorry</html>", "audio/mpeg", "none of wav"),
        (file_of("mp4", video=True), "video/mp4", "holds video"),
        (b"", "audio/mpeg", "none of wav"),
    ],
    ids=range(6),
)
async def test_what_is_no_sound(files: Files, file: bytes, content_type: str, reason: str) -> None:
    async with Receiver(Shelf(file, content_type)).open() as server:
        await refused(files.sound(at(server)), FileNotPlayable, reason)


@pytest.mark.parametrize(("status", "asked"), [(404, ["HEAD"]), (410, ["HEAD"]), (401, ["HEAD", "GET"])])
async def test_what_is_not_there_is_asked_for_once(files: Files, clock: Clock, status: int, asked: list[str]) -> None:
    async def behave(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status))

    async with Receiver(behave).open() as server:
        for _ in range(5):
            await refused(files.sound(at(server)), FileNotHad, f"answers {status}")
            clock.now += 1
        assert methods(server) == asked
        clock.now += FAILED
        server.behaviour = Shelf(MP3)
        assert (await files.sound(at(server))).seconds > 0.9


def failing(times: int, fault: Behaviour) -> Behaviour:
    left = [fault] * times

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        await (left.pop() if left and request.method == "GET" else Shelf(MP3))(request, writer)

    return behave


async def overloaded(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(503))


async def cut_short(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(200, MP3, Content_Type="audio/mpeg")[:-100])
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("fault", [overloaded, drops, cut_short])
async def test_what_may_pass_is_tried_three_times(files: Files, clock: Clock, fault: Behaviour) -> None:
    async with Receiver(failing(2, fault)).open() as server:
        assert (await files.sound(at(server))).seconds > 0.9
        assert methods(server).count("GET") == 3
    async with Receiver(failing(3, fault)).open() as server:
        await refused(files.sound(at(server)), FileNotHad, "503|reached")
        assert methods(server).count("GET") == 3


async def test_a_server_that_hangs_is_given_up(open_files: Open) -> None:
    async with Receiver(hangs).open() as server:
        await refused(open_files(within=0.05).sound(at(server)), FileNotHad, "can't be reached")
        await refused(open_files(in_all=0.1).sound(at(server)), FileNotHad, "within 0.1 seconds")


async def test_who_waits_for_the_decoder_behind_others_is_not_given_up(open_files: Open) -> None:
    files = open_files(in_all=0.5)
    loop = asyncio.get_running_loop()
    async with Receiver(Shelf(MP3)).open() as server:
        async with files._decoder._turn:  # somebody else's long file
            wanted = asyncio.ensure_future(files.sound(at(server)))
            begun = loop.time()
            await eventually_async(lambda: loop.time() > begun + 1, 5, "longer than it may take to fetch one")
        assert (await wanted).seconds == pytest.approx(1, abs=0.1)


async def test_nobody_listens(files: Files) -> None:
    async with Receiver(hangs).open() as server:
        pass
    await refused(files.sound(at(server)), FileNotHad, "can't be reached")


async def test_one_who_gives_up_takes_nothing_from_the_others(files: Files) -> None:
    async with Receiver(Shelf(MP3)).open() as server:
        first, second = (asyncio.create_task(files.sound(at(server))) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).seconds > 0.9
    assert methods(server) == ["HEAD", "GET"]


@pytest.mark.parametrize("url", ["http://user:secret@127.0.0.1/", "ftp://127.0.0.1/a", "http://[", "http://\ud800/"])
async def test_no_url_to_be_asked(files: Files, url: str) -> None:
    await refused(files.sound(url), FileNotHad, ".")
