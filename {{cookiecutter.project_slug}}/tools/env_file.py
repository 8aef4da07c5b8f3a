"""Reads loadtest/.env as `kubectl create secret --from-env-file` does, so that its values are the same here as in a cluster."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .problem import Problem

ENV_FILE = Path(__file__).parents[1] / "loadtest" / ".env"


def add_env_file(file: Path = ENV_FILE) -> None:
    """Add the variables of the file, if it exists, to the environment, which overrides them. Raises Problem if it is invalid.

    A value is what follows the first `=` to the end of the line, with its quotes, blanks and `#`.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise Problem(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(map(str.lstrip, lines), start=1):
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name) or "\0" in value:
                raise Problem(f"{file}, line {number} is invalid: write NAME=value, without blanks before the =")
            os.environ.setdefault(name, value)
