"""The bookmark: what a crash at each moment leaves, who may have it, and what a bad disk does."""

import contextlib
import itertools
import json
import linecache
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringback_client import (
    BadRequest,
    BookmarkDamaged,
    BookmarkExpired,
    BookmarkInUse,
    BookmarkNotKept,
    BookmarkOfAnother,
    NoAnswer,
    Reports,
    Ringback,
)
from tests.client.lossy import Lossy
from tests.client.shelf import fill
from tests.journey.conftest import put_away
from tests.journey.server import PASSWORD, Server

COUNT = 10
TESTS = 60  # accounts on the shelf: each test takes the next


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Iterator[str], list[str]]]:
    """A server with accounts that have reports to collect; their names; the reports' order."""
    folder = tmp_path_factory.mktemp("shelf") / "data"
    names = [f"customer-{number}" for number in range(TESTS)]
    order = fill(folder, names, COUNT)
    server = Server(folder).start()
    yield server, iter(names), order
    put_away(server)


@pytest.fixture
def order(shelf: Any) -> list[str]:
    found: list[str] = shelf[2]
    return found


@pytest.fixture
def proxy(shelf: Any, lossy: Callable[..., Lossy]) -> Lossy:
    """Loses nothing, until its `losses` say otherwise: then answers that the server gave."""
    made: Lossy = lossy(shelf[0].port, seed=1, losses=0, fates=["lost"])
    return made


@pytest.fixture
def client(shelf: Any, proxy: Lossy) -> Iterator[Ringback]:
    with Ringback(proxy.url, user=next(shelf[1]), password=PASSWORD, patience=0) as made:
        yield made


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


def crashed(mark: Path) -> Path:
    """What a crash just now would find on the disk."""
    return Path(shutil.copy(mark, mark.with_name("after-the-crash")))


def rest(client: Ringback, mark: Path, **more: Any) -> list[str]:
    with client.reports(mark, wait=0, **more) as left:
        return [report.message_id for report in left]


@pytest.mark.parametrize("given", range(1, COUNT + 1))
def test_after_a_crash_it_goes_on_with_the_report_in_hand(
    given: int, client: Ringback, mark: Path, order: list[str]
) -> None:
    reports = client.reports(mark, wait=0, limit=4)
    assert [next(reports).message_id for _ in range(given)] == order[:given]
    assert rest(client, crashed(mark), limit=3) == order[given - 1 :]


def test_after_a_crash_an_acknowledged_report_does_not_come_again(
    client: Ringback, mark: Path, order: list[str]
) -> None:
    reports = client.reports(mark, wait=0)
    next(reports)
    reports.acknowledge()
    reports.acknowledge()
    assert rest(client, crashed(mark)) == order[1:]


@pytest.mark.parametrize("given", [0, 3, 4])
def test_after_a_crash_a_lost_answer_is_asked_for_again(
    given: int, client: Ringback, mark: Path, order: list[str], proxy: Lossy
) -> None:
    reports = client.reports(mark, wait=0, limit=4)
    got = [next(reports).message_id for _ in range(given)]
    proxy.losses = 1
    got += until_lost(reports)  # the server has handed them out, and nobody else gets them
    after = crashed(mark)
    proxy.losses = 0
    assert rest(client, mark.with_name("somebody-else"))[:1] == order[len(got) + 4 :][:1]
    assert rest(client, after) == order[len(got) : len(got) + 4]


def until_lost(reports: Reports) -> list[str]:
    got = []
    try:
        while True:
            got.append(next(reports).message_id)
    except NoAnswer:
        return got


def test_next_goes_on_after_any_exception(client: Ringback, mark: Path, order: list[str], proxy: Lossy) -> None:
    reports = client.reports(mark, wait=0, limit=4)
    proxy.losses = 1
    with pytest.raises(NoAnswer):
        next(reports)
    proxy.losses = 0
    assert [report.message_id for report in reports] == order


def test_leaving_asks_once_more_so_that_no_answer_stays_open(
    client: Ringback, mark: Path, order: list[str], proxy: Lossy
) -> None:
    proxy.losses = 1
    with client.reports(mark, wait=0) as reports:
        with pytest.raises(NoAnswer):
            next(reports)
        proxy.losses = 0
    asked = proxy.fates.total()
    with client.reports(mark, wait=0) as reports:
        assert next(reports).message_id == order[0]
    assert proxy.fates.total() == asked  # the answer was on the disk


