"""The rules of the autoscaler: what its own spec says for the CPU usage that it measured, and checks whether it did so.

The rules are those of "Horizontal Pod Autoscaling" in the documentation of Kubernetes; their order, and what the
documentation leaves open, are those of its controller (pkg/controller/podautoscaler).
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from .hpa_spec import Policy, Spec
from .samples import Sample

TOLERANCE = 20
"""Seconds by which a time may be off: the period of the controller is 15 s, and a loaded cluster is late."""
SETTLED = 60
"""Seconds after which the CPU usage of a ready pod is certainly included: two readings of metrics-server and one period
of the controller, 15 s each, and 15 s for delays."""


class Bound(NamedTuple):
    """Lower or upper bound of the expected replicas: the status does not say which pods were measured, and when."""

    tolerance: int
    """Seconds by which the window for scaling up may be longer, and that for scaling down shorter."""
    pick: Callable[[Iterable[int]], int]
    """Which of the possible numbers of replicas to take."""


LOWEST, HIGHEST = Bound(TOLERANCE, min), Bound(-TOLERANCE, max)


class Range(NamedTuple):
    """A range of numbers of replicas."""

    lowest: int
    highest: int

    def __str__(self) -> str:
        return f"{self.lowest}" if self.lowest == self.highest else f"{self.lowest} to {self.highest}"


def expected_replicas(samples: list[Sample], spec: Spec) -> list[Range]:
    """How many replicas the autoscaler may want at each sample, for the CPU usage that it measured.

    A range where it depends on what the status does not contain: which pods were measured, and when exactly.
    """
    settled = [min(recent(samples, [s.ready for s in samples], index, SETTLED)) for index in range(len(samples))]
    lowest = [recommended(s, pods, spec) for s, pods in zip(samples, settled, strict=True)]
    highest = [
        max(recommended(s, s.current, spec), s.current if pods < s.current else 0)
        for s, pods in zip(samples, settled, strict=True)
    ]
    return [
        Range(stabilized(samples, lowest, index, spec, LOWEST), stabilized(samples, highest, index, spec, HIGHEST))
        for index in range(len(samples))
    ]


def recommended(sample: Sample, measured: int, spec: Spec) -> int:
    """The formula without stabilization: ceil(replicas * CPU / target), or the present number within the tolerance.

    Where only some pods were measured, the others count as idle when scaling up, and as missing when scaling down.
    """
    if sample.cpu is None or not sample.current or not measured:
        return sample.current
    measured = min(measured, sample.current)
    wanted = measured * sample.cpu / spec.target
    if sample.cpu > spec.target:
        return math.ceil(wanted) if wanted / sample.current > 1 + spec.up.tolerance else sample.current
    return math.ceil(wanted) if sample.cpu / spec.target < 1 - spec.down.tolerance else sample.current


def stabilized(samples: list[Sample], wanted: list[int], index: int, spec: Spec, bound: Bound) -> int:
    """Apply stabilization, policies, minimum and maximum to the recommendations at the sample."""
    current = samples[index].current
    lowest = min(recent(samples, wanted, index, spec.up.window + bound.tolerance))
    highest = max(recent(samples, wanted, index, spec.down.window - bound.tolerance))
    stable = min(max(current, lowest), highest)

    def start(policy: Policy) -> int:
        return bound.pick(recent(samples, [s.current for s in samples], index, policy.period + TOLERANCE))

    if stable > current:
        steps = [math.ceil(start(policy) + policy.step(start(policy))) - current for policy in spec.up.policies]
        stable = min(stable, current + spec.up.furthest(steps))
    elif stable < current:
        steps = [current - math.floor(start(policy) - policy.step(start(policy))) for policy in spec.down.policies]
        stable = max(stable, current - spec.down.furthest(steps))
    return min(max(stable, spec.minimum), spec.maximum)


def recent(samples: list[Sample], values: list[int], index: int, seconds: float) -> list[int]:
    """The values of the last seconds, including that of the sample.

    For the time before the first sample, its number of replicas is used.
    """
    since = samples[index].at - seconds
    before = [samples[0].current] if since < samples[0].at else []
    return before + values[min(bisect_right(samples, since, key=lambda s: s.at), index) : index + 1]


def check_autoscaler(samples: list[Sample], spec: Spec, start: float) -> list[dict[str, Any]]:
    """The autoscaler's checks for verdict.json; `start` of the run is in epoch seconds, times are given relative to it."""
    if not samples:
        return [_check("samples", "one per second", "none", passed=False)]
    pairs = list(zip(samples, expected_replicas(samples, spec), strict=True))
    known = sum(s.cpu is not None for s in samples)
    counts = [count for s in samples for count in (s.current, s.desired)]
    highest = Range(max(p.lowest for _, p in pairs), max(p.highest for _, p in pairs))
    desired = max(s.desired for s in samples)
    last = samples[-1]
    deviation = partial(_deviation_check, pairs, start)
    return [
        _check("CPU usage", "measured", f"in {known} of {len(samples)} samples", passed=known > 0),
        _check(
            "replicas",
            f"{spec.minimum} to {spec.maximum}",
            str(Range(min(counts), max(counts))),
            passed=spec.minimum <= min(counts) and max(counts) <= spec.maximum,
        ),
        _check("highest", str(highest), str(desired), passed=highest.lowest <= desired <= highest.highest),
        deviation(
            "scale out, latest",
            f"scale-out at most {spec.up.window + TOLERANCE} s after the CPU usage requires more replicas",
            lambda s, p: s.desired < p.lowest and p.lowest > s.current,
        ),
        deviation(
            "scale out, limit",
            "no more replicas than the CPU usage requires",
            lambda s, p: s.desired > p.highest and s.desired > s.current,
        ),
        deviation(
            "scale in, earliest",
            f"no scale-in within {spec.down.window} s after the CPU usage last required more replicas",
            lambda s, p: s.desired < p.lowest <= s.current,
        ),
        deviation(
            "scale in, latest",
            f"scale-in at most {spec.down.window + TOLERANCE} s after the CPU usage last required more replicas",
            lambda s, p: p.highest < s.desired <= s.current,
        ),
        _check(
            "at the end", f"{spec.minimum} ready", f"{last.ready} of {last.desired} ready", is_at_minimum(last, spec)
        ),
    ]


def _deviation_check(
    pairs: list[tuple[Sample, Range]],
    start: float,
    name: str,
    expected: str,
    deviates: Callable[[Sample, Range], bool],
) -> dict[str, Any]:
    first = next(((s, p) for s, p in pairs if deviates(s, p)), None)
    if first is None:
        return _check(name, expected, "as expected", passed=True)
    sample, range_ = first
    actual = f"{sample.desired} instead of {range_} at {sample.at - start:.0f} s"
    return _check(name, expected, actual, passed=False)


def _check(name: str, expected: str, actual: str, passed: bool) -> dict[str, Any]:
    return {"group": "autoscaler", "name": name, "expected": expected, "actual": actual, "passed": passed}


def is_at_minimum(sample: Sample, spec: Spec) -> bool:
    """Whether the Deployment is at the autoscaler's minimum, and the autoscaler wants it to stay there."""
    return sample.desired == sample.ready == spec.minimum
