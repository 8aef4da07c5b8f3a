"""Random edits of random load tests, compared with a fresh load of what was saved."""

import os
import sys
from pathlib import Path

from tests.support.baking import TEMPLATE
from tests.support.commands import run


def test_random_edits_end_where_a_fresh_load_begins(tmp_path: Path) -> None:
    run_oracle("tests.oracle.examples", "--examples", "300", TMPDIR=str(tmp_path))


def test_master_and_workers_end_where_a_fresh_load_begins() -> None:
    run_oracle("tests.oracle.swarm_series", "--sequences", "5")


def run_oracle(module: str, *arguments: str, **environment: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    oracle = run(*command, cwd=TEMPLATE, seconds=1500, environment={**os.environ, **environment})
    assert oracle.returncode == 0, oracle.stdout[-12_000:]
