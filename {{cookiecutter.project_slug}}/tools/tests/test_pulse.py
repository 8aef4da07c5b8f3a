"""What a pulse adds to the verdict of its run, and what it leaves without one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.autoscaling import pulse
from tools.autoscaling.hpa_spec import DOWN, UP, Spec
from tools.autoscaling.reaction import Moment, RecordedRun
from tools.autoscaling.samples import Sample
from tools.problem import Problem
from tools.runs.report_folders import read_verdict, write_verdict
from tools.tests.verdicts import check, verdict

SPEC = Spec(minimum=1, maximum=5, target=70, up=UP, down=replace(DOWN, window=30))
HISTORY = [Moment(at, 500 if 20 <= at < 40 else 1, 90.0, 0.0, 5, 20) for at in range(60)]
IDLE = [Sample(at, 1, 4, 1, 1) for at in range(60)]
TOO_MANY = [*IDLE[:30], Sample(30, 1, 4, 6, 6), *IDLE[31:]]


@pytest.mark.parametrize(("samples", "code"), [(IDLE, 0), (TOO_MANY, 1)])
def test_the_checks_of_the_autoscaler_decide_with_those_of_the_run(
    tmp_path: Path, samples: list[Sample], code: int
) -> None:
    write_verdict(tmp_path, verdict(check("p95")))
    assert pulse.finish(tmp_path, RecordedRun(HISTORY, samples), SPEC) == code
    found = read_verdict(tmp_path)
    assert found["outcome"] == ("failed" if code else "passed")
    assert found["pulse"]["summary"].startswith("No new pod became ready" if code == 0 else "First new pod ready 10 s")
    assert {item["group"] for item in found["checks"]} == {"service levels", "autoscaler"}
    assert "| autoscaler | replicas | 1 to 5 |" in (tmp_path / "summary.md").read_text()
    assert 'classname="autoscaler"' in (tmp_path / "junit.xml").read_text()


def test_a_run_that_failed_fails_with_a_good_autoscaler_too(tmp_path: Path) -> None:
    write_verdict(tmp_path, verdict(check("p95", passed=False)))
    assert pulse.finish(tmp_path, RecordedRun(HISTORY, IDLE), SPEC) == 1


def test_without_a_verdict_the_records_of_the_autoscaler_are_kept(tmp_path: Path) -> None:
    hpa: dict[str, Any] = {"spec": {"maxReplicas": 5}}
    pulse.record(tmp_path, RecordedRun([], IDLE), hpa, SPEC)
    assert json.loads((tmp_path / "hpa.json").read_text()) == hpa["spec"]
    assert len((tmp_path / "autoscaler.csv").read_text().splitlines()) == 1 + len(IDLE)
    assert (tmp_path / "chart.svg").exists()
    with pytest.raises(Problem, match=r"verdict\.json cannot be read"):
        pulse.finish(tmp_path, RecordedRun([], IDLE), SPEC)


@pytest.mark.parametrize("setting", ["server", "/server", "shop/"])
def test_an_invalid_deployment_to_watch_is_a_problem(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("WATCH", setting)
    with pytest.raises(Problem, match=r"WATCH is .*: it must be namespace/deployment"):
        pulse.watched("minikube")
