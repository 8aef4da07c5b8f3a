"""Compares the statistics of two runs: `make compare A=reports/x B=reports/y`."""

from pathlib import Path
from typing import Any

from ..problem import Problem
from .report_folders import read_verdict
from .reports import FIGURES, name_of

Row = dict[str, Any]


def statistics(folder: Path) -> dict[str, Row]:
    """The rows of a run by request, the total last. Raises Problem if there is no such run, or it has no verdict."""
    if not folder.is_dir():
        raise Problem(f"There is no folder {folder}: name another folder of reports.")
    found = read_verdict(folder)["statistics"]
    return {name_of(row): row for row in (*found["requests"], found["total"])}


def table(before: dict[str, Row], after: dict[str, Row]) -> list[list[str]]:
    """A line for each figure of each request: before, after, and the relative change."""
    lines = [["request", "", "A", "B", "change"]]
    names = sorted(dict.fromkeys([*before, *after]), key="Aggregated".__eq__)
    for name in names:
        for title, key in FIGURES.items():
            a, b = (rows[name][key] if name in rows else None for rows in (before, after))
            lines.append([name, title, _number(a), _number(b), _change(a, b)])
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if value < 1000 else f"{value:.0f}"


def _change(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "-"
    if before == after:
        return "0 %"
    return f"{(after - before) / before:+.1%}".replace("%", " %") if before else "from 0"


def main(a: str, b: str) -> None:
    """Print the table. Raises Problem if a folder is missing or has no verdict."""
    if not a or not b:
        raise Problem("Name two folders of reports: make compare A=reports/x B=reports/y")
    lines = table(statistics(Path(a)), statistics(Path(b)))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for name, title, *figures in lines:
        cells = [figure.rjust(widths[column]) for column, figure in enumerate(figures, start=2)]
        print(f"{name:<{widths[0]}}  {title:<{widths[1]}}  {'  '.join(cells)}")
