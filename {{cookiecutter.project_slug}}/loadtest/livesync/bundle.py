"""Bundle: the live code as one file, which Locust's master hands to a worker that starts and asks for the locustfile."""

from locust.argument_parser import download_locustfile_from_master
from locust.env import Environment

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import Rejected
from .files import Tree


@dataclass
class Bundle:
    """What a worker has to know to start."""

    tree: Tree
    past: set[str]
    """Revisions that were live before."""
    locustfiles: list[str]
    """Paths in the tree, in the order in which Locust loads them."""


def stage(bundle: Bundle, home: Path) -> None:
    """Write the bundle beside the one that is handed out. Raises Rejected if that fails."""
    tree = {path: b64encode(content).decode() for path, content in bundle.tree.items()}
    data = {"tree": tree, "past": sorted(bundle.past), "locustfiles": bundle.locustfiles}
    try:
        (home / "bundle.staged").write_text(json.dumps(data))
    except OSError as error:
        raise Rejected(f"the files could not be written to {home}: {error.strerror}") from error


def offer(home: Path, environment: Environment) -> None:
    """Let Locust hand out the bundle that was staged."""
    (home / "bundle.staged").replace(home / "bundle.json")
    environment.parsed_locustfiles = [str(home / "bundle.json")]


def download(host: str, port: int) -> Bundle:
    """The master's live code; waits for the master as long as it takes."""
    locustfiles: Any = download_locustfile_from_master(host, port)
    data = json.loads(locustfiles[0]["contents"])
    tree = {path: b64decode(content) for path, content in data["tree"].items()}
    return Bundle(tree, set(data["past"]), data["locustfiles"])
