"""Fills the figures of docs/benchmarks.md from the JSON of a run: `python -m bench --write-docs`."""

from collections.abc import Iterable
from pathlib import Path

from .figures import Figure, Invalid, Run, span, verdict

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- figures -->", "<!-- /figures -->"


def write(runs: Iterable[Run], page: Path = PAGE) -> None:
    """Puts the figures between the page's markers. Raises `Invalid` for runs that prove nothing."""
    whole = [run for run in runs if run.outcome]
    if not whole or any(run.quick for run in whole):
        raise Invalid("there is no full run to write down; a --quick one proves nothing")
    before, _, rest = page.read_text("utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n{_text(whole)}{_END}{after}", "utf-8")


def _text(runs: list[Run]) -> str:
    lines = ["| benchmark | figure | median (least–greatest) | claim | held | |", "|---|---|---|---|---|---|"]
    for run in runs:
        assert run.outcome
        lines += [_row(run.claim, figure) for figure in run.outcome.figures]
    lines += ["", "Measured at " + ", ".join(f"{run.at} (`{run.claim}`)" for run in runs) + ", on:", ""]
    facts = {name: sorted({run.machine[name] for run in runs}) for name in runs[0].machine if name != "load before"}
    return "\n".join([*lines, *(f"* {name}: {'; '.join(values)}" for name, values in facts.items())]) + "\n"


def _row(claim: str, figure: Figure) -> str:
    cells = (claim, figure.what.strip(), span(figure), figure.aim, verdict(figure), figure.note)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
