"""Folders of reports, one a run: `reports/<time>`."""

import os
import time
from contextlib import suppress
from pathlib import Path

from cluster import Problem

REPORTS = Path(__file__).parents[1] / "reports"


def new_folder(kind: str = "") -> Path:
    """A new folder for the reports of a run that starts now. Raises Problem where there can be none."""
    name = time.strftime("%Y-%m-%d-%H%M%S") + kind
    try:
        REPORTS.mkdir(exist_ok=True)
        for folder in (REPORTS / name, *(REPORTS / f"{name}-{number}" for number in range(2, 100))):
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
    except FileExistsError as error:
        raise Problem(f"{REPORTS.name} is no folder: move it away, as reports belong there") from error
    except OSError as error:
        raise Problem(f"{REPORTS} cannot have a new folder: {error.strerror}") from error
    raise Problem(f"{REPORTS.name} has 99 runs of this second: start again")


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