@pytest.mark.parametrize(("fault", "comes_again"), [(None, False), (RuntimeError, True), (KeyboardInterrupt, True)])
def test_leaving_a_with_block_acknowledges_unless_by_an_exception(
    fault: type[BaseException] | None, comes_again: bool, client: Ringback, mark: Path, order: list[str]
) -> None:
    def leave() -> None:
        with client.reports(mark, wait=0) as reports:
            next(reports)
            if fault is not None:
                raise fault

    if fault is None:
        leave()
    else:
        with pytest.raises(fault):
            leave()
    assert rest(client, mark) == order[0 if comes_again else 1 :]


def test_a_second_iterator_is_refused_until_the_first_is_closed(client: Ringback, mark: Path, order: list[str]) -> None:
    first = client.reports(mark, wait=0)
    with pytest.raises(BookmarkInUse, match="mark: another iterator has this bookmark"):
        client.reports(mark)
    assert refused_elsewhere(mark) == "BookmarkInUse"
    next(first)
    first.close()
    assert refused_elsewhere(mark) == ""
    assert rest(client, mark) == order


def refused_elsewhere(mark: Path) -> str:
    """What another process is told that opens the bookmark."""
    program = """if True:
        import sys
        from ringback_client.bookmark import Bookmark
        try:
            Bookmark(sys.argv[1])
        except Exception as why:
            print(type(why).__name__, end="")
    """
    env = {"PYTHONPATH": str(Path(__file__).parent.parent.parent / "client" / "src")}
    return subprocess.check_output([sys.executable, "-c", program, mark], env=env, text=True)


def test_who_forgets_to_close_it_can_have_it_again(client: Ringback, mark: Path, order: list[str]) -> None:
    for report in client.reports(mark, wait=0):
        assert report.message_id == order[0]
        break
    assert [report.message_id for report in client.reports(mark, wait=0)] == order


def test_a_closed_one_gives_and_writes_nothing(client: Ringback, mark: Path, order: list[str]) -> None:
    reports = client.reports(mark, wait=0)
    next(reports)
    reports.close()
    reports.close()
    reports.acknowledge()
    assert [*reports] == []
    assert rest(client, mark) == order


def test_it_is_the_owner_s_alone(client: Ringback, mark: Path) -> None:
    next(client.reports(mark, wait=0))
    assert mark.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ""),
        ("handed out: 0000001", "handed out: 00000x1"),
        ("bookmark 1", "bookmark 2"),
        ("\n{", "\n"),
        ('"key"', '"kex"'),
        ('"limit": 50', '"limit": null'),
        ('"key": "', '"key": 3, "answer": "'),
        ("}\n", "}"),
        ("DELIVERED_TO_HANDSET", '"'),
        ("messageId", "message_id"),
    ],
)
def test_a_damaged_one_is_refused_by_name(before: str | None, after: str, client: Ringback, mark: Path) -> None:
    reports = client.reports(mark, wait=0)
    assert [next(reports) for _ in range(2)]
    reports.close()
    text = mark.read_text()
    assert before is None or before in text
    mark.write_text(text.replace(before, after) if before else after)
    with pytest.raises(BookmarkDamaged, match="mark: "):
        client.reports(mark)
    mark.write_text(text)
    client.reports(mark).close()  # the lock was let go


def test_where_it_can_t_be_it_says_so(client: Ringback, tmp_path: Path) -> None:
    with pytest.raises(BookmarkNotKept, match="No such file or directory"):
        client.reports(tmp_path / "nowhere" / "mark")
    with pytest.raises(BookmarkNotKept, match="Is a directory"):
        client.reports(tmp_path)


