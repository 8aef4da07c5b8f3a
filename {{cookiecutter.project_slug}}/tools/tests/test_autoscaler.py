"""What `make pulse` promises about an autoscaler: what it should have done, and what is said about what it did."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from autoscaler import Spec, find
from cluster import Problem
from prescription import Check, prescribed, verdict
from reaction import Moment, Reaction, Run, react, read_history, rise, sentence
from watch import Sample, read, watch, write

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
START = 1_700_000_000


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


SPEC = Spec.of(hpa({"scaleDown": {"stabilizationWindowSeconds": 30}}))

Stretch = tuple[int, int, int | None, int, int]
# The second after which it ends, then current, cpu, desired and ready: a minute of pulse that begins at second 90.
PULSE: list[Stretch] = [
    (105, 1, 4, 1, 1),
    (109, 1, 350, 5, 1),
    (120, 1, 350, 5, 5),
    (135, 5, 346, 5, 5),
    (150, 5, 75, 5, 5),
    (165, 5, 72, 5, 5),
    (195, 5, 2, 5, 5),
    (197, 5, 2, 1, 5),
    (210, 5, 2, 1, 1),
    (240, 1, 9, 1, 1),
]


def samples(*stretches: Stretch) -> list[Sample]:
    """A sample for every second of the stretches."""
    found: list[Sample] = []
    for end, current, cpu, desired, ready in stretches:
        found += [Sample(START + at, current, cpu, desired, ready) for at in range(len(found), end)]
    return found


def broken(run: list[Sample], spec: Spec = SPEC) -> dict[str, str]:
    """What was seen where the verdict says no."""
    return {check.name: check.seen for check in verdict(run, spec, START) if not check.ok}


def history(p95: int = 40, peak: int = 500) -> list[Moment]:
    """195 seconds with a pulse from second 90 to 149, of which 20 seconds are as slow as told."""
    return [
        Moment(START + at, peak if 90 <= at < 150 else 1, 9.0, 0.0, 5, p95 if 95 <= at < 115 else 20)
        for at in range(195)
    ]


@pytest.mark.parametrize(
    ("current", "cpu", "wanted"),
    [
        (1, 70, 1),
        (1, 77, 1),
        (1, 78, 2),
        (1, 141, 3),
        (2, 63, 2),
        (4, 62, 4),
        (4, 50, 3),
        (5, 56, 4),
        (1, 700, 5),
        (3, 0, 1),
        (3, None, 3),
        (0, 50, 1),
        (9, 70, 5),
    ],
)
def test_a_steady_load_is_given_the_replicas_of_the_formula(current: int, cpu: int | None, wanted: int) -> None:
    steady = samples((120, current, cpu, current, current))
    assert prescribed(steady, SPEC)[-1] == (wanted, wanted)


def test_pods_that_may_not_have_been_measured_leave_a_range() -> None:
    # The one pod that was measured asks for 4; were all four as busy as that, they would ask for 5 and more.
    run = samples((60, 1, 4, 1, 1), (75, 1, 280, 4, 4), (90, 4, 280, 4, 4))
    assert prescribed(run, SPEC)[60] == (1, 4)
    assert prescribed(run, SPEC)[-1] == (4, 5)


def test_pods_that_may_not_have_been_measured_keep_the_others() -> None:
    run = samples((60, 1, 350, 5, 1), (180, 5, 2, 5, 5))
    assert prescribed(run, SPEC)[118].most == 5
    assert prescribed(run, SPEC)[179].most == 1


def test_scaling_in_waits_for_the_stabilization_window() -> None:
    run = samples((100, 5, 70, 5, 5), (200, 5, 2, 5, 5))
    fewest = [at for at, (few, _) in enumerate(prescribed(run, SPEC)) if few == 5]
    most = [at for at, (_, many) in enumerate(prescribed(run, SPEC)) if many == 5]
    assert (fewest[-1], most[-1]) == (108, 148)


def test_what_was_asked_for_before_the_watch_began_may_still_hold() -> None:
    run = samples((90, 3, 2, 3, 3))
    assert prescribed(run, SPEC)[5] == (3, 3)
    assert prescribed(run, SPEC)[-1] == (1, 1)


def test_scaling_out_waits_for_its_stabilization_window() -> None:
    spec = replace(SPEC, up=replace(SPEC.up, window=60))
    run = samples((100, 1, 70, 1, 1), (200, 1, 350, 1, 1))
    assert prescribed(run, spec)[138] == (1, 1)
    assert prescribed(run, spec)[139] == (1, 5)
    assert prescribed(run, spec)[179] == (5, 5)


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ({}, 5),
        ({"policies": [{"type": "Pods", "value": 2, "periodSeconds": 15}]}, 3),
        ({"policies": [{"type": "Percent", "value": 150, "periodSeconds": 15}]}, 3),
        ({"policies": [{"type": kind, "value": 1, "periodSeconds": 15} for kind in ("Pods", "Percent")]}, 2),
        ({"policies": [{"type": "Pods", "value": n, "periodSeconds": 15} for n in (1, 3)], "selectPolicy": "Min"}, 2),
        ({"selectPolicy": "Disabled"}, 1),
        ({"tolerance": "5"}, 1),
        ({"tolerance": "3900m"}, 5),
    ],
)
def test_scaling_out_keeps_to_its_policies(rules: dict[str, Any], wanted: int) -> None:
    assert prescribed(samples((60, 1, 350, 1, 1)), Spec.of(hpa({"scaleUp": rules})))[-1] == (wanted, wanted)


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ({}, 1),
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}, 4),
        ({"policies": [{"type": "Percent", "value": 50, "periodSeconds": 15}]}, 2),
        ({"selectPolicy": "Disabled"}, 5),
    ],
)
def test_scaling_in_keeps_to_its_policies(rules: dict[str, Any], wanted: int) -> None:
    spec = Spec.of(hpa({"scaleDown": {"stabilizationWindowSeconds": 0} | rules}))
    assert prescribed(samples((120, 5, 2, 5, 5)), spec)[-1] == (wanted, wanted)


def test_a_policy_counts_what_has_changed_within_its_period() -> None:
    spec = Spec.of(hpa({"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}))
    run = samples((60, 1, 350, 2, 1), (300, 2, 350, 2, 2))
    assert prescribed(run, spec)[90] == (2, 3)
    assert prescribed(run, spec)[-1] == (3, 3)


def test_an_absent_field_has_the_documented_default() -> None:
    spec = Spec.of(hpa())
    assert (spec.minimum, spec.maximum, spec.target) == (1, 5, 70)
    assert (spec.up.window, spec.up.tolerance, spec.down.window, spec.down.tolerance) == (0, 0.1, 300, 0.1)
    assert [(p.type, p.value, p.period) for p in spec.up.policies] == [("Pods", 4, 15), ("Percent", 100, 15)]
    assert [(p.type, p.value, p.period) for p in spec.down.policies] == [("Percent", 100, 15)]


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


def test_a_pulse_that_is_answered_as_prescribed_is_fine() -> None:
    assert broken(samples(*PULSE)) == {}
    assert Check("Highest", "5", "5", ok=True) in verdict(samples(*PULSE), SPEC, START)


def test_fewer_replicas_than_prescribed_are_told() -> None:
    run = samples((105, 1, 4, 1, 1), (109, 1, 350, 3, 1), (120, 1, 350, 3, 3), (190, 3, 150, 3, 3), (240, 1, 4, 1, 1))
    assert broken(run) == {"Highest": "3", "Scales out in time": "3 instead of 5 at 187 s"}


def test_more_replicas_than_prescribed_are_told() -> None:
    run = samples((105, 1, 4, 1, 1), (120, 1, 140, 4, 1), (160, 4, 30, 4, 4), (240, 1, 4, 1, 1))
    assert broken(run) == {"Scales out no further": "4 instead of 1 to 2 at 105 s"}


def test_scaling_in_too_early_is_told() -> None:
    run = samples(*PULSE[:6], (171, 5, 2, 5, 5), (180, 5, 2, 1, 1), (240, 1, 2, 1, 1))
    assert broken(run) == {"Scales in no sooner": "1 instead of 5 at 171 s"}


def test_never_being_back_is_told() -> None:
    run = samples(*PULSE[:6], (240, 5, 2, 5, 5))
    assert broken(run) == {"Scales in in time": "5 instead of 1 at 217 s", "At the end": "5 of 5 ready"}


def test_replicas_beyond_the_maximum_are_told() -> None:
    run = samples((60, 1, 4, 1, 1), (90, 6, 70, 6, 6), (140, 1, 4, 1, 1))
    assert broken(run)["Replicas"] == "1 to 6"


def test_a_cpu_that_nobody_knows_is_told() -> None:
    assert broken(samples((240, 1, None, 1, 1))) == {"CPU": "known in 0 of 240 samples"}


def test_a_watch_without_samples_is_told() -> None:
    assert broken([]) == {"Samples": "none"}


def test_gaps_in_the_watch_do_not_change_the_verdict() -> None:
    assert broken([sample for sample in samples(*PULSE) if sample.at % 7 > 2]) == {}


def test_the_reaction_is_measured_from_both_ends_of_the_pulse() -> None:
    assert react(Run(history(p95=900), samples(*PULSE)), minimum=1, limit=500) == Reaction(ready=19, slow=20, back=48)


def test_what_comes_back_for_a_moment_is_not_back() -> None:
    run = Run(history(), samples(*PULSE, (245, 1, 90, 2, 1), (250, 2, 9, 1, 1)))
    assert react(run, minimum=1, limit=500) == Reaction(ready=19, slow=0, back=96)


def test_pods_that_left_during_the_pulse_are_back_at_its_end() -> None:
    run = Run(history(), samples(*PULSE[:4], (145, 5, 2, 1, 1), (240, 1, 9, 1, 1)))
    assert react(run, minimum=1, limit=500) == Reaction(ready=19, slow=0, back=0)


@pytest.mark.parametrize(
    ("reaction", "minimum", "wanted"),
    [
        (
            Reaction(14.2, 22, 61.4),
            1,
            "First new pod ready 14 s after the pulse began; p95 above 500 ms for 22 s; "
            "back to 1 replica 61 s after it ended.",
        ),
        (
            Reaction(14, 0, None),
            2,
            "First new pod ready 14 s after the pulse began; p95 never above 500 ms; not back to 2 replicas.",
        ),
        (Reaction(None, 22, 0), 1, "No new pod became ready; p95 above 500 ms for 22 s."),
        (None, 1, "The run has no pulse: the number of users never rose."),
    ],
)
def test_the_sentence_says_what_happened(reaction: Reaction | None, minimum: int, wanted: str) -> None:
    assert sentence(reaction, minimum, limit=500) == wanted


@pytest.mark.parametrize("run", [Run([], []), Run(history(peak=1), samples(*PULSE))])
def test_a_run_without_a_pulse_has_no_reaction(run: Run) -> None:
    assert react(run, minimum=1, limit=500) is None


def test_only_whole_rows_with_the_totals_of_the_history_are_read(tmp_path: Path) -> None:
    file = tmp_path / "locust_stats_history.csv"
    file.write_text(
        "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%\n"
        "1700000000,0,,Aggregated,0.000000,0.000000,N/A,N/A\n"
        "1700000001,3,GET,/hello,7.500000,0.500000,4,9\n"
        "1700000001,3,,Aggregated,7.500000,0.500000,5,11\n"
        "1700000002,3,,Aggregated,7"
    )
    assert read_history(file) == [Moment(START, 0, 0, 0, None, None), Moment(START + 1, 3, 7.5, 0.5, 5, 11)]
    assert read_history(tmp_path / "none.csv") == []


def test_samples_come_back_from_their_file(tmp_path: Path) -> None:
    wanted = [Sample(START + 0.25, 1, None, 1, 0), Sample(START + 1.5, 1, 280, 4, 1)]
    write(wanted, tmp_path / "autoscaler.csv")
    assert read(tmp_path / "autoscaler.csv") == wanted


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a program named kubectl prints the file `answer`, and fails without it."""
    program = tmp_path / "kubectl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexec cat {tmp_path}/answer\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_the_autoscaler_is_found_by_what_it_scales(kubectl: Path) -> None:
    other = hpa(scaleTargetRef={"kind": "Deployment", "name": "other"})
    (kubectl / "answer").write_text(json.dumps({"items": [other, hpa()]}))
    assert find("minikube", "{{ cookiecutter.project_slug }}", "server") == hpa()
    assert (kubectl / "asked").read_text() == "--context minikube --namespace {{ cookiecutter.project_slug }} get hpa --output json\n"


