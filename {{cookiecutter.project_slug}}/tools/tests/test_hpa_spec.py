"""The spec of an autoscaler, and the samples of its status."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tools.autoscaling.hpa_spec import Spec, find
from tools.autoscaling.samples import Sample, watch, write
from tools.problem import Problem

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}


def hpa(behavior: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    target = {"kind": "Deployment", "name": "server"}
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "scaler"},
        "spec": {"maxReplicas": 5, "metrics": [CPU], "scaleTargetRef": target, "behavior": behavior} | spec,
        "status": {
            "currentReplicas": 1,
            "desiredReplicas": 4,
            "currentMetrics": [{"resource": {"name": "cpu", "current": {"averageUtilization": 280}}}],
        },
    }


def test_an_absent_field_has_the_documented_default() -> None:
    spec = Spec.of(hpa())
    assert (spec.minimum, spec.maximum, spec.target) == (1, 5, 70)
    assert (spec.up.window, spec.up.tolerance, spec.down.window, spec.down.tolerance) == (0, 0.1, 300, 0.1)
    assert [(p.type, p.value, p.period) for p in spec.up.policies] == [("Pods", 4, 15), ("Percent", 100, 15)]
    assert [(p.type, p.value, p.period) for p in spec.down.policies] == [("Percent", 100, 15)]


def test_each_direction_has_its_own_rules() -> None:
    behavior = {"scaleUp": {"stabilizationWindowSeconds": 60}, "scaleDown": {"selectPolicy": "Disabled"}}
    spec = Spec.of(hpa(behavior, minReplicas=2))
    assert spec.minimum == 2
    assert (spec.up.window, spec.up.select) == (60, "Max")
    assert (spec.down.window, spec.down.select) == (300, "Disabled")


@pytest.mark.parametrize(
    "metrics",
    [
        [],
        [CPU, CPU],
        [{"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization"}}}],
        [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue"}}}],
        [{"type": "Pods", "pods": {"metric": {"name": "queue"}}}],
    ],
)
def test_another_metric_is_a_problem_that_names_the_remedy(metrics: list[Any]) -> None:
    with pytest.raises(Problem, match="give it one metric, of type Resource, cpu, with averageUtilization"):
        Spec.of(hpa(metrics=metrics))


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a program named kubectl prints the file `answer`; without it, it fails and creates `failed`."""
    program = tmp_path / "kubectl"
    program.write_text(f"""\
#!/bin/sh
echo "$@" >> {tmp_path}/asked
cat {tmp_path}/answer && exit
touch {tmp_path}/failed
exit 1
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_the_autoscaler_is_found_by_what_it_scales(kubectl: Path) -> None:
    other = hpa(scaleTargetRef={"kind": "Deployment", "name": "other"})
    (kubectl / "answer").write_text(json.dumps({"items": [other, hpa()]}))
    assert find("minikube", "shop", "server") == hpa()
    assert (kubectl / "asked").read_text() == "--context minikube --namespace shop get hpa --output json\n"


def test_a_deployment_without_an_autoscaler_is_a_problem(kubectl: Path) -> None:
    (kubectl / "answer").write_text('{"items": []}')
    with pytest.raises(Problem, match="No HorizontalPodAutoscaler scales Deployment server in namespace shop"):
        find("minikube", "shop", "server")


def test_a_cluster_that_does_not_answer_is_a_problem(kubectl: Path) -> None:
    assert not (kubectl / "answer").exists()
    with pytest.raises(Problem, match="cannot be read"):
        find("minikube", "shop", "server")


def test_the_watch_samples_until_it_ends_and_leaves_out_what_fails(kubectl: Path) -> None:
    answer = kubectl / "answer"
    answer.write_text(json.dumps({"items": [hpa(), {"kind": "Deployment", "status": {"readyReplicas": 2}}]}))
    with watch("minikube", "shop", "server", "scaler") as seen:
        wait_for(lambda: len(seen) >= 1)
        answer.unlink()
        wait_for((kubectl / "failed").exists)
        answer.write_text(json.dumps({"items": [hpa(), {"kind": "Deployment", "status": {}}]}))
        wait_for(lambda: seen[-1].ready == 0)
    asked = len((kubectl / "asked").read_text().splitlines())
    assert len(seen) < asked
    assert (seen[0].current, seen[0].cpu, seen[0].desired, seen[0].ready) == (1, 280, 4, 2)
    time.sleep(1.2)
    assert len((kubectl / "asked").read_text().splitlines()) == asked


def wait_for(condition: Any) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_samples_are_kept_with_what_is_unknown_left_out(tmp_path: Path) -> None:
    write([Sample(0.25, 1, None, 1, 0), Sample(1.5, 1, 280, 4, 1)], tmp_path / "autoscaler.csv")
    lines = (tmp_path / "autoscaler.csv").read_text().splitlines()
    assert lines == ["at,current,cpu,desired,ready", "0.25,1,,1,0", "1.5,1,280,4,1"]
