"""Where a run was made: what a ratio may still depend on."""

import os
import platform
import shutil
import subprocess
import time
from importlib import metadata
from pathlib import Path

import apsw


def facts(folder: Path) -> dict[str, str]:
    """Cores, versions, the disk under `folder`, the code's commit."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "cpu": _cpu(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "disk": f"{_filesystem(folder)}, {_syncs(folder):.0f} fsyncs of 4 KiB a second",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        "versions": ", ".join(f"{name} {metadata.version(name)}" for name in ("granian", "uvloop", "baresip-python"))
        + f", SQLite {apsw.sqlite_lib_version()} (apsw {metadata.version('apsw')})",
        "generator": _wrk_version() or "our own (Python, uvloop)",
        "ringback": _commit(),
    }


def wrk_is_here() -> bool:
    """Whether the load comes from wrk; otherwise from bench/generator.py."""
    return shutil.which("wrk") is not None


def _wrk_version() -> str:
    if not wrk_is_here():
        return ""
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return " ".join((said.stdout or said.stderr).split()[:2])


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _filesystem(folder: Path) -> str:
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    under = [(where, kind) for where, kind in mounts if folder.resolve().is_relative_to(where)]
    return max(under, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]


def _syncs(folder: Path, seconds: float = 0.5) -> float:
    """How often a second this disk makes 4 KiB durable. Many thousands: nothing here is really synced."""
    path = folder / "fsync"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        os.pwrite(fd, bytes(4096), 4096 * (count % 256))
        os.fsync(fd)
        count += 1
    os.close(fd)
    path.unlink()
    return count / seconds


def _commit() -> str:
    git = ["git", "-C", str(Path(__file__).parent)]
    said = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if said.returncode:
        return metadata.version("ringback")
    dirty = subprocess.run([*git, "status", "--porcelain", "--", "../src"], capture_output=True, text=True, check=False)
    return said.stdout.strip() + (" with uncommitted changes" if dirty.stdout else "")
