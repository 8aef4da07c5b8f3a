"""Service levels: reads slo.toml and compares its levels with Locust's statistics."""

from locust.stats import RequestStats, StatsEntry

import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .verdict_document import Check


class Metric(NamedTuple):
    """A key of slo.toml: its value in the statistics, and whether its level is an upper or a lower limit."""

    value: Callable[[StatsEntry], float]
    is_upper_limit: bool
    unit: str = ""
    highest: float = sys.float_info.max
    """The highest valid level."""


METRICS = {
    # Locust rounds response times to two significant digits before it counts them, so percentiles are that precise.
    "p50": Metric(lambda entry: entry.get_response_time_percentile(0.50), is_upper_limit=True, unit=" ms"),
    "p95": Metric(lambda entry: entry.get_response_time_percentile(0.95), is_upper_limit=True, unit=" ms"),
    "p99": Metric(lambda entry: entry.get_response_time_percentile(0.99), is_upper_limit=True, unit=" ms"),
    "failure_ratio": Metric(lambda entry: entry.fail_ratio, is_upper_limit=True, highest=1),
    "requests_per_second": Metric(lambda entry: entry.total_rps, is_upper_limit=False),
    "min_samples": Metric(lambda entry: entry.num_requests, is_upper_limit=False),
}

Level = dict[str, float]


@dataclass(frozen=True)
class ServiceLevels:
    """The levels of slo.toml by metric: for the total, and for requests by their name."""

    file: Path
    total: Level = field(default_factory=dict)
    requests: dict[str, Level] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "ServiceLevels":
        """Read the levels; a missing file has none. Raises ValueError, with file and key, for an invalid file."""
        if not file.exists():
            return cls(file)
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except RecursionError:
            raise ValueError("its values are nested too deeply") from None
        for key, table in content.items():
            if key not in ("total", "requests"):
                raise ValueError(f'unknown key {key!r}: put levels below [total] or [requests."name"]')
            _require_table(f"[{key}]", table)
        levels = cls(file, **content)
        if levels.total:
            _require_level("[total]", levels.total)
        for name, level in levels.requests.items():
            _require_level(f'[requests."{name}"]', level)
        return levels

    def checks(self, stats: RequestStats) -> list[Check]:
        """A check for each level. A level whose request was never made fails, and so does a file without any level."""
        if not self.total and not self.requests:
            actual = "no level" if self.file.exists() else "no such file"
            return [_check(self.file.name, "at least one level", actual, passed=False)]
        found = _compare("total", self.total, stats.total)
        for name, level in self.requests.items():
            entries = [entry for entry in stats.entries.values() if entry.name == name]
            if not entries:
                found.append(
                    _check(name, "at least 1 request, because slo.toml has levels for it", "none", passed=False)
                )
            for entry in entries:
                found += _compare(f"{entry.method} {name}", level, entry)
        return found


def _require_table(place: str, table: object) -> None:
    if not isinstance(table, dict) or not table:
        raise ValueError(f"{place} is {table!r}: it must be a table with at least one level, such as p95 = 500")


def _require_level(place: str, level: Level) -> None:
    _require_table(place, level)
    for key, value in level.items():
        if key not in METRICS:
            raise ValueError(f"{place} has {key!r}, which is none of {', '.join(METRICS)}")
        limit = METRICS[key].highest
        if type(value) not in (int, float) or not 0 <= value <= limit:
            of = f"from 0 to {limit:g}" if limit < sys.float_info.max else "of at least 0"
            raise ValueError(f"{key} in {place} is {value!r}: it must be a number {of}")


def _compare(name: str, level: Level, entry: StatsEntry) -> list[Check]:
    return [
        _level_check(f"{name} {key}", limit, METRICS[key], METRICS[key].value(entry)) for key, limit in level.items()
    ]


def _level_check(name: str, limit: float, metric: Metric, value: float) -> Check:
    side = "at most" if metric.is_upper_limit else "at least"
    passed = value <= limit if metric.is_upper_limit else value >= limit
    actual = _number(value)
    if not passed and actual == _number(limit):
        actual = f"{value:.6g}"
    return _check(name, f"{side} {_number(limit)}{metric.unit}", f"{actual}{metric.unit}", passed)


def _check(name: str, expected: str, actual: str, passed: bool) -> Check:
    return Check("service levels", name, expected, actual, passed)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 999.5 else f"{value:.3g}"
