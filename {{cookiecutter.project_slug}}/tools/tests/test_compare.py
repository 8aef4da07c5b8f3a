"""Two runs side by side."""

from pathlib import Path

import compare
import pytest

HEAD = "Type,Name,Request Count,Failure Count,Requests/s,50%,95%,99%\n"


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    """A run, and one that was slower, failed once and asked for one thing more."""
    rows = {
        "a": "GET,/hello,100,0,10.0,10,20,40\n,Aggregated,100,0,10.0,10,20,40\n",
        "b": "GET,/hello,50,1,5.0,10,30,40\nGET,/new,7,0,0.7,N/A,N/A,N/A\n,Aggregated,57,1,5.7,10,30,40\n",
    }
    for name, text in rows.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "locust_stats.csv").write_text(HEAD + text)
    return str(tmp_path / "a"), str(tmp_path / "b")


def test_each_figure_has_its_relative_change(runs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(*runs) is None
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    found = {tuple(cell.strip() for cell in line if cell.strip()) for line in lines}
    assert ("GET /hello", "requests", "100", "50", "-50.0 %") in found
    assert ("GET /hello", "p95 ms", "20", "30", "+50.0 %") in found
    assert ("GET /hello", "p50 ms", "10", "10", "0 %") in found
    assert ("GET /hello", "failures", "0", "1", "from 0") in found
    assert ("Aggregated", "requests/s", "10", "5.7", "-43.0 %") in found


def test_what_only_one_run_asked_for_has_no_change(runs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    compare.main(*runs)
    new = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("GET /new")]
    assert ["GET", "/new", "requests", "-", "7", "-"] in new
    assert ["GET", "/new", "p95", "ms", "-", "-", "-"] in new


def test_a_folder_without_reports_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none") in (compare.main(str(tmp_path / "none"), str(tmp_path)) or "")
