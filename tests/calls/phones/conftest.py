"""Phones for a module's tests, in a hurry: a second of ringing takes a tenth."""

from collections.abc import Callable, Iterator

import pytest

from tests.calls.phones.box import PACE, Box, Caller, running_box


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("box")
    with running_box(folder, "--pace", str(PACE), "--keep-audio", str(folder / "audio")) as box:
        yield box


@pytest.fixture
def call(box: Box) -> Iterator[Callable[[str], Caller]]:
    callers: list[Caller] = []

    def caller(number: str) -> Caller:
        callers.append(Caller(box.port, number))
        return callers[-1]

    yield caller
    for each in callers:
        each.close()
