"""Folders with the reports of runs: `reports/<time>`, and the verdict in them."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..problem import Problem
from .verdict_schema import deviation

REPORTS = Path(__file__).parents[2] / "reports"
NEWEST = "newest"


def new_folder(kind: str = "") -> Path:
    """A new folder for a run that starts now, to which `newest` leads from now on. Raises Problem if it cannot be created."""
    newest = REPORTS / NEWEST
    if newest.is_dir() and not newest.is_symlink():
        raise Problem(f"{REPORTS.name}/{NEWEST} is a folder: move it away, because the link to the last run is there")
    name = time.strftime("%Y-%m-%d-%H%M%S") + kind
    try:
        REPORTS.mkdir(exist_ok=True)
        for folder in (REPORTS / name, *(REPORTS / f"{name}-{number}" for number in range(2, 100))):
            with suppress(FileExistsError):
                folder.mkdir()
                link_newest(folder)
                return folder
    except FileExistsError as error:
        raise Problem(f"{REPORTS.name} is not a folder: move it away, because reports are written there") from error
    except OSError as error:
        raise Problem(f"No folder can be created in {REPORTS}: {error.strerror}") from error
    raise Problem("Too many runs started in this second: try again")


def link_newest(folder: Path) -> None:
    """Let `newest`, a symbolic link beside the folder of a run, lead to it."""
    new = folder.with_name(f".{folder.name}")
    new.symlink_to(folder.name)
    new.replace(folder.with_name(NEWEST))


def read_verdict(folder: Path) -> dict[str, Any]:
    """The document verdict.json of a run. Raises Problem if there is none or this version of it is unknown."""
    file = folder / "verdict.json"
    try:
        verdict: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        json.dumps(verdict, ensure_ascii=False).encode()  # raises ValueError for half of a surrogate pair
    except OSError as error:
        raise Problem(
            f"{file} cannot be read ({error.strerror}). The run ended without a verdict: see its output."
        ) from error
    except (ValueError, RecursionError) as error:
        raise Problem(f"{file} is not valid JSON: {error}") from error
    if found := deviation(verdict):
        raise Problem(
            f"{file} is not a verdict of version 1, because {found}: run the load test again with this version of the project"
        )
    return verdict


def print_newest() -> int:
    """Print the verdict of the newest run as JSON, with its folder, and return 0 if it passed. Raises Problem."""
    folder = (REPORTS / NEWEST).resolve()
    if not folder.is_dir():
        raise Problem("There are no reports: run make headless-local or make headless first.")
    verdict = read_verdict(folder)
    print(json.dumps({"folder": str(folder), **verdict}, indent=2, ensure_ascii=False))
    return int(verdict["outcome"] != "passed")


def write_verdict(folder: Path, verdict: dict[str, Any]) -> None:
    """Replace the verdict of a run."""
    (folder / "verdict.json").write_text(json.dumps(verdict, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
