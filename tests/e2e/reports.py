"""What a run to a verdict left in the project's folder `reports`."""

import csv
from pathlib import Path
from typing import NamedTuple


class Pods(NamedTuple):
    """How many pods of the server were ready."""

    at_first: int
    at_most: int
    at_last: int


def newest(project: Path) -> Path:
    """The reports of the last run."""
    return max((project / "reports").iterdir())


def ready_pods(folder: Path) -> Pods:
    """What `make pulse` saw of the server."""
    with (folder / "autoscaler.csv").open() as file:
        ready = [int(row["ready"]) for row in csv.DictReader(file)]
    return Pods(ready[0], max(ready), ready[-1])


def failures(folder: Path) -> int:
    """How many requests failed."""
    with (folder / "locust_stats.csv").open() as file:
        *_, total = csv.DictReader(file)
    return int(total["Failure Count"])
