"""`python -m bench [NAME ...] [--quick]`: measures what is claimed about speed, and prints a table."""

import argparse
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from . import accept, backlog, by_id, calls, docs, fuzzed, logs, machine, reports, scheduled
from .figures import Benchmark, Invalid, Room, Run, span, verdict

BENCHMARKS: dict[str, Benchmark] = {
    "reports": reports.measure,
    "backlog": backlog.measure,
    "random": by_id.measure,
    "calls": calls.measure,
    "accept": accept.measure,
    "scheduled": scheduled.measure,
    "logs": logs.measure,
    "fuzzed": fuzzed.measure,
}
_console = Console(width=None if sys.stdout.isatty() else 170)


def main() -> int:
    """1 when something could not be measured; a claim that does not hold is for the reader of the table."""
    wish = _parser().parse_args()
    runs = _kept(wish.out)
    if wish.write_docs and not wish.names:
        return _write_docs(runs)
    for name in wish.names or BENCHMARKS:
        runs[name] = _run(name, wish.data, wish.quick)
        wish.out.parent.mkdir(parents=True, exist_ok=True)
        wish.out.write_bytes(msgspec.json.format(msgspec.json.encode(runs)))
    done = [runs[name] for name in wish.names or BENCHMARKS]
    _print(done)
    _console.print(f"[dim]The raw numbers are in {wish.out}.[/dim]")
    written = _write_docs(runs) if wish.write_docs else 0
    return 1 if written or any(run.failure for run in done) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *BENCHMARKS], help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="smaller and shorter; its figures prove nothing")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"), help="where the raw numbers go")
    parser.add_argument("--data", type=Path, default=Path("build/bench"), help="where the data goes: on a real disk")
    parser.add_argument("--write-docs", action="store_true", help="fill docs/benchmarks.md; alone: from the last run")
    return parser


def _write_docs(runs: dict[str, Run]) -> int:
    try:
        docs.write(runs[name] for name in BENCHMARKS if name in runs)
    except Invalid as fault:
        _console.print(f"[bold red]{fault}[/bold red]")
        return 1
    return 0


def _kept(path: Path) -> dict[str, Run]:
    """Earlier runs: a benchmark that is not run again keeps its figures."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Run]) if path.exists() else {}


def _run(name: str, data: Path, quick: bool) -> Run:
    folder = data / f"{name}-{time.time_ns()}"
    folder.mkdir(parents=True)
    _console.rule(name)
    run = Run(name, quick, datetime.now(UTC).isoformat(timespec="seconds"), machine.facts(folder))
    try:
        run.outcome = BENCHMARKS[name](Room(folder, quick, lambda text: _console.print(f"[dim]{text}[/dim]")))
    except Exception as fault:  # the others are measured all the same
        run.failure = f"{type(fault).__name__}: {fault}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return run


def _print(runs: list[Run]) -> None:
    table = Table("", "figure", "median (least–greatest)", "claim", "held", "", title=_title(runs))
    for run in runs:
        for row, figure in enumerate(run.outcome.figures if run.outcome else []):
            held = {None: "", True: "[green]yes[/green]", False: "[bold red]NO[/bold red]"}[figure.met]
            assert verdict(figure) in held
            table.add_row("" if row else run.claim, figure.what, span(figure), figure.aim, held, figure.note)
        if run.failure:
            table.add_row(run.claim, f"[bold red]not measured:[/bold red] {run.failure}")
        table.add_section()
    _console.print(table)
    for fact, value in runs[-1].machine.items():
        _console.print(f"[dim]{fact}: {value}[/dim]", highlight=False)


def _title(runs: list[Run]) -> str:
    return "Ringback's speed" + (" (quick: proves nothing)" if any(run.quick for run in runs) else "")


if __name__ == "__main__":
    sys.exit(main())
