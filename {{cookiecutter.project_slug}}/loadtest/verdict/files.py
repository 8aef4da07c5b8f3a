"""Files: a verdict as a page to read and as JUnit XML, for whatever shows test results."""

from locust.env import Environment
from locust.stats import StatsEntry

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from .slo import Check

HEAD = ("request", "requests", "failures", "requests/s", "p50 ms", "p95 ms", "p99 ms")


def write_summary(
    file: Path, environment: Environment, checks: Sequence[Check], doubts: Sequence[str], seconds: float
) -> None:
    """A page of Markdown: the verdict with its reasons, and the statistics."""
    stats = environment.stats
    broken = [check for check in checks if not check.holds]
    outcome = ("Failed" if broken else "Passed") + (", with doubts" if doubts else "")
    lines = [
        f"# {outcome}: {len(checks) - len(broken)} of {len(checks)} checks hold",
        "",
        f"{environment.host}, {seconds:.0f} s. Details are in report.html.",
        "",
        *_table(
            ("check", "wanted", "seen", ""), [(*check[:3], "ok" if check.holds else "**broken**") for check in checks]
        ),
        "",
    ]
    if doubts:
        lines += ["## Doubts", "", *(f"- {doubt}" for doubt in doubts), ""]
    lines += ["## Statistics", "", *_table(HEAD, map(_row, [*stats.entries.values(), stats.total])), ""]
    file.write_text("\n".join(lines), encoding="utf-8")


def _row(entry: StatsEntry) -> tuple[object, ...]:
    percentiles = [f"{entry.get_response_time_percentile(share):.0f}" for share in (0.5, 0.95, 0.99)]
    name = f"{entry.method or ''} {entry.name}".strip()
    return name, entry.num_requests, entry.num_failures, f"{entry.total_rps:.1f}", *percentiles


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return [f"| {' | '.join(map(_cell, row))} |" for row in [head, ["---"] * len(head), *rows]]


def _cell(value: object) -> str:
    return str(value).replace("|", r"\|").replace("\n", " ")


def write_junit(file: Path, checks: Sequence[Check], doubts: Sequence[str], seconds: float) -> None:
    """A test case for each check; doubts are the suite's output."""
    broken = [check for check in checks if not check.holds]
    counts = {"tests": str(len(checks)), "failures": str(len(broken)), "errors": "0", "time": f"{seconds:.3f}"}
    suite = ET.Element("testsuite", {"name": "load test", **counts})
    for check in checks:
        case = ET.SubElement(suite, "testcase", {"classname": "verdict", "name": f"{check.name}: {check.wanted}"})
        if not check.holds:
            ET.SubElement(case, "failure", {"message": f"wanted {check.wanted}, seen {check.seen}"})
    if doubts:
        ET.SubElement(suite, "system-out").text = "\n".join(doubts)
    root = ET.Element("testsuites", counts)
    root.append(suite)
    tree = ET.ElementTree(root)
    ET.indent(tree)
    tree.write(file, encoding="utf-8", xml_declaration=True)
