"""Edits of a project: the name of its requests, and the answer of its server."""

import json
import re
import urllib.request
from pathlib import Path


def locustfile(project: Path) -> Path:
    return project / "loadtest/locustfile.py"


def save(project: Path, source: str) -> None:
    locustfile(project).write_text(source)


def edit(project: Path, name: str) -> None:
    """Give the requests of the default task another name."""
    save(project, task_named(project, repr(name)))


def task_named(project: Path, expression: str) -> str:
    fresh = project.parent / "locustfile.py"
    if not fresh.exists():
        fresh.write_text(locustfile(project).read_text())
    source, changes = re.subn(r'(\.get\("/hello")[^)]*', rf"\1, name={expression}", fresh.read_text())
    assert changes
    return source


def greet(project: Path, message: str) -> None:
    """Give the server another answer."""
    server = project / "server/server.py"
    source, changes = re.subn(r'(?<=message=)"[^"]*"', f'"{message}"', server.read_text())
    assert changes
    server.write_text(source)


def greeting() -> str | None:
    """What the server says, or None while it says nothing."""
    try:
        with urllib.request.urlopen("http://localhost:8000/hello", timeout=5) as response:
            message: str = json.load(response)["message"]
            return message
    except OSError:
        return None
