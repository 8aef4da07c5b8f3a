"""Random edits of random load tests, compared with a fresh load of what was saved."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LOADTEST = HERE.parents[1] / "{{cookiecutter.project_slug}}" / "loadtest"


def test_random_edits_end_where_a_fresh_load_begins(tmp_path: Path) -> None:
    oracle = subprocess.run(
        [sys.executable, HERE / "oracle.py", "--examples", "300"],
        env={**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{LOADTEST}", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert oracle.returncode == 0, f"{oracle.stdout[-8000:]}\n{oracle.stderr[-4000:]}"


def test_master_and_workers_end_where_a_fresh_load_begins() -> None:
    oracle = subprocess.run(
        [sys.executable, HERE / "on_swarm.py", "--sequences", "5"],
        env={**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent / 'livesync'}{os.pathsep}{LOADTEST}"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert oracle.returncode == 0, f"{oracle.stdout[-8000:]}\n{oracle.stderr[-8000:]}"
