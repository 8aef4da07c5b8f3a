"""Stops Tilt or Skaffold before a build whose deployment could not work. Tiltfile and skaffold.yaml call it."""

from __future__ import annotations

import os
from pathlib import Path

from ..problem import Problem
from .contexts import require_allowed, run
from .doctor import cluster, images, ports
from .nodes import loads_images

FORWARD_PORTS = {"up", "ci", "dev", "debug"}
DEPLOY = FORWARD_PORTS | {"run"}


def check(context: str, command: list[str]) -> None:
    """Raise Problem for the first thing that would make `command`, a call of Tilt or Skaffold, fail in this context."""
    if not DEPLOY.intersection(command):
        return
    require_allowed(context)
    if (other := context_option(command)) not in (None, context):
        raise Problem(
            f"The images and manifests are for {context}, not for {other}: "
            "leave out --kube-context and SKAFFOLD_KUBE_CONTEXT."
        )
    cluster(context)
    images(context)
    if FORWARD_PORTS.intersection(command):
        ports(context)
    require_docker_of_this_machine(command)


def require_docker_of_this_machine(command: list[str]) -> None:
    """Raise Problem if Skaffold would ask the minikube of the current context for a Docker that it does not have."""
    if Path(command[0]).name != "skaffold":
        return
    current = run("kubectl", "config", "current-context").stdout.strip()
    if current and loads_images(current):
        kubeconfig = os.environ.get("KUBECONFIG") or "$HOME/.kube/config"
        raise Problem(
            f"While {current} is the current context, Skaffold builds with the Docker of minikube, which has none: "
            f"KUBECONFIG=k8s/no-context.yaml:{kubeconfig} {' '.join(command)}"
        )


def context_option(command: list[str]) -> str | None:
    """The context of --kube-context or SKAFFOLD_KUBE_CONTEXT, which override the one in skaffold.yaml."""
    words = iter(command)
    for word in words:
        option, _, value = word.partition("=")
        if option == "--kube-context":
            return value or next(words, None)
    return os.environ.get("SKAFFOLD_KUBE_CONTEXT")


def caller() -> list[str]:
    """The words of the command that runs this process."""
    return run("ps", "-o", "args=", "-p", str(os.getppid())).stdout.split()


def main(context: str) -> None:
    """Check the call of Tilt or Skaffold that runs this process."""
    check(context, caller())
