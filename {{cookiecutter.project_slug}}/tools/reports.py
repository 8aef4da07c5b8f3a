"""Folders of reports, one a run: `reports/<time>`."""

import os
import time
from pathlib import Path

REPORTS = Path(__file__).parents[1] / "reports"


def new_folder(kind: str = "") -> Path:
    """Where the reports of a run that starts now belong; it is not there yet."""
    return REPORTS / (time.strftime("%Y-%m-%d-%H%M%S") + kind)


def summary(folder: Path) -> str:
    """The page that Locust left, up to its statistics; its title tells how the run went."""
    file = folder / "summary.md"
    if not file.exists():
        return "# There is no verdict, as Locust did not get to its end.\n"
    return file.read_text(encoding="utf-8").partition("\n## Statistics")[0]


def show_verdict(folder: Path) -> None:
    """Print that page, and where the rest is."""
    print(f"\n{summary(folder)}")
    print(f"Reports: {os.path.relpath(folder)}")
