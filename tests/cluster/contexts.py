"""The contexts that the tests on a cluster use, and what a project needs for each."""

import os
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

from tests.cluster.machine import Machine, missing_tools


def all_contexts() -> list[str]:
    """The contexts in the user's kubeconfig; none without kubectl."""
    if missing_tools("kubectl"):
        return []
    command = ["kubectl", "config", "get-contexts", "--output", "name"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


SLUG = "locust-k8s-e2e"
"""The name of the projects, and so of their namespace."""
GENERATED = ["docker-desktop", "minikube"]
"""Contexts with an overlay in every project; `make overlay` adds the others."""
LOCAL = ("kind-*", "k3d-*", "colima*")
"""Other clusters on this machine. Any other context is used only if ALLOW_REMOTE names it."""

REMOTE = os.environ.get("ALLOW_REMOTE", "")
REGISTRY = os.environ.get("REGISTRY", "")
"""Where the nodes of the remote context pull from."""

CONTEXTS = [
    *GENERATED,
    *(context for context in all_contexts() if any(fnmatchcase(context, pattern) for pattern in LOCAL)),
    *filter(None, [REMOTE]),
]


def absence(machine: Machine, context: str) -> str | None:
    """Why there can be no test on this cluster."""
    if context not in machine.contexts():
        return f"there is no context {context}"
    if machine.run("kubectl", "--context", context, "get", "--raw", "/readyz", "--request-timeout", "5s").returncode:
        return f"the cluster of context {context} does not answer"
    return None


def add_overlay(machine: Machine, context: str, project: Path) -> None:
    """Give a project an overlay for the context, unless it has one from the start."""
    if context not in GENERATED:
        registry = REGISTRY if context == REMOTE else ""
        machine.output("make", "overlay", f"CONTEXT={context}", f"REGISTRY={registry}", cwd=project)


def profiles(context: str) -> list[str]:
    """What Skaffold needs to deploy to the context."""
    if context == GENERATED[0]:
        return []
    return ["--profile", context, *(["--default-repo", REGISTRY] if context == REMOTE else [])]
