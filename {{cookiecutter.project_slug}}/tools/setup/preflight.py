"""Stops Tilt or Skaffold before a build whose deployment could not work. Tiltfile and skaffold.yaml call it."""

from __future__ import annotations

import os
from pathlib import Path

from ..problem import Problem
from .contexts import require_allowed, require_remote_allowed, run
from .doctor import cluster, images, ports
from .nodes import image_delivery
from .registry import registry_of

FORWARD_PORTS = {"up", "ci", "dev", "debug"}
DEPLOY = FORWARD_PORTS | {"run"}

KUBE_CONTEXT = ("SKAFFOLD_KUBE_CONTEXT", "--kube-context")
"""Variable and option of Skaffold that override the context in skaffold.yaml."""
DEFAULT_REPO = ("SKAFFOLD_DEFAULT_REPO", "--default-repo", "-d")
"""Variable and options of Skaffold for the registry."""


def check(context: str, command: list[str]) -> None:
    """Raise Problem for the first thing that would make `command`, a call of Tilt or Skaffold, fail in this context."""
    if not DEPLOY.intersection(command):
        return
    require_allowed(context)
    if option(KUBE_CONTEXT, command) not in ("", context):
        raise Problem(
            f"The images and manifests are for {context}, not for {option(KUBE_CONTEXT, command)}: "
            "leave out --kube-context and SKAFFOLD_KUBE_CONTEXT."
        )
    cluster(context)
    require_remote_allowed(context)
    images(context)
    if FORWARD_PORTS.intersection(command):
        ports(context)
    if Path(command[0]).name == "skaffold":
        require_registry_of_overlay(context, command)
        require_docker_of_this_machine(command)


def require_registry_of_overlay(context: str, command: list[str]) -> None:
    """Raise Problem if Skaffold would push to another registry than the nodes pull from."""
    registry, given = registry_of(context), option(DEFAULT_REPO, command)
    if registry and given != registry:
        raise Problem(f"The nodes of {context} pull from {registry}: {' '.join(command)} --default-repo {registry}")


def require_docker_of_this_machine(command: list[str]) -> None:
    """Raise Problem if Skaffold would ask the minikube of the current context for a Docker that it does not have."""
    current = run("kubectl", "config", "current-context").stdout.strip()
    if current and image_delivery(current) == "minikube":
        kubeconfig = os.environ.get("KUBECONFIG") or "$HOME/.kube/config"
        raise Problem(
            f"While {current} is the current context, Skaffold builds with the Docker of minikube, which has none: "
            f"KUBECONFIG=k8s/no-context.yaml:{kubeconfig} {' '.join(command)}"
        )


def option(names: tuple[str, ...], command: list[str]) -> str:
    """The value of an option of Skaffold, whose variable comes first in `names`. The last one on the command line wins."""
    variable, *options = names
    given = os.environ.get(variable, "")
    words = iter(command)
    for word in words:
        name, _, value = word.partition("=")
        if name in options:
            given = value or next(words, "")
    return given


def caller() -> list[str]:
    """The words of the command that runs this process."""
    return run("ps", "-o", "args=", "-p", str(os.getppid())).stdout.split()


def main(context: str) -> None:
    """Check the call of Tilt or Skaffold that runs this process."""
    check(context, caller())
