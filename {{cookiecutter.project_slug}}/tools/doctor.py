"""Tell what this machine lacks for `tilt up` and `skaffold dev`, each with the remedy: `python3 tools/doctor.py`.

It looks at the cluster of the current context, or of the context named: `python3 tools/doctor.py minikube`.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable

from cluster import Problem, current_context, kubectl, require_allowed, run
from metrics import metrics
from ports import problems as port_problems

Check = Callable[[str], str]

START = {
    "docker-desktop": "switch Kubernetes on in the settings of Docker Desktop.",
    "minikube": "minikube start --container-runtime=docker",
}


def python(_context: str) -> str:
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one is told here
        raise Problem(f"Python {platform.python_version()} is too old: install 3.11 or newer.")
    return f"Python {platform.python_version()}"


def tool(_context: str) -> str:
    found = [name for name in ("tilt", "skaffold") if shutil.which(name)]
    if not found:
        raise Problem("Neither tilt nor skaffold is in PATH: install one of them.")
    return " and ".join(found)


def ports(_context: str) -> str:
    if found := port_problems([8000, 8089]):
        raise Problem(" ".join(found))
    return "ports 8000 and 8089 are free"


def docker(context: str) -> str:
    if context == "minikube":
        return "minikube brings a Docker of its own"
    if run("docker", "version").returncode:
        raise Problem("Docker does not answer: start it.")
    return "Docker answers"


def cluster(context: str) -> str:
    if kubectl(context, "get", "--raw", "/readyz").returncode:
        raise Problem(f"The cluster of context {context} does not answer: {START.get(context, 'start it.')}")
    return "the cluster answers"


def runtime(context: str) -> str:
    # Docker Desktop shows its images to whatever runtime it has; in minikube only Docker sees them.
    path = "jsonpath={.items[*].status.nodeInfo.containerRuntimeVersion}"
    found = kubectl(context, "get", "nodes", "--output", path).stdout
    if context == "minikube" and not found.startswith("docker://"):
        raise Problem(
            f"minikube runs on {found or 'nothing'}, which never sees the images that are built here: "
            "minikube delete && minikube start --container-runtime=docker"
        )
    return f"container runtime {found}"


ON_THIS_MACHINE: list[Check] = [python, tool, ports, docker]


def main(context: str = "") -> int:
    """Print what each check found; 1 where something is missing that nothing works without."""
    try:
        context = context or current_context()
        require_allowed(context)
    except Problem as problem:
        # The cluster behind it is not even asked how it is.
        print(f"no    {problem}")
        examine(ON_THIS_MACHINE, context)
        return 1
    print(f"ok    context {context}")
    fine = examine(ON_THIS_MACHINE, context)
    if not examine([cluster], context):
        return 1
    fine &= examine([runtime], context)
    examine([metrics], context, otherwise="note")
    return 0 if fine else 1


def examine(checks: list[Check], context: str, otherwise: str = "no") -> bool:
    """Print a line for each check, which begins with ok or with the word given; whether all were ok."""
    problems = 0
    for check in checks:
        try:
            print(f"ok    {check(context)}")
        except Problem as problem:
            print(f"{otherwise:6}{problem}")
            problems += 1
    return not problems


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
