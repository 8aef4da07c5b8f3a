"""Folders of reports."""

import json
import re
from pathlib import Path

import pytest

from tools.problem import Problem
from tools.runs import report_folders
from tools.tests.verdicts import check, row, verdict


def test_two_runs_that_start_within_a_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_folders, "REPORTS", tmp_path / "reports")
    folders = {report_folders.new_folder("-pulse") for _ in range(5)}
    assert len(folders) == 5
    assert all(folder.is_dir() for folder in folders)


def test_a_file_in_the_place_of_the_folder_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_folders, "REPORTS", tmp_path / "reports")
    (tmp_path / "reports").touch()
    with pytest.raises(Problem, match="reports is not a folder: move it away"):
        report_folders.new_folder()


def test_newest_leads_to_the_last_run_that_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_folders, "REPORTS", tmp_path / "reports")
    for _ in range(2):
        folder = report_folders.new_folder()
        assert (tmp_path / "reports/newest").resolve() == folder.resolve()


def test_a_folder_in_the_place_of_the_link_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_folders, "REPORTS", tmp_path / "reports")
    (tmp_path / "reports/newest").mkdir(parents=True)
    with pytest.raises(Problem, match="reports/newest is a folder: move it away"):
        report_folders.new_folder()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "verdict.json cannot be read (No such file or directory)"),
        ("{", "verdict.json is not valid JSON"),
        ("[]", "verdict.json is not a verdict of version 1"),
        ('{"version": 2}', "verdict.json is not a verdict of version 1"),
        ('{"version": 1}', "verdict.json is not a verdict of version 1, because it has no outcome: "),
        ("[" * 100_000, "verdict.json is not valid JSON"),
        (r'["\ud800"]', "verdict.json is not valid JSON"),
        ("\N{SNOWMAN}\udcff", "verdict.json is not valid JSON"),
    ],
)
def test_an_invalid_verdict_is_a_problem_that_names_the_file(tmp_path: Path, content: str | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "verdict.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(Problem) as raised:
        report_folders.read_verdict(tmp_path)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("version", 2, "version is 2"),
        ("outcome", "good", 'outcome is "good"'),
        ("statistics", [], "statistics is []"),
        ("statistics", {"requests": []}, "statistics has no total"),
        ("statistics", {"requests": [[]], "total": row("all", 1, 2)}, "statistics.requests.0 is []"),
        ("statistics", {"requests": [], "total": row("all", 1, 2) | {"p95": "7"}}, 'statistics.total.p95 is "7"'),
        ("run", {"started": "", "seconds": 10**400, "revision": "", "host": None}, "run.seconds is 1000"),
        ("checks", [{"group": "load test"}], "checks.0 has no name"),
        ("run", {"started": "", "seconds": True, "revision": "", "host": None}, "run.seconds is true"),
    ],
)
def test_a_verdict_with_an_invalid_part_is_a_problem_that_names_it(
    tmp_path: Path, key: str, value: object, problem: str
) -> None:
    report_folders.write_verdict(tmp_path, verdict(check("p95")) | {key: value})
    with pytest.raises(Problem, match=f"because {re.escape(problem)}"):
        report_folders.read_verdict(tmp_path)


def test_a_verdict_in_the_form_of_its_schema_is_read(tmp_path: Path) -> None:
    written = verdict(check("p95"), doubts=("busy",), rows=(row("/hello", 100, 20), row("/new", 0, None)))
    report_folders.write_verdict(tmp_path, written)
    assert report_folders.read_verdict(tmp_path) == written


def test_the_newest_verdict_is_that_of_the_last_run_although_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report_folders, "REPORTS", tmp_path / "reports")
    with pytest.raises(Problem, match="There are no reports: run make"):
        report_folders.print_newest()
    for time in ("2026-10-25-025900", "2026-10-25-020100"):
        monkeypatch.setattr("time.strftime", lambda _, time=time: time)
        report_folders.write_verdict(report_folders.new_folder(), verdict(check(time)))
    assert report_folders.print_newest() == 0
    assert json.loads(capsys.readouterr().out)["checks"][0]["name"] == "2026-10-25-020100"
