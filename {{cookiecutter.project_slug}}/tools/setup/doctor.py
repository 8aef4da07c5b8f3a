"""Checks what this machine and the cluster of a context lack for `tilt up` and `skaffold dev`: `make doctor`."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable

from ..problem import Problem
from .contexts import allowed_context, kubectl, run
from .metrics import metrics
from .nodes import container_runtime, loads_images
from .ports import require_free

START = {
    "docker-desktop": "switch Kubernetes on in the settings of Docker Desktop.",
    "minikube": "minikube start",
}


def python(_context: str) -> str:
    if sys.version_info < (3, 11):
        raise Problem(f"Python {platform.python_version()} is too old: install 3.11 or newer.")
    return f"Python {platform.python_version()}"


def tool(_context: str) -> str:
    found = [name for name in ("tilt", "skaffold") if shutil.which(name)]
    if not found:
        raise Problem("Neither tilt nor skaffold is in PATH: install one of them.")
    return " and ".join(found)


def ports(_context: str) -> str:
    require_free([8000, 8089])
    return "ports 8000 and 8089 are free"


def docker(context: str) -> str:
    if context == "minikube" and container_runtime(context) == "docker":
        return "minikube has its own Docker"
    if run("docker", "version").returncode:
        raise Problem("Docker does not answer: start it.")
    return "Docker answers"


def cluster(context: str) -> str:
    if kubectl(context, "get", "--raw", "/readyz").returncode:
        raise Problem(f"The cluster of context {context} does not answer: {START.get(context, 'start it.')}")
    return "the cluster answers"


def images(context: str) -> str:
    """How images get to the nodes."""
    if not loads_images(context):
        return f"images are built where the nodes find them, container runtime {container_runtime(context)}"
    docker(context)
    run("minikube", "version")  # raises Problem if it is not installed
    return f"images are built on this machine and loaded, container runtime {container_runtime(context)}"


Check = Callable[[str], str]
MACHINE: list[Check] = [python, tool, ports, docker]


def main(context: str) -> int:
    """Print the result of each check; 1 if one fails without which nothing works."""
    try:
        context = allowed_context(context)
    except Problem as problem:
        # The cluster of such a context is not contacted.
        print(f"FAIL  {problem}")
        passes(MACHINE, context)
        return 1
    print(f"ok    context {context}")
    healthy = passes(MACHINE, context)
    if not passes([cluster], context):
        return 1
    healthy &= passes([images], context)
    passes([metrics], context, otherwise="note")
    return 0 if healthy else 1


def passes(checks: list[Check], context: str, otherwise: str = "FAIL") -> bool:
    """Print a line for each check, with ok or with `otherwise` in front, and return whether all of them passed."""
    problems = 0
    for check in checks:
        try:
            print(f"ok    {check(context)}")
        except Problem as problem:
            print(f"{otherwise:6}{problem}")
            problems += 1
    return not problems