def test_a_deployment_without_an_autoscaler_is_a_problem(kubectl: Path) -> None:
    (kubectl / "answer").write_text('{"items": []}')
    with pytest.raises(Problem, match="No HorizontalPodAutoscaler scales Deployment server in namespace {{ cookiecutter.project_slug }}"):
        find("minikube", "{{ cookiecutter.project_slug }}", "server")


def test_a_cluster_that_does_not_answer_is_a_problem(kubectl: Path) -> None:
    assert not (kubectl / "answer").exists()
    with pytest.raises(Problem, match="cannot be read"):
        find("minikube", "{{ cookiecutter.project_slug }}", "server")


def test_the_watch_samples_until_it_ends_and_leaves_out_what_fails(kubectl: Path) -> None:
    answer = kubectl / "answer"
    answer.write_text(json.dumps({"items": [hpa(), {"kind": "Deployment", "status": {"readyReplicas": 2}}]}))
    with watch("minikube", "{{ cookiecutter.project_slug }}", "server", "scaler") as seen:
        wait_for(lambda: len(seen) >= 1)
        answer.unlink()
        asked = len((kubectl / "asked").read_text().splitlines())
        wait_for(lambda: len((kubectl / "asked").read_text().splitlines()) > asked)
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


def test_the_rise_is_told_from_the_last_moment_at_rest_to_the_first_with_all_users() -> None:
    users = [1, 1, 1, 201, 401, 500, 500, 1]
    moments = [Moment(START + at, count, 9.0, 0.0, 5, 20) for at, count in enumerate(users)]
    assert rise(moments) == "All 500 users were there within 3 s."
    assert rise(moments[5:7]) == "All 500 users were there within 0 s."
