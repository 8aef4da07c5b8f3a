"""The summary, JUnit XML and exit code of a verdict."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tools.runs.reports import publish
from tools.tests.verdicts import check, row, verdict


def test_a_passed_run_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = (row("/hello", 100, 20), row("/odd|name", 7, None))
    assert publish(tmp_path, verdict(check("p95"), check("p99"), rows=rows)) == 0
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("# Passed: 2 of 2 checks passed\n")
    assert (
        "http://server:8000, 30 s from 2026-11-29T12:00:00+00:00, revision 3f2a91c; num_users 10, tags a b." in summary
    )
    assert "| GET /hello | 100 | 0 | 10 | 10 | 20 | 40 |" in summary
    assert r"| GET /odd\|name | 7 | 0 | 0.7 | - | - | - |" in summary
    printed = capsys.readouterr().out
    assert "2 of 2 checks passed" in printed
    assert "## Statistics" not in printed


def test_a_failed_check_exits_with_1_and_gives_its_reason(tmp_path: Path) -> None:
    assert publish(tmp_path, verdict(check("p95"), check("p99", passed=False), doubts=("busy",))) == 1
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("# Failed, with doubts: 1 of 2 checks passed\n")
    assert "| service levels | p99 | at most 5 | 7 | **FAIL** |" in summary
    assert "\n- busy\n" in summary
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]  # noqa: S314 - it is our own file
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "1")
    assert [case.attrib["name"] for case in suite.iter("testcase")] == ["p95: at most 5", "p99: at most 5"]
    [failure] = suite.iter("failure")
    assert failure.attrib["message"] == "expected at most 5, actual 7"
    assert suite.findtext("system-out") == "busy"


def test_a_pulse_leads_the_summary(tmp_path: Path) -> None:
    figures = {"seconds_until_new_pod": 14, "seconds_above_p95_level": 0, "seconds_until_minimum": None}
    publish(tmp_path, verdict(check("p95")) | {"pulse": {"summary": "First new pod ready.", **figures}})
    lines = (tmp_path / "summary.md").read_text().splitlines()
    assert lines[2:5] == ["First new pod ready.", "", "![Chart of the run](chart.svg)"]


def test_control_characters_of_an_exception_reach_neither_junit_nor_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path, verdict(check("exceptions", passed=False) | {"actual": "ValueError: \x1b[31mred\0"}))
    [failure] = ET.parse(tmp_path / "junit.xml").iter("failure")  # noqa: S314 - it is our own file
    assert failure.attrib["message"].endswith("ValueError: \N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}")
    assert "\x1b" not in capsys.readouterr().out


def test_large_numbers_are_shown_as_they_are_and_a_host_of_the_user_classes_by_its_place(tmp_path: Path) -> None:
    document = verdict(check("p95"), rows=(row("/hello", 1_234_567, 20),))
    publish(tmp_path, document | {"run": document["run"] | {"host": None}})
    summary = (tmp_path / "summary.md").read_text()
    assert "| GET /hello | 1234567 | 0 | 123456.7 |" in summary
    assert "\nHosts of the user classes, 30 s from" in summary
