"""Renders a verdict for its readers: summary.md, junit.xml for CI systems, the terminal and the exit code."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

Verdict = dict[str, Any]
"""The document verdict.json; loadtest/plugins/verdict/schema.json describes it."""

FIGURES = {
    "requests": "requests",
    "failures": "failures",
    "requests/s": "requests_per_second",
    "p50 ms": "p50",
    "p95 ms": "p95",
    "p99 ms": "p99",
}
"""Columns of the statistics, with the key of a row in the document."""


CONTROL_CHARACTERS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, and that would change the state of a terminal."""


def publish(folder: Path, verdict: Verdict) -> int:
    """Write summary.md and junit.xml, print the verdict, and return the exit code: 0 if the run passed, else 1."""
    verdict = printable(verdict)
    overview = render_overview(verdict)
    (folder / "summary.md").write_text("\n".join([*overview, *render_statistics(verdict)]), encoding="utf-8")
    ET.ElementTree(render_junit(verdict)).write(folder / "junit.xml", encoding="utf-8", xml_declaration=True)
    print("\n" + "\n".join(overview))
    print(f"Reports: {os.path.relpath(folder)}", flush=True)
    return int(verdict["outcome"] != "passed")


def printable(verdict: Verdict) -> Verdict:
    """The verdict without control characters, which may be in the text of an exception or the name of a request."""
    checks = [
        check | {key: CONTROL_CHARACTERS.sub("�", text) for key, text in check.items() if isinstance(text, str)}
        for check in verdict["checks"]
    ]
    return verdict | {"checks": checks}


def render_overview(verdict: Verdict) -> list[str]:
    """The lines of the summary in Markdown, up to the statistics."""
    run, checks = verdict["run"], verdict["checks"]
    outcome = verdict["outcome"].capitalize() + (", with doubts" if verdict["doubts"] else "")
    lines = [f"# {outcome}: {sum(check['passed'] for check in checks)} of {len(checks)} checks passed", ""]
    if pulse := verdict.get("pulse"):
        lines += [pulse["summary"], "", "![Chart of the run](chart.svg)", ""]
    settings = ", ".join(f"{name} {_text(value)}" for name, value in verdict["settings"].items())
    lines += [
        f"{run['host'] or 'Hosts of the user classes'}, {run['seconds']:.0f} s from {run['started']}, revision {run['revision']}; {settings}.",
        "",
    ]
    rows = [
        (check["group"], check["name"], check["expected"], check["actual"], "ok" if check["passed"] else "**FAIL**")
        for check in checks
    ]
    lines += [*_table(("group", "check", "expected", "actual", ""), rows), ""]
    if verdict["doubts"]:
        lines += ["## Doubts", "", *(f"- {doubt}" for doubt in verdict["doubts"]), ""]
    return lines


def render_statistics(verdict: Verdict) -> list[str]:
    """The lines of the summary with the statistics, which the terminal does not show."""
    statistics = verdict["statistics"]
    rows = [
        (name_of(row), *("-" if row[key] is None else f"{row[key]:.10g}" for key in FIGURES.values()))
        for row in (*statistics["requests"], statistics["total"])
    ]
    return ["## Statistics", "", *_table(("request", *FIGURES), rows), "", "report.html has the details.", ""]


def name_of(row: dict[str, Any]) -> str:
    """The method and name of a row of the statistics."""
    return f"{row['method'] or ''} {row['name']}".strip()


def render_junit(verdict: Verdict) -> ET.Element:
    """A test suite with a test case for each check; doubts are its output."""
    checks, seconds = verdict["checks"], f"{verdict['run']['seconds']:.3f}"
    failures = str(sum(not check["passed"] for check in checks))
    counts = {"tests": str(len(checks)), "failures": failures, "errors": "0", "time": seconds}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": "load test", **counts})
    for check in checks:
        name = f"{check['name']}: {check['expected']}"
        case = ET.SubElement(suite, "testcase", {"classname": check["group"], "name": name})
        if not check["passed"]:
            ET.SubElement(case, "failure", {"message": f"expected {check['expected']}, actual {check['actual']}"})
    if verdict["doubts"]:
        ET.SubElement(suite, "system-out").text = "\n".join(verdict["doubts"])
    ET.indent(root)
    return root


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(map(_cell, row))} |" for row in (head, ["---"] * len(head), *rows)]


def _cell(value: str) -> str:
    return value.replace("|", r"\|").replace("\n", " ")
