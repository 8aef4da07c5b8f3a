"""Folders of reports, one a run: `reports/<time>`."""

import os
import time
from pathlib import Path

REPORTS = Path(__file__).parents[1] / "reports"


def new_folder(kind: str = "") -> Path:
    """Where the reports of a run that starts now belong; it is not there yet."""
    return REPORTS / (time.strftime("%Y-%m-%d-%H%M%S") + kind)


def show_verdict(folder: Path) -> None:
    """Print the page that Locust left, up to its statistics, and where the rest is."""
    summary = folder / "summary.md"
    if summary.exists():
        print("\n" + summary.read_text(encoding="utf-8").partition("\n## Statistics")[0])
    print(f"Reports: {os.path.relpath(folder)}")