def take_when_full(reports: Reports) -> None:
    """`next`, while no file may grow beyond 100 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        next(reports)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_nothing(client: Ringback, mark: Path, order: list[str], proxy: Lossy) -> None:
    reports = client.reports(mark, wait=0, limit=4)
    with pytest.raises(BookmarkNotKept, match="mark: can't be kept: File too large"):
        take_when_full(reports)
    assert proxy.fates.total() == 0  # nothing is asked that is not written down
    assert not mark.with_name("mark.new").exists()
    got = [next(reports).message_id for _ in range(4)]
    with pytest.raises(BookmarkNotKept):
        take_when_full(reports)
    assert [*got, *rest_of(reports)] == order


def rest_of(reports: Reports) -> list[str]:
    return [report.message_id for report in reports]


def test_an_answer_that_can_t_be_kept_is_asked_for_again(
    client: Ringback, mark: Path, order: list[str], proxy: Lossy
) -> None:
    reports = client.reports(mark, wait=0)
    proxy.losses = 1
    with pytest.raises(NoAnswer):
        next(reports)
    proxy.losses = 0
    with pytest.raises(BookmarkNotKept):
        take_when_full(reports)
    assert rest_of(reports) == order


def changed(mark: Path, **fields: Any) -> None:
    first, second = mark.read_text().splitlines()
    mark.write_text(f"{first}\n{json.dumps(json.loads(second) | fields)}\n")


def test_an_answer_lost_too_long_ago_is_not_passed_over(client: Ringback, mark: Path, proxy: Lossy) -> None:
    proxy.losses = 1
    reports = client.reports(mark, wait=0)
    with pytest.raises(NoAnswer):
        next(reports)
    reports.close()
    changed(mark, asked_at=time.time() - 48 * 3600 - 1)
    proxy.losses = 0
    asked = proxy.fates.total()
    with client.reports(mark, wait=0) as reports, pytest.raises(BookmarkExpired, match="look for them in the logs"):
        next(reports)
    assert proxy.fates.total() == asked


def test_what_is_on_the_disk_never_expires(client: Ringback, mark: Path, order: list[str]) -> None:
    next(client.reports(mark, wait=0, limit=4))
    after = crashed(mark)
    changed(after, asked_at=0.0)
    assert rest(client, after) == order


def test_in_the_middle_it_is_for_the_same_reports_only(
    client: Ringback, mark: Path, order: list[str], shelf: Any
) -> None:
    with client.reports(mark, wait=0) as reports:
        next(reports)
    with pytest.raises(BookmarkOfAnother, match="bulkId=None"):
        client.reports(mark, bulk_id="tape")
    other = Ringback(shelf[0].url, user="Jasmine", password=PASSWORD)
    with other, pytest.raises(BookmarkOfAnother):
        other.reports(mark)
    assert rest(client, mark) == order[1:]
    assert rest(client, mark, bulk_id="tape") == []  # at its end it may be used for others


def test_it_is_found_again_from_another_folder(
    client: Ringback, tmp_path: Path, order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reports = client.reports("mark", wait=0, limit=2)
    next(reports)
    os.chdir("/")
    assert [next(reports).message_id for _ in range(3)] == order[1:4]
    reports.close()
    assert rest(client, tmp_path / "mark")[0] == order[3]


def test_a_question_that_is_refused_leaves_none_open(client: Ringback, mark: Path, order: list[str]) -> None:
    with client.reports(mark, wait=0, limit=0) as reports, pytest.raises(BadRequest, match="limit: must be"):
        next(reports)
    assert rest(client, mark) == order


@pytest.mark.parametrize("which", [{"bulk_id": ""}, {"message_id": ""}, {"bulk_id": "\ud800"}])
def test_a_question_that_would_not_be_what_was_meant(which: dict[str, str], client: Ringback, mark: Path) -> None:
    with pytest.raises(ValueError, match=r"would take all|surrogates"):
        client.reports(mark, **which)  # type: ignore[arg-type]
    client.reports(mark).close()


def test_an_interrupt_at_any_line_loses_nothing_and_doubles_nothing(
    client: Ringback, mark: Path, order: list[str]
) -> None:
    """Ctrl-C at each line in turn of each `next`; the caller goes on with the same iterator."""
    reports = client.reports(mark, wait=0, limit=6)
    got: list[str] = []
    for _ in order:
        for line in itertools.count(1):
            with contextlib.suppress(KeyboardInterrupt):
                got.append(interrupted(line, lambda: next(reports)).message_id)
                break
    assert rest_of(reports) == []
    assert got == order


def interrupted(after: int, act: Callable[[], Any]) -> Any:
    """Raises KeyboardInterrupt at the given line of this package, counted as they are run; not where `next` returns."""
    lines = 0

    def trace(frame: Any, event: str, _argument: object) -> Any:
        nonlocal lines
        code = frame.f_code
        if "ringback_client" not in code.co_filename:
            return None
        if code.co_name == "__next__" and linecache.getline(code.co_filename, frame.f_lineno).strip()[:6] == "return":
            return trace
        lines += event == "line"
        if lines == after and event == "line":
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        return act()
    finally:
        sys.settrace(None)
