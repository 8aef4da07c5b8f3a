"""Shows the output of Locust's master: its progress, which it prints as JSON, and everything else as it is."""

import json
import sys
from typing import Any


def show(line: str) -> None:
    """Print a line; on a terminal progress stays in one line, elsewhere it is printed every ten seconds."""
    progress = _progress(line)
    text = line if progress is None else describe(progress)
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="" if progress else "\n", flush=True)
    elif progress is None or progress["seconds"] % 10 == 0:
        print(text, flush=True)


def describe(progress: dict[str, Any]) -> str:
    """Elapsed time, users, and what they measure at the moment, in one line."""
    p95 = "-" if progress["p95"] is None else f"{progress['p95']:.0f} ms"
    return (
        f"{progress['seconds']:4} s  {progress['users']} users  {progress['requests_per_second']} requests/s  "
        f"p95 {p95}  {progress['failures']} failures"
    )


def _progress(line: str) -> dict[str, Any] | None:
    """The progress in a line of the master; None for any other line, also for half of one."""
    if not line.startswith('{"progress"'):
        return None
    try:
        progress: dict[str, Any] = json.loads(line)["progress"]
        describe(progress)
    except (ValueError, KeyError, TypeError):
        return None
    return progress
