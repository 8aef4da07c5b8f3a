"""The document verdict.json: what a run was, how it ended, and why. schema.json describes it for its readers."""

from locust import __version__
from locust.env import Environment
from locust.stats import StatsEntry

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VERSION = 1
"""Increased when a reader of the document has to change."""

SETTINGS = (
    "num_users", "spawn_rate", "run_time", "expect_workers", "shape", "user_classes", "tags", "exclude_tags",
)  # fmt: skip
"""Options of Locust that are part of the document, where they are set."""

SHAPE_SETTINGS = ("low", "high", "period", "width")
"""Options that are part of the document if a shape is chosen, which they belong to."""


@dataclass(frozen=True)
class Check:
    """One condition of a verdict; any that does not pass makes the run fail."""

    group: str
    """What is checked: the load test, a service level, or the autoscaler."""
    name: str
    expected: str
    actual: str
    passed: bool


@dataclass(frozen=True)
class Run:
    """When and on what code a run took place."""

    started: str
    """ISO 8601, in UTC."""
    seconds: float
    revision: str
    """Of the files of the load test, as live sync computes it."""


def create(environment: Environment, run: Run, checks: Sequence[Check], doubts: Sequence[str]) -> dict[str, Any]:
    """The verdict in the form of schema.json."""
    options = vars(environment.parsed_options) if environment.parsed_options else {}
    names = (*SETTINGS, *SHAPE_SETTINGS) if options.get("shape") else SETTINGS
    stats = environment.stats
    return {
        "version": VERSION,
        "outcome": "passed" if all(check.passed for check in checks) else "failed",
        "checks": [asdict(check) for check in checks],
        "doubts": list(doubts),
        "run": asdict(run) | {"host": environment.host},
        "settings": {name: options[name] for name in names if options.get(name) not in (None, [], "")},
        "versions": {"locust": __version__, "python": platform.python_version()},
        "statistics": {"total": _row(stats.total), "requests": [_row(entry) for entry in stats.entries.values()]},
    }


def write(content: dict[str, Any], folder: Path) -> None:
    """Write verdict.json, whole or not at all, since its presence says that the run got to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".verdict.json"
    temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(folder / "verdict.json")


def _row(entry: StatsEntry) -> dict[str, Any]:
    percentiles = {
        name: entry.get_response_time_percentile(share) if entry.num_requests else None
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
    return {
        "method": entry.method or None,
        "name": entry.name,
        "requests": entry.num_requests,
        "failures": entry.num_failures,
        "requests_per_second": round(entry.total_rps, 3),
        **percentiles,
    }
