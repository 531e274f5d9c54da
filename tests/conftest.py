"""What every test gets: uvloop for `async def` tests, and a skip that fails where nothing may be skipped."""

import os
from collections.abc import Generator
from typing import Any, TypeVar

import pytest

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)

NOTHING_SKIPPED = "RINGBACK_TEST_NOTHING_SKIPPED"


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _without_skip((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _without_skip((yield))


def _without_skip(report: R) -> R:
    if os.environ.get(NOTHING_SKIPPED) and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: skipped, while {NOTHING_SKIPPED} is set: {reason}"
    return report
