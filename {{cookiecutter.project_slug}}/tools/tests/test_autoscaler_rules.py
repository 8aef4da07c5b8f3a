"""What an autoscaler should do for the CPU usage that it measured, and the checks of what it did."""

from dataclasses import replace
from typing import Any

import pytest

from tools.autoscaling.autoscaler_rules import check_autoscaler, expected_replicas
from tools.autoscaling.hpa_spec import DOWN, UP, Spec, rules
from tools.autoscaling.samples import Sample

START = 1_700_000_000
SPEC = Spec(minimum=1, maximum=5, target=70, up=UP, down=replace(DOWN, window=30))

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
    """The checks that fail: their actual values by name."""
    return {check["name"]: check["actual"] for check in check_autoscaler(run, spec, START) if not check["passed"]}


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
def test_a_steady_load_has_the_replicas_of_the_formula(current: int, cpu: int | None, wanted: int) -> None:
    steady = samples((120, current, cpu, current, current))
    assert expected_replicas(steady, SPEC)[-1] == (wanted, wanted)


def test_pods_that_may_not_have_been_measured_leave_a_range() -> None:
    # The one measured pod requires 4; if all four were as busy, they would require 5 or more.
    run = samples((60, 1, 4, 1, 1), (75, 1, 280, 4, 4), (90, 4, 280, 4, 4))
    assert expected_replicas(run, SPEC)[60] == (1, 4)
    assert expected_replicas(run, SPEC)[-1] == (4, 5)


def test_pods_that_may_not_have_been_measured_keep_the_others() -> None:
    run = samples((60, 1, 350, 5, 1), (180, 5, 2, 5, 5))
    assert expected_replicas(run, SPEC)[118].highest == 5
    assert expected_replicas(run, SPEC)[179].highest == 1


def test_scaling_in_waits_for_the_stabilization_window() -> None:
    run = samples((100, 5, 70, 5, 5), (200, 5, 2, 5, 5))
    fewest = [at for at, (few, _) in enumerate(expected_replicas(run, SPEC)) if few == 5]
    most = [at for at, (_, many) in enumerate(expected_replicas(run, SPEC)) if many == 5]
    assert (fewest[-1], most[-1]) == (108, 148)


def test_replicas_that_were_required_before_the_watch_began_may_stay() -> None:
    run = samples((90, 3, 2, 3, 3))
    assert expected_replicas(run, SPEC)[5] == (3, 3)
    assert expected_replicas(run, SPEC)[-1] == (1, 1)


def test_scaling_out_waits_for_its_stabilization_window() -> None:
    spec = replace(SPEC, up=replace(SPEC.up, window=60))
    run = samples((100, 1, 70, 1, 1), (200, 1, 350, 1, 1))
    assert expected_replicas(run, spec)[138] == (1, 1)
    assert expected_replicas(run, spec)[139] == (1, 5)
    assert expected_replicas(run, spec)[179] == (5, 5)


@pytest.mark.parametrize(
    ("given", "wanted"),
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
def test_scaling_out_keeps_to_its_policies(given: dict[str, Any], wanted: int) -> None:
    assert expected_replicas(samples((60, 1, 350, 1, 1)), replace(SPEC, up=rules(given, UP)))[-1] == (wanted, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, 1),
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}, 4),
        ({"policies": [{"type": "Percent", "value": 50, "periodSeconds": 15}]}, 2),
        ({"selectPolicy": "Disabled"}, 5),
    ],
)
def test_scaling_in_keeps_to_its_policies(given: dict[str, Any], wanted: int) -> None:
    spec = replace(SPEC, down=replace(rules(given, DOWN), window=0))
    assert expected_replicas(samples((120, 5, 2, 5, 5)), spec)[-1] == (wanted, wanted)


def test_a_policy_counts_what_has_changed_within_its_period() -> None:
    spec = replace(SPEC, up=rules({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}, UP))
    run = samples((60, 1, 350, 2, 1), (300, 2, 350, 2, 2))
    assert expected_replicas(run, spec)[90] == (2, 3)
    assert expected_replicas(run, spec)[-1] == (3, 3)


def test_a_pulse_with_the_expected_replicas_passes() -> None:
    assert broken(samples(*PULSE)) == {}
    highest = next(c for c in check_autoscaler(samples(*PULSE), SPEC, START) if c["name"] == "highest")
    assert (highest["expected"], highest["actual"]) == ("5", "5")


def test_fewer_replicas_than_expected_fail() -> None:
    run = samples((105, 1, 4, 1, 1), (109, 1, 350, 3, 1), (120, 1, 350, 3, 3), (190, 3, 150, 3, 3), (240, 1, 4, 1, 1))
    assert broken(run) == {"highest": "3", "scale out, latest": "3 instead of 5 at 187 s"}


def test_more_replicas_than_expected_fail() -> None:
    run = samples((105, 1, 4, 1, 1), (120, 1, 140, 4, 1), (160, 4, 30, 4, 4), (240, 1, 4, 1, 1))
    assert broken(run) == {"scale out, limit": "4 instead of 1 to 2 at 105 s"}


def test_scaling_in_too_early_fails() -> None:
    run = samples(*PULSE[:6], (171, 5, 2, 5, 5), (180, 5, 2, 1, 1), (240, 1, 2, 1, 1))
    assert broken(run) == {"scale in, earliest": "1 instead of 5 at 171 s"}


def test_never_scaling_in_fails() -> None:
    run = samples(*PULSE[:6], (240, 5, 2, 5, 5))
    assert broken(run) == {"scale in, latest": "5 instead of 1 at 217 s", "at the end": "5 of 5 ready"}


def test_replicas_above_the_maximum_fail() -> None:
    run = samples((60, 1, 4, 1, 1), (90, 6, 70, 6, 6), (140, 1, 4, 1, 1))
    assert broken(run)["replicas"] == "1 to 6"


def test_an_unknown_cpu_usage_fails() -> None:
    assert broken(samples((240, 1, None, 1, 1))) == {"CPU usage": "in 0 of 240 samples"}


def test_a_watch_without_samples_fails() -> None:
    assert broken([]) == {"samples": "none"}


def test_gaps_in_the_watch_change_no_check() -> None:
    assert broken([sample for sample in samples(*PULSE) if sample.at % 7 > 2]) == {}
