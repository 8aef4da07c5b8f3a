"""What a HorizontalPodAutoscaler's own spec prescribes for the CPU that it measured, and whether it did so.

`make pulse` ends with this verdict. The rules are those of "Horizontal Pod Autoscaling" in Kubernetes' documentation,
the order in which they apply and what it leaves open those of its controller (pkg/controller/podautoscaler).
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

from autoscaler import Policy, Spec
from watch import Sample

SLACK = 20
"""Seconds by which a time may be off: the controller looks every 15 s, and a loaded cluster takes its time."""
SETTLED = 60
"""Seconds after which the CPU of a ready pod surely counts: two readings of metrics-server and one look of the
controller, 15 s each, and another 15 s for what is late."""


class Bound(NamedTuple):
    """One side of what cannot be told exactly."""

    slack: int
    """Seconds that the window for scaling up may be longer, and that for scaling down shorter."""
    pick: Callable[[Iterable[int]], int]
    """Which number of replicas to take of those that there may have been."""


FEWEST, MOST = Bound(SLACK, min), Bound(-SLACK, max)


class Range(NamedTuple):
    """Numbers of replicas."""

    fewest: int
    most: int

    def __str__(self) -> str:
        return f"{self.fewest}" if self.fewest == self.most else f"{self.fewest} to {self.most}"


def prescribed(samples: list[Sample], spec: Spec) -> list[Range]:
    """How many replicas the autoscaler may want at each sample, for what it saw there.

    More than one number where it depends on what a status does not tell: which pods were measured, and when exactly.
    """
    settled = [min(recent(samples, [s.ready for s in samples], index, SETTLED)) for index in range(len(samples))]
    fewest = [recommended(s, pods, spec) for s, pods in zip(samples, settled, strict=True)]
    most = [
        max(recommended(s, s.current, spec), s.current if pods < s.current else 0)
        for s, pods in zip(samples, settled, strict=True)
    ]
    return [
        Range(steadied(samples, fewest, index, spec, FEWEST), steadied(samples, most, index, spec, MOST))
        for index in range(len(samples))
    ]


def recommended(sample: Sample, measured: int, spec: Spec) -> int:
    """The formula alone: ceil(replicas * CPU / target), the same number within the tolerance.

    Where only some pods were measured, the others count as idle on the way up, and as gone on the way down.
    """
    if sample.cpu is None or not sample.current or not measured:
        return sample.current
    measured = min(measured, sample.current)
    wanted = measured * sample.cpu / spec.target
    if sample.cpu > spec.target:
        return math.ceil(wanted) if wanted / sample.current > 1 + spec.up.tolerance else sample.current
    return math.ceil(wanted) if sample.cpu / spec.target < 1 - spec.down.tolerance else sample.current


def steadied(samples: list[Sample], wanted: list[int], index: int, spec: Spec, bound: Bound) -> int:
    """What stabilization, policies, minimum and maximum leave of the recommendations at the sample."""
    current = samples[index].current
    lowest = min(recent(samples, wanted, index, spec.up.window + bound.slack))
    highest = max(recent(samples, wanted, index, spec.down.window - bound.slack))
    stable = min(max(current, lowest), highest)

    def start(policy: Policy) -> int:
        return bound.pick(recent(samples, [s.current for s in samples], index, policy.period + SLACK))

    if stable > current:
        steps = [math.ceil(start(policy) + policy.step(start(policy))) - current for policy in spec.up.policies]
        stable = min(stable, current + spec.up.furthest(steps))
    elif stable < current:
        steps = [current - math.floor(start(policy) - policy.step(start(policy))) for policy in spec.down.policies]
        stable = max(stable, current - spec.down.furthest(steps))
    return min(max(stable, spec.minimum), spec.maximum)


def recent(samples: list[Sample], values: list[int], index: int, seconds: float) -> list[int]:
    """The values of the last seconds, that of the sample included.

    The number of replicas at the first sample stands for what was before it.
    """
    since = samples[index].at - seconds
    before = [samples[0].current] if since < samples[0].at else []
    return before + values[min(bisect_right(samples, since, key=lambda s: s.at), index) : index + 1]


class Check(NamedTuple):
    name: str
    wanted: str
    seen: str
    holds: bool


def verdict(samples: list[Sample], spec: Spec, start: float) -> list[Check]:
    """How the autoscaler kept to its spec; times are told in seconds after the start, given in epoch seconds."""
    if not samples:
        return [Check("Samples", "one a second", "none", holds=False)]
    pairs = list(zip(samples, prescribed(samples, spec), strict=True))
    known = sum(s.cpu is not None for s in samples)
    counts = [count for s in samples for count in (s.current, s.desired)]
    highest = Range(max(p.fewest for _, p in pairs), max(p.most for _, p in pairs))
    seen = max(s.desired for s in samples)
    last = samples[-1]

    def deviation(name: str, wanted: str, is_one: Callable[[Sample, Range], bool]) -> Check:
        first = next(((s, p) for s, p in pairs if is_one(s, p)), None)
        if first is None:
            return Check(name, wanted, "so it was", holds=True)
        sample, range_ = first
        return Check(name, wanted, f"{sample.desired} instead of {range_} at {sample.at - start:.0f} s", holds=False)

    return [
        Check("CPU", "known", f"known in {known} of {len(samples)} samples", holds=known > 0),
        Check(
            "Replicas",
            f"{spec.minimum} to {spec.maximum}",
            str(Range(min(counts), max(counts))),
            holds=spec.minimum <= min(counts) and max(counts) <= spec.maximum,
        ),
        Check("Highest", str(highest), str(seen), holds=highest.fewest <= seen <= highest.most),
        deviation(
            "Scales out in time",
            f"at most {spec.up.window + SLACK} s after the CPU began to ask for it",
            lambda s, p: s.desired < p.fewest and p.fewest > s.current,
        ),
        deviation(
            "Scales out no further",
            "than the CPU asks for",
            lambda s, p: s.desired > p.most and s.desired > s.current,
        ),
        deviation(
            "Scales in no sooner",
            f"than {spec.down.window} s after the CPU last asked for more",
            lambda s, p: s.desired < p.fewest <= s.current,
        ),
        deviation(
            "Scales in in time",
            f"at most {SLACK} s after that",
            lambda s, p: p.most < s.desired <= s.current,
        ),
        Check("At the end", f"{spec.minimum} ready", f"{last.ready} of {last.desired} ready", is_back(last, spec)),
    ]


def is_back(sample: Sample, spec: Spec) -> bool:
    """Whether the Deployment is at the autoscaler's minimum, and means to stay there."""
    return sample.desired == sample.ready == spec.minimum
