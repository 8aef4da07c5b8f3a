"""Service levels: slo.toml, and what Locust's statistics say to it."""

from locust.stats import RequestStats, StatsEntry

import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Check(NamedTuple):
    """One line of a verdict."""

    name: str
    wanted: str
    seen: str
    holds: bool


class Metric(NamedTuple):
    """A key of slo.toml: how to read it off the statistics, and which side of the level is the good one."""

    value: Callable[[StatsEntry], float]
    is_upper_limit: bool
    unit: str = ""


METRICS = {
    # Locust counts response times in classes of two significant digits, which is how exact these are.
    "p50": Metric(lambda entry: entry.get_response_time_percentile(0.50), is_upper_limit=True, unit=" ms"),
    "p95": Metric(lambda entry: entry.get_response_time_percentile(0.95), is_upper_limit=True, unit=" ms"),
    "p99": Metric(lambda entry: entry.get_response_time_percentile(0.99), is_upper_limit=True, unit=" ms"),
    "failure_ratio": Metric(lambda entry: entry.fail_ratio, is_upper_limit=True),
    "requests_per_second": Metric(lambda entry: entry.total_rps, is_upper_limit=False),
    "min_samples": Metric(lambda entry: entry.num_requests, is_upper_limit=False),
}

Level = dict[str, float]


@dataclass(frozen=True)
class Levels:
    """What slo.toml asks for: a level by metric, in total and by request name."""

    total: Level
    requests: dict[str, Level]

    @classmethod
    def read(cls, file: Path) -> "Levels":
        """Raises ValueError, in a sentence, for a file that cannot be meant."""
        content = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        _refuse_unknown("slo.toml", content, {"total", "requests"})
        levels = cls(content.get("total", {}), content.get("requests", {}))
        _refuse_unknown("[total]", levels.total, METRICS)
        for name, level in levels.requests.items():
            _refuse_unknown(f'[requests."{name}"]', level, METRICS)
        return levels

    def checks(self, stats: RequestStats) -> list[Check]:
        """A line for each level; one that no request has been measured for is broken."""
        found = _compare("total", self.total, stats.total)
        for name, level in self.requests.items():
            entries = [entry for entry in stats.entries.values() if entry.name == name]
            if not entries:
                found.append(Check(name, "requests of this name, as slo.toml has levels for it", "none", holds=False))
            for entry in entries:
                found += _compare(f"{entry.method} {name}", level, entry)
        return found


def _refuse_unknown(place: str, table: dict[str, Any], known: Collection[str]) -> None:
    for key, value in table.items():
        if key not in known:
            raise ValueError(f"{place} has {key!r}, which is none of {', '.join(known)}")
        if known is METRICS and not (type(value) in (int, float) and value >= 0):
            raise ValueError(f"{key} in {place} is {value!r}: it needs a number of at least 0")


def _compare(name: str, level: Level, entry: StatsEntry) -> list[Check]:
    return [_check(f"{name} {key}", wanted, METRICS[key], METRICS[key].value(entry)) for key, wanted in level.items()]


def _check(name: str, wanted: float, metric: Metric, seen: float) -> Check:
    side = "at most" if metric.is_upper_limit else "at least"
    holds = seen <= wanted if metric.is_upper_limit else seen >= wanted
    return Check(name, f"{side} {_number(wanted)}{metric.unit}", f"{_number(seen)}{metric.unit}", holds)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
