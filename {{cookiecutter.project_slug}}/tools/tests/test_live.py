"""Which files `python3 -m tools live` compares with those of the master."""

import os
from pathlib import Path

import pytest

from tools import live
from tools.problem import Problem


def test_the_files_are_those_that_live_sync_may_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loadtest, elsewhere = tmp_path / "loadtest", tmp_path / "elsewhere"
    for file in ("loadtest/locustfile.py", "loadtest/venv/pyvenv.cfg", "loadtest/venv/lib/x.py", "elsewhere/rows.csv"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (loadtest / "data").symlink_to(elsewhere)
    (elsewhere / "above").symlink_to(loadtest)
    os.mkfifo(loadtest / "pipe")
    monkeypatch.setattr(live, "LOADTEST", loadtest)
    assert set(live.digests()) == {"locustfile.py", "data/rows.csv"}


@pytest.mark.parametrize("timeout", ["soon", "nan", "inf"])
def test_a_timeout_that_is_no_number_of_seconds_is_a_problem(timeout: str) -> None:
    with pytest.raises(Problem, match=f"The timeout is '{timeout}': use a number of seconds, such as 30"):
        live.seconds(timeout)
