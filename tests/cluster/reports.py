"""What a run to a verdict left in the project's folder `reports`."""

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple


class Pods(NamedTuple):
    """How many pods of the server were ready."""

    at_first: int
    at_most: int
    at_last: int


def newest(project: Path) -> Path:
    """The reports of the last run."""
    return max((project / "reports").glob("20*"))


def ready_pods(folder: Path) -> Pods:
    """What `make pulse` saw of the server."""
    with (folder / "autoscaler.csv").open() as file:
        ready = [int(row["ready"]) for row in csv.DictReader(file)]
    return Pods(ready[0], max(ready), ready[-1])


def read_verdict(folder: Path) -> dict[str, Any]:
    verdict: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    return verdict


def failures(folder: Path) -> int:
    """How many requests failed."""
    return int(read_verdict(folder)["statistics"]["total"]["failures"])


def failed(folder: Path) -> dict[str, str]:
    """The checks that did not pass: their actual values by name."""
    return {check["name"]: check["actual"] for check in read_verdict(folder)["checks"] if not check["passed"]}
