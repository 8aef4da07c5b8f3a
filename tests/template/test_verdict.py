"""The verdict of a run fits the schema that the project ships."""

import json
import sys
from pathlib import Path

from jsonschema import validate
from support.ports import free_port
from support.service import Service

from tests.support.commands import run


def test_the_verdict_of_a_run_fits_its_schema(project: Path, tmp_path: Path) -> None:
    service = Service()
    options = ["--headless", "--host", service.url, "--users", "3", "--run-time", "3s", "--verdict", str(tmp_path)]
    ports = ["--processes", "2", "--master-bind-port", str(port := free_port()), "--master-port", str(port)]
    ended = run(sys.executable, "-m", "plugins", *options, *ports, cwd=project / "loadtest")
    service.close()
    assert ended.returncode == 1, "fewer requests than the shipped service levels want"
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    validate(verdict, json.loads((project / "loadtest/plugins/verdict/schema.json").read_text()))
    assert [check["name"] for check in verdict["checks"] if not check["passed"]] == ["total min_samples"]
