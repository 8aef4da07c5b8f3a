"""What a run has left in its verdict."""

import json
from pathlib import Path
from typing import Any


def read(folder: Path) -> dict[str, Any]:
    verdict: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    return verdict


def failed(folder: Path) -> dict[str, str]:
    """The checks that did not pass: their actual values by name."""
    return {check["name"]: check["actual"] for check in read(folder)["checks"] if not check["passed"]}
