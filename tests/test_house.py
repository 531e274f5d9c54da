"""The house rules: sizes, names, no mocks, no sleeping, and which part may import which.

Every rule is a function from a root folder to the list of its breaches, so that it can be tried on a bad tree
as well as on this one. The length of a function is its lines from `def` (decorators apart) to its last line,
without blank lines and without its docstring; a function inside another counts for both.
"""

import ast
import asyncio
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually, eventually_async

ROOT = Path(__file__).parent.parent
CODE = ("src", "client", "bench")
ALL = (*CODE, "tests")

MEDIAN, LONGEST, FILE = 10, 50, 400
NO_NAMES = {"util", "helper", "common", "manager", "service"}

PINNED = re.compile(r"[\w.-]+(\[[\w,-]+\])?==[^\s;]+( ; [^/@]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")

EVERYONE = {"config", "settings", "log", "metrics"}  # these may be imported by all but the model
LAYERS: dict[str, set[str]] = {
    "model": set(),
    "config": {"model"},
    "settings": {"model"},
    "log": {"model"},
    "metrics": {"model"},
    "outgoing": {"model"},
    "audio": {"model", "outgoing"},
    "calls": {"model", "audio"},
    "store": {"model"},
    "loops": {"model", "store", "calls", "audio", "outgoing"},
    "api": {"model", "audio", "store"},
    "lifeline": {"model"},
    "welcome": {"model"},
    "demonstration": {"model", "store", "api", "welcome"},
    "supervisor": {"model"},
    "__main__": {"cli"},
    "__init__": set(),
}
LAYERS["app"] = {*LAYERS} - {"__main__"}
LAYERS["cli"] = {*LAYERS} - {"__main__"}  # with its parts, cli_*.py

Function = ast.FunctionDef | ast.AsyncFunctionDef
Rule = Callable[[Path], list[str]]


def files(root: Path, tops: tuple[str, ...]) -> Iterator[Path]:
    return (path for top in tops for path in sorted((root / top).rglob("*.py")) if ".venv" not in path.parts)


def nodes(root: Path, tops: tuple[str, ...]) -> Iterator[tuple[str, ast.AST]]:
    for path in files(root, tops):
        for node in ast.walk(ast.parse(path.read_text())):
            yield f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)}", node


def length(function: Function, lines: list[str]) -> int:
    first, last = function.lineno, function.end_lineno or function.lineno
    counted = {number for number in range(first, last + 1) if lines[number - 1].strip()}
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        counted -= set(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    return len(counted)


def lengths(root: Path, tops: tuple[str, ...]) -> dict[str, int]:
    return {
        f"{path.relative_to(root)}:{node.lineno} {node.name}": length(node, text.splitlines())
        for path in files(root, tops)
        for text in [path.read_text()]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, Function)
    }


def median_too_long(root: Path) -> list[str]:
    median = statistics.median(lengths(root, ("src",)).values() or [0])
    return [f"the median function of src has {median:g} lines, over {MEDIAN}"] if median > MEDIAN else []


def long_functions(root: Path) -> list[str]:
    return [f"{where}: {lines} lines" for where, lines in lengths(root, ALL).items() if lines > LONGEST]


def long_files(root: Path) -> list[str]:
    counts = {path: len(path.read_text().splitlines()) for path in files(root, ALL)}
    return [f"{path.relative_to(root)}: {lines} lines" for path, lines in counts.items() if lines > FILE]


def empty_names(root: Path) -> list[str]:
    paths = [path.relative_to(root) for path in files(root, ALL)]
    words = {path: re.split(r"[/_]", path.with_suffix("").as_posix().lower()) for path in paths}
    return [str(path) for path in paths if NO_NAMES & {word.removesuffix("s") for word in words[path]}]


