"""Compare two runs by what Locust measured: `make compare A=reports/x B=reports/y`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

Row = dict[str, str]

COLUMNS = {
    "requests": "Request Count",
    "failures": "Failure Count",
    "requests/s": "Requests/s",
    "p50 ms": "50%",
    "p95 ms": "95%",
    "p99 ms": "99%",
}


def read(folder: Path) -> dict[str, Row]:
    """Locust's statistics by request, the total last. Raises OSError where there are none."""
    with (folder / "locust_stats.csv").open(encoding="utf-8", newline="") as file:
        return {f"{row['Type']} {row['Name']}".strip(): row for row in csv.DictReader(file)}


def table(before: dict[str, Row], after: dict[str, Row]) -> list[list[str]]:
    """A line for each figure of each request: before, after, and the change relative to before."""
    lines = [["request", "", "A", "B", "change"]]
    for name in before | after:
        for title, column in COLUMNS.items():
            a, b = (figure(rows.get(name), column) for rows in (before, after))
            lines.append([name, title, shown(a), shown(b), change(a, b)])
    return lines


def figure(row: Row | None, column: str) -> float | None:
    """None where the request was not made; Locust writes N/A for a percentile of nothing."""
    return None if row is None or row[column] == "N/A" else float(row[column])


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if value < 1000 else f"{value:.0f}"


def change(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "-"
    if before == after:
        return "0 %"
    return f"{(after - before) / before:+.1%}".replace("%", " %") if before else "from 0"


def main(a: str = "", b: str = "") -> str | None:
    """Print the table; what is missing, if something is."""
    try:
        lines = table(read(Path(a)), read(Path(b)))
    except OSError as error:
        return f"{error.filename} is missing: name two folders of reports, as in make compare A=reports/x B=reports/y"
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for name, title, *figures in lines:
        cells = [figure.rjust(widths[column]) for column, figure in enumerate(figures, start=2)]
        print(f"{name:<{widths[0]}}  {title:<{widths[1]}}  {'  '.join(cells)}")
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
