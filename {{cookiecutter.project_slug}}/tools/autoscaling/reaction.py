"""How a service reacted to a pulse of load: in figures, and summarized in one sentence."""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mode
from typing import NamedTuple

from .samples import Sample


@dataclass(frozen=True)
class Moment:
    """A row of the total in Locust's history of a run."""

    at: int
    """Seconds since the epoch, on the master."""
    users: int
    requests: float
    """Per second, like `failures`."""
    failures: float
    p50: int | None
    """Milliseconds over the last 10 seconds, like `p95`; None without a request."""
    p95: int | None


class Pulse(NamedTuple):
    """First and last moment of high load, in seconds since the epoch."""

    begin: float
    end: float


@dataclass(frozen=True)
class RecordedRun:
    """What Locust and the watch of the autoscaler recorded."""

    history: list[Moment]
    samples: list[Sample]

    @property
    def start(self) -> float:
        """Seconds since the epoch."""
        known = [moment.at for moment in self.history[:1]] + [sample.at for sample in self.samples[:1]]
        return known[0] if known else 0

    @property
    def pulse(self) -> Pulse | None:
        """When there were more users than the mean of the lowest and the highest number; None if there never were.

        Several pulses count from the beginning of the first to the end of the last.
        """
        users = [moment.users for moment in self.history]
        mean = (min(users, default=0) + max(users, default=0)) / 2
        high = [moment.at for moment in self.history if moment.users > mean]
        return Pulse(high[0], high[-1]) if high else None


@dataclass(frozen=True)
class Reaction:
    """Figures of a reaction in seconds; None for what never happened."""

    ready: float | None
    """From the beginning of the pulse until a pod more than the minimum was ready."""
    slow: float
    """How long p95 was above its level."""
    back: float | None
    """From the end of the pulse until the Deployment was back at the minimum, and stayed there."""
    minimum: int
    level: float
    """Level of p95 in milliseconds, infinite if there is none."""
    had_pulse: bool = True

    def summary(self) -> str:
        """What happened, in one sentence."""
        if not self.had_pulse:
            return "The run has no pulse: the number of users never rose."
        slow = (
            f"p95 above {self.level:g} ms for {self.slow:.0f} s" if self.slow else f"p95 never above {self.level:g} ms"
        )
        if math.isinf(self.level):
            slow = "slo.toml has no level of p95 for the total"
        if self.ready is None:
            return f"No new pod became ready; {slow}."
        ready = f"First new pod ready {self.ready:.0f} s after the pulse began"
        minimum = f"{self.minimum} replica{'s' if self.minimum != 1 else ''}"
        if self.back is None:
            return f"{ready}; {slow}; did not return to {minimum}."
        return f"{ready}; {slow}; back to {minimum} {self.back:.0f} s after it ended."


def read_history(file: Path) -> list[Moment]:
    """The totals in Locust's `_stats_history.csv`, without an incomplete row; none if the file is missing."""
    if not file.exists():
        return []
    with file.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if None not in row.values()]
    return [moment(row) for row in rows if row["Name"] == "Aggregated"]


def moment(row: dict[str, str]) -> Moment:
    requests = float(row["Requests/s"])
    return Moment(
        at=int(row["Timestamp"]),
        users=int(row["User Count"]),
        requests=requests,
        failures=float(row["Failures/s"]),
        p50=int(row["50%"]) if requests else None,
        p95=int(row["95%"]) if requests else None,
    )


def react(run: RecordedRun, minimum: int, level: float) -> Reaction:
    """Measure the reaction; `level` is the service level of p95 in milliseconds, infinite if there is none."""
    if run.pulse is None:
        return Reaction(None, 0, None, minimum, level, had_pulse=False)
    begin, end = run.pulse
    ready = _first(run.samples, lambda s: s.at >= begin and s.ready > minimum)
    slow = sum(after.at - now.at for now, after in pairwise(run.history) if now.p95 is not None and now.p95 > level)
    last_away = max((s.at for s in run.samples if s.ready != minimum or s.desired != minimum), default=0)
    back = _first(run.samples, lambda s: s.at >= end and s.at > last_away)
    return Reaction(ready and ready - begin, slow, back and back - end, minimum, level)


def describe_rise(history: list[Moment]) -> str:
    """The highest number of users, and how fast it was reached from the number before, in a sentence; empty without history."""
    if not history:
        return ""
    users = [moment.users for moment in history]
    highest = users.index(max(users))
    usual = mode(users[:highest] or users)
    last_low = max((index for index in range(highest) if users[index] <= usual), default=highest)
    return f"All {users[highest]} users were running within {history[highest].at - history[last_low].at} s."


def _first(samples: list[Sample], matches: Callable[[Sample], bool]) -> float | None:
    return next((s.at for s in samples if matches(s)), None)
