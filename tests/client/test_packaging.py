"""The distribution: it can be built, it imports with httpx alone, and its README is true."""

import ast
import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import ringback_client
from tests.journey.server import Server

ROOT = Path(__file__).parent.parent.parent
CLIENT = ROOT / "client"
PURELIB = Path(sysconfig.get_paths()["purelib"])
HTTPX_NEEDS = ("httpx", "httpcore", "h11", "certifi", "anyio", "idna", "sniffio", "typing_extensions.py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, for a build leaves things behind."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "client"
    subprocess.run(["cp", "-r", CLIENT, source], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--no-index", source, "-w", folder], check=True, capture_output=True, timeout=50)
    (built,) = folder.glob("ringback_client-*.whl")
    return built


def test_the_wheel_holds_the_package_its_types_and_its_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    package = {
        f"ringback_client/{path.name}" for path in (CLIENT / "src" / "ringback_client").iterdir() if path.is_file()
    }
    assert "ringback_client/py.typed" in package
    assert {name for name in names if not name.startswith("ringback_client-")} == package
    metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("/METADATA"))).decode()
    assert re.findall("^Requires-Dist: (.*)$", metadata, re.MULTILINE) == ["httpx>=0.28"]
    assert f"Version: {ringback_client.__version__}\n" in metadata
    assert any(name.endswith("LICENSE") for name in names)


def test_it_imports_with_httpx_alone(wheel: Path, tmp_path: Path) -> None:
    for name in HTTPX_NEEDS:
        if (PURELIB / name).exists():
            (tmp_path / name).symlink_to(PURELIB / name)
    paths = [str(wheel), str(tmp_path)]
    program = f"import sys; sys.path[:0] = {paths}; import ringback_client as r; print(r.__file__, r.Ringback)"
    clean = [sys.executable, "-I", "-S", "-W", "error", "-c", program]
    said = subprocess.check_output(clean, text=True, cwd=tmp_path, timeout=30)
    assert said.startswith(str(wheel))


def test_it_names_all_that_it_gives() -> None:
    tree = ast.parse((CLIENT / "src/ringback_client/__init__.py").read_text())
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {*ringback_client.__all__} == imported


def test_the_first_example_works(serve: Callable[..., Server], tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)
    server = serve()
    server.add("Aladdin")
    program = example.replace("http://127.0.0.1:8080", server.url)
    assert program != example
    for _ in range(2):
        env = {"PYTHONPATH": str(CLIENT / "src")}
        said = subprocess.check_output([sys.executable, "-c", program], text=True, cwd=tmp_path, env=env, timeout=50)
        assert said == "385981178 DELIVERED_TO_HANDSET pressed 1\n"


@pytest.mark.parametrize("name", ["Message", "Report", "Ringback", "Reports", "Refused", "NoAnswer"])
def test_what_the_docs_name_is_there(name: str) -> None:
    assert getattr(ringback_client, name).__doc__


def test_the_docs_name_every_method_and_exception() -> None:
    page = (ROOT / "docs" / "client.md").read_text()
    methods = [name for name in vars(ringback_client.Ringback) if not name.startswith("_") and name != "close"]
    faults = [name for name in ringback_client.__all__ if isinstance(getattr(ringback_client, name), type)]
    faults = [name for name in faults if issubclass(getattr(ringback_client, name), Exception)]
    unnamed = {"Refused", "BookmarkError"}  # the classes above the others
    assert [name for name in methods + faults if f"`{name}" not in page and name not in unnamed] == []
