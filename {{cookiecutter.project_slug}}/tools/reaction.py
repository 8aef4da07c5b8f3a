"""How a service took a pulse of load, in numbers and in one sentence, for `make pulse`."""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mode
from typing import NamedTuple

from watch import Sample


@dataclass(frozen=True)
class Moment:
    """A row of totals in Locust's history of a run."""

    at: int
    """Seconds since the epoch, on the master."""
    users: int
    requests: float
    """A second, as are failures."""
    failures: float
    p50: int | None
    """Milliseconds over the last 10 seconds, as is p95; None where nothing was requested."""
    p95: int | None


class Pulse(NamedTuple):
    """The first and the last moment of high load, in seconds since the epoch."""

    begin: float
    end: float


@dataclass(frozen=True)
class Run:
    """What Locust and the autoscaler's watch recorded."""

    history: list[Moment]
    samples: list[Sample]

    @property
    def start(self) -> float:
        """Seconds since the epoch."""
        known = [moment.at for moment in self.history[:1]] + [sample.at for sample in self.samples[:1]]
        return known[0] if known else 0

    @property
    def pulse(self) -> Pulse | None:
        """When there were more users than halfway between the fewest and the most; None where there never were.

        Of several pulses, from the beginning of the first to the end of the last.
        """
        users = [moment.users for moment in self.history]
        high = [moment.at for moment in self.history if moment.users > (min(users) + max(users)) / 2]
        return Pulse(high[0], high[-1]) if high else None


class Reaction(NamedTuple):
    """Seconds; None for what never happened."""

    ready: float | None
    """From the beginning of the pulse until a pod more than the minimum was ready."""
    slow: float
    """How long p95 was above the limit."""
    back: float | None
    """From the end of the pulse until the Deployment was back at the minimum to stay."""


def read_history(file: Path) -> list[Moment]:
    """The totals in a `_stats_history.csv` of Locust's but for a row cut short; none without the file."""
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


def react(run: Run, minimum: int, limit: float) -> Reaction | None:
    """The facts about the pulse, if there was one; the limit of p95 is in milliseconds, infinite if there is none."""
    if run.pulse is None:
        return None
    begin, end = run.pulse
    ready = first(run.samples, lambda s: s.at >= begin and s.ready > minimum)
    slow = sum(after.at - now.at for now, after in pairwise(run.history) if now.p95 is not None and now.p95 > limit)
    away = max((s.at for s in run.samples if s.ready != minimum or s.desired != minimum), default=0)
    back = first(run.samples, lambda s: s.at >= end and s.at > away)
    return Reaction(ready and ready - begin, slow, back and back - end)


def rise(history: list[Moment]) -> str:
    """How many users there were at most, and how fast they came from the number that was usual before, in a sentence."""
    users = [moment.users for moment in history]
    full = users.index(max(users))
    usual = mode(users[:full] or users)
    rest = max((index for index in range(full) if users[index] <= usual), default=full)
    return f"All {users[full]} users were there within {history[full].at - history[rest].at} s."


def first(samples: list[Sample], fits: Callable[[Sample], bool]) -> float | None:
    """When the first sample that fits was taken."""
    return next((s.at for s in samples if fits(s)), None)


def sentence(reaction: Reaction | None, minimum: int, limit: float) -> str:
    """What happened, to be read aloud."""
    if reaction is None:
        return "The run has no pulse: the number of users never rose."
    slow = f"p95 above {limit:g} ms for {reaction.slow:.0f} s" if reaction.slow else f"p95 never above {limit:g} ms"
    if math.isinf(limit):
        slow = "slo.toml has no level for p95 in total"
    if reaction.ready is None:
        return f"No new pod became ready; {slow}."
    ready = f"First new pod ready {reaction.ready:.0f} s after the pulse began"
    back = f"back to {minimum} replica{'s' if minimum != 1 else ''}"
    if reaction.back is None:
        return f"{ready}; {slow}; not {back}."
    return f"{ready}; {slow}; {back} {reaction.back:.0f} s after it ended."
