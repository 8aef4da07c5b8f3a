"""`make check`: compares the locked requirements with their sources. It reads files only, so it sees no newer versions."""

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .problem import Problem

PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;]+)", re.MULTILINE)
DEV_LOCK = Path("requirements-dev.txt")
LOCKS = {
    DEV_LOCK: Path("requirements-dev.in"),
    Path("server/requirements.txt"): Path("server/requirements.in"),
    Path("loadtest/requirements.txt"): Path("loadtest/requirements.in"),
}


def problems() -> Iterator[str]:
    """A sentence for each requirement that its lock does not fulfil, and each version that the tests do not use."""
    tested = pins(DEV_LOCK)
    for lock, source in LOCKS.items():
        locked = pins(lock)
        for wanted in requirements(source):
            versions = [version for name, version in locked if name == canonicalize_name(wanted.name)]
            if not any(wanted.specifier.contains(version, prereleases=True) for version in versions):
                yield f"{lock} does not fulfil {wanted} of {source}: run make lock."
        for name, version in sorted(locked - tested):
            yield f"{lock} has {name} {version}, but {DEV_LOCK} has not: run make lock."


def pins(lock: Path) -> set[tuple[str, str]]:
    """The names and versions in a lock."""
    return set(PIN.findall(lock.read_text()))


def requirements(source: Path) -> list[Requirement]:
    """The requirements of a file, without those of the files that it includes."""
    lines = (line.partition("#")[0].strip() for line in source.read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def main() -> None:
    """Raise Problem if a lock does not fit."""
    if found := list(problems()):
        raise Problem("\n".join(found))
