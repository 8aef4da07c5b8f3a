"""Stop Tilt or Skaffold before it builds what could not run: `python3 tools/preflight.py CONTEXT`, which they call."""

from __future__ import annotations

import os
import sys

from cluster import Problem, require_allowed, run
from doctor import cluster, ports, runtime

FORWARD_PORTS = {"up", "ci", "dev", "debug"}
DEPLOY = FORWARD_PORTS | {"run"}


def check(context: str, command: list[str]) -> None:
    """Raise Problem with the first thing that `command`, a call of Tilt or Skaffold, would fail for in that context."""
    if not DEPLOY.intersection(command):
        return
    require_allowed(context)
    if (other := named_context(command)) not in (None, context):
        raise Problem(
            f"The images and manifests are for {context}, not for {other}: "
            "leave --kube-context and SKAFFOLD_KUBE_CONTEXT out."
        )
    cluster(context)
    runtime(context)
    if FORWARD_PORTS.intersection(command):
        ports(context)


def named_context(command: list[str]) -> str | None:
    """The context that Skaffold was given, which goes before the one in skaffold.yaml."""
    words = iter(command)
    for word in words:
        option, _, value = word.partition("=")
        if option == "--kube-context":
            return value or next(words, None)
    return os.environ.get("SKAFFOLD_KUBE_CONTEXT")


def caller() -> list[str]:
    """The words of the command that runs this script."""
    return run("ps", "-o", "args=", "-p", str(os.getppid())).stdout.split()


if __name__ == "__main__":
    try:
        check(sys.argv[1], caller())
    except Problem as problem:
        sys.exit(str(problem))
