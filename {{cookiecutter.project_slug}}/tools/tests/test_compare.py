"""Two runs side by side."""

from pathlib import Path

import pytest

from tools.problem import Problem
from tools.runs import compare
from tools.runs.report_folders import write_verdict
from tools.tests.verdicts import check, row, verdict


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    """A run, and one that was slower, failed once and made another request."""
    rows = {
        "a": (row("/hello", 100, 20),),
        "b": (row("/hello", 50, 30, failures=1), row("/new", 7, None)),
    }
    for name, of_run in rows.items():
        (tmp_path / name).mkdir()
        write_verdict(tmp_path / name, verdict(check("p95"), rows=of_run))
    return str(tmp_path / "a"), str(tmp_path / "b")


def test_each_figure_has_its_relative_change(runs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    compare.main(*runs)
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    found = [tuple(cell.strip() for cell in line if cell.strip()) for line in lines]
    assert ("GET /hello", "requests", "100", "50", "-50.0 %") in found
    assert ("GET /hello", "p95 ms", "20", "30", "+50.0 %") in found
    assert ("GET /hello", "p50 ms", "10", "10", "0 %") in found
    assert ("GET /hello", "failures", "0", "1", "from 0") in found
    assert found[-6:-3] == [
        ("Aggregated", "requests", "100", "57", "-43.0 %"),
        ("Aggregated", "failures", "0", "1", "from 0"),
        ("Aggregated", "requests/s", "10", "5.7", "-43.0 %"),
    ]


def test_a_request_of_one_run_has_no_change(runs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    compare.main(*runs)
    new = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("GET /new")]
    assert ["GET", "/new", "requests", "-", "7", "-"] in new
    assert ["GET", "/new", "p95", "ms", "-", "-", "-"] in new


@pytest.mark.parametrize("names", [("", ""), ("a", ""), ("a", "none")])
def test_a_missing_folder_is_a_problem_with_the_remedy(runs: tuple[str, str], names: tuple[str, str]) -> None:
    folder = Path(runs[0]).parent
    with pytest.raises(Problem, match=r"[Nn]ame (two folders|a folder|another folder) of reports"):
        compare.main(*(name and str(folder / name) for name in names))


def test_a_run_whose_verdict_is_invalid_is_a_problem_that_names_the_file(runs: tuple[str, str]) -> None:
    (Path(runs[1]) / "verdict.json").write_text('{"version": 1}')
    with pytest.raises(Problem, match=r"b/verdict\.json is not a verdict of version 1, because it has no outcome"):
        compare.main(*runs)
