"""What the benches find: printed row by row, and kept in a file with the machine and the versions it holds for."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "build" / "bench"


class Results:
    """A Markdown file `build/bench/<name>.md`."""

    def __init__(self, name: str, *versions: str) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.file = FOLDER / f"{name}.md"
        self.file.write_text("")
        machine = f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
        self.say(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {machine}")
        self.say("; ".join([f"Locust {version('locust')}", *versions]) + "\n")

    def say(self, line: str) -> None:
        """Add a line."""
        print(line, flush=True)
        with self.file.open("a") as file:
            file.write(line + "\n")

    def head(self, what: str) -> None:
        """Begin a table of distributions."""
        self.say(f"| {what} | samples | missed | p50 | p90 | p99 | max |")
        self.say("| --- | --- | --- | --- | --- | --- | --- |")

    def row(self, name: str, samples: Sequence[float], digits: int = 2) -> None:
        """Add a distribution; a sample that is infinite was missed."""
        figures = " | ".join(f"{percentile(samples, share):.{digits}f}" for share in (0.5, 0.9, 0.99, 1))
        self.say(f"| {name} | {len(samples)} | {list(samples).count(float('inf'))} | {figures} |")


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample at that share of the sorted ones: the nearest rank, with the median between two."""
    if share == 0.5:
        return statistics.median(samples)
    return sorted(samples)[round(share * (len(samples) - 1))]
