"""Folders of reports."""

from pathlib import Path

import pytest
import reports
from cluster import Problem


def test_two_runs_that_start_within_a_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "REPORTS", tmp_path / "reports")
    folders = {reports.new_folder("-pulse") for _ in range(5)}
    assert len(folders) == 5
    assert all(folder.is_dir() for folder in folders)


def test_a_file_in_the_place_of_the_folder_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "REPORTS", tmp_path / "reports")
    (tmp_path / "reports").touch()
    with pytest.raises(Problem, match="reports is no folder: move it away"):
        reports.new_folder()