def imported(node: ast.AST) -> list[str]:
    """The dotted names that an import statement names: `from a import b` is a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def mocks(root: Path) -> list[str]:
    return [
        f"{where}: imports {name}"
        for where, node in nodes(root, ALL)
        for name in imported(node)
        if re.match(r"(unittest\.)?mock\b|pytest_mock\b", name)
    ]


def patched_time(root: Path) -> list[str]:
    """Time and randomness are parameters; nobody reaches into their modules."""
    return [
        f"{where}: patches {ast.unparse(node.args[0])}"
        for where, node in nodes(root, ALL)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
        if ast.unparse(node.func) == "monkeypatch.setattr"
        if re.match(r"['\"]?(time|datetime|random|secrets|asyncio)\b", ast.unparse(node.args[0]))
    ]


def sleeps(root: Path) -> list[str]:
    """Any mention of a `sleep`, called or not, in a test, but for the call `asyncio.sleep(0)`."""
    found = list(nodes(root, ("tests",)))
    allowed = {
        id(node.func) for _, node in found if isinstance(node, ast.Call) and ast.unparse(node) == "asyncio.sleep(0)"
    }
    return [
        f"{where}: sleep"
        for where, node in found
        if (isinstance(node, ast.Attribute) and node.attr == "sleep" and id(node) not in allowed)
        or any(name.endswith(".sleep") for name in imported(node))
    ]


def targets(node: ast.AST, path: Path, package: Path) -> Iterator[str]:
    """The layers of ours that an import statement in `path` reaches; "" is the package itself."""
    names = imported(node)
    if isinstance(node, ast.ImportFrom) and node.level:
        here = (package.name, *path.relative_to(package).parent.parts)
        base = here[: len(here) - node.level + 1]
        names = [".".join((*base, *filter(None, [node.module]), alias.name)) for alias in node.names]
    for name in names:
        ours, _, rest = name.partition(".")
        if ours == package.name:
            top = rest.partition(".")[0]
            yield layer_of(top) if (package / top).is_dir() or (package / f"{top}.py").is_file() else ""


def layer_of(top: str) -> str:
    return "cli" if top.startswith("cli_") else top


def wrong_way(root: Path) -> list[str]:
    package = root / "src" / "ringback"
    breaches = []
    for path in files(package, (".",)):
        layer = layer_of(path.relative_to(package).parts[0].removesuffix(".py"))
        if layer not in LAYERS:
            breaches.append(f"{path.relative_to(root)}: {layer!r} has no place in LAYERS yet")
            continue
        everyone = set() if layer == "model" else {"", *EVERYONE}
        allowed = {layer, *LAYERS[layer], *everyone}
        for node in ast.walk(ast.parse(path.read_text())):
            reached = set(targets(node, path, package)) - allowed
            breaches += [f"{path.relative_to(root)}: {layer} imports {name or 'ringback'}" for name in reached]
    return breaches


def loose_locks(root: Path) -> list[str]:
    """A lock pins each distribution with hashes, and says nothing of where it came from."""
    breaches = []
    for path in sorted((root / "requirements").glob("*.txt")):
        lines = re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ").splitlines()
        loose = [line[:60] for line in lines if not PINNED.fullmatch(line)]
        loose += re.findall(r"\w+://\w+|/\w+/", path.read_text())
        breaches += [f"{path.relative_to(root)}: {what}" for what in loose]
    return breaches


BAD: list[tuple[Rule, str, str]] = [
    (median_too_long, "src/a.py", "def f():\n" + "    x = 1\n" * 10),
    (long_functions, "tests/a.py", "class C:\n    async def f(self):\n" + "        x = 1\n" * 50),
    (long_files, "client/a.py", "x = 1\n" * 401),
    (empty_names, "src/ringback/utils.py", ""),
    (empty_names, "src/ringback/services/call.py", ""),
    (empty_names, "tests/call_helpers.py", ""),
    (mocks, "tests/a.py", "def f():\n    from unittest.mock import Mock"),
    (mocks, "bench/a.py", "from unittest import mock"),
    (mocks, "src/a.py", "import unittest.mock as m"),
    (patched_time, "tests/a.py", "monkeypatch.setattr(time, 'time', f)"),
    (patched_time, "tests/a.py", "monkeypatch.setattr('random.random', f)"),
    (sleeps, "tests/a.py", "import time\ntime.sleep(1)"),
    (sleeps, "tests/a.py", "from time import sleep as nap"),
    (sleeps, "tests/a.py", "nap = time.sleep"),
    (sleeps, "tests/a.py", "async def f(): await asyncio.sleep(0.1)"),
    (sleeps, "tests/deep/a.py", "async def f(): await anyio.sleep(1)"),
    (wrong_way, "src/ringback/model/a.py", "from ringback import __version__"),
    (wrong_way, "src/ringback/model/a.py", "import ringback.log"),
    (wrong_way, "src/ringback/store/a.py", "from ringback.calls.engine import CallEngine"),
    (wrong_way, "src/ringback/calls/sip.py", "def f():\n    from .. import store"),
    (wrong_way, "src/ringback/calls/deep/sip.py", "from ...api import routes"),
    (wrong_way, "src/ringback/api/a.py", "import ringback.calls as c"),
    (wrong_way, "src/ringback/audio/a.py", "from ringback import model, store"),
    (wrong_way, "src/ringback/config.py", "from ringback.audio import files"),
    (wrong_way, "src/ringback/app.py", "from ringback import cli"),
    (wrong_way, "src/ringback/api/b.py", "from ..supervisor import serve"),
    (wrong_way, "src/ringback/cli_calls.py", "from . import __main__"),
    (wrong_way, "src/ringback/extras/a.py", ""),
    (loose_locks, "requirements/run.txt", "rich==15.0.0\n"),
    (loose_locks, "requirements/run.txt", f"rich>=15 --hash=sha256:{'0' * 64}\n"),
    (loose_locks, "requirements/run.txt", f"--index-url x\nrich==15 \\\n    --hash=sha256:{'0' * 64}\n"),
    (loose_locks, "requirements/run.txt", f"# from https://x\nrich==15 \\\n    --hash=sha256:{'0' * 64}\n"),
]

GOOD = {
    "src/ringback/model/a.py": "from ringback.model import b\nfrom . import c\nimport dataclasses",
    "src/ringback/store/a.py": "from ringback import __version__, log\nfrom ..model.status import Status",
    "src/ringback/cli.py": "import ringback.app\nfrom . import cli_calls, calls",
    "src/ringback/cli_calls.py": "from .store import store",
    "tests/a.py": "async def f():\n    await asyncio.sleep(0)\n    sleepy = 'time.sleep(1)'",
    "bench/a.py": "time.sleep(1)\n\ndef f():\n    '''" + "word\n" * 60 + "'''\n" + "\n" * 60 + "    return 1",
    "requirements/run.txt": f"# make lock\nrich==15 ; os == 'a' \\\n    --hash=sha256:{'0' * 64}\n",
}

RULES = list(dict.fromkeys(rule for rule, _, _ in BAD))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_this_tree_keeps(rule: Rule) -> None:
    assert rule(ROOT) == []


@pytest.mark.parametrize(("rule", "name", "text"), BAD)
def test_a_breach_is_seen(rule: Rule, name: str, text: str, tmp_path: Path) -> None:
    write(tmp_path / "src/ringback/__init__.py", "")
    for layer in LAYERS:
        write(tmp_path / "src/ringback" / layer / "__init__.py", "")
    assert rule(tmp_path) == []
    write(tmp_path / name, text)
    assert len(rule(tmp_path)) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_is_allowed_is_no_breach(rule: Rule, tmp_path: Path) -> None:
    for name, text in GOOD.items():
        write(tmp_path / name, text)
    assert rule(tmp_path) == []


SKIPS = {
    "in_the_test": "def test_it(): pytest.skip('no phone')",
    "by_a_mark": "@pytest.mark.skip(reason='no phone')\ndef test_it(): ...",
    "in_a_fixture": "@pytest.fixture\ndef f(): pytest.skip('no phone')\ndef test_it(f): ...",
    "of_a_module": "pytest.skip('no phone', allow_module_level=True)",
}


@pytest.mark.parametrize("text", SKIPS.values(), ids=SKIPS.keys())
def test_a_skip_fails_only_where_nothing_may_be_skipped(text: str, tmp_path: Path) -> None:
    write(tmp_path / "conftest.py", (ROOT / "tests" / "conftest.py").read_text())
    write(tmp_path / "test_it.py", f"import pytest\n{text}\n")
    lenient, strict = run_pytest(tmp_path), run_pytest(tmp_path, RINGBACK_TEST_NOTHING_SKIPPED="1")
    assert "1 skipped" in lenient.stdout
    assert strict.returncode != 0
    assert "no phone" in strict.stdout
    assert "skipped in" not in strict.stdout


def test_eventually_gives_what_it_saw() -> None:
    looks = iter([None, 0, "seen"])
    assert eventually(lambda: next(looks), 5, "the third look") == "seen"


def test_eventually_names_what_never_came() -> None:
    with pytest.raises(AssertionError, match=r"not within 0.05 s: a phone rings .the last look gave 0."):
        eventually(lambda: 0, 0.05, "a phone rings")


async def test_eventually_async_takes_both_kinds_of_predicate() -> None:
    looks = iter([None, 0, "seen", "", "heard"])

    async def look() -> str | int | None:
        return next(looks)

    assert await eventually_async(lambda: next(looks), 5, "the third look") == "seen"
    assert await eventually_async(look, 5, "the fifth look") == "heard"


async def test_eventually_async_cuts_off_what_hangs() -> None:
    with pytest.raises(AssertionError, match=r"not within 0.05 s: an answer"):
        await eventually_async(asyncio.Event().wait, 0.05, "an answer")


def run_pytest(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        str(folder),
    ]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
