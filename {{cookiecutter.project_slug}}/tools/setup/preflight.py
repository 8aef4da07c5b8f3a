"""Stops Tilt or Skaffold before they change a wrong cluster, or build images that could not run.

Tiltfile and skaffold.yaml call it. It also creates the key of live sync, which must exist before the deployment.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ..problem import Problem
from .contexts import require_allowed, require_remote_allowed, run
from .doctor import cluster, images, ports
from .livesync_key import ensure
from .nodes import image_delivery
from .registry import registry_of

WITHOUT_CLUSTER = {"build", "render"}
"""Subcommands of Skaffold that change nothing in a cluster."""
FORWARD_PORTS = {"up", "ci", "dev", "debug"}
DEPLOY = FORWARD_PORTS | {"run"}

OPTIONS_WITH_VALUE = {
    *("-p", "--profile", "--kube-context", "--context", "--kubeconfig", "-d", "--default-repo"),
    *("-f", "--filename", "--file", "-n", "--namespace", "-m", "--module", "-v", "--verbosity", "--host", "--port"),
}
"""Options of Tilt and Skaffold after which the next word is a value, and so cannot be the subcommand."""

KUBE_CONTEXT = ("SKAFFOLD_KUBE_CONTEXT", "--kube-context")
"""Variable and option of Skaffold that override the context in skaffold.yaml."""
KUBECONFIG = ("SKAFFOLD_KUBECONFIG", "--kubeconfig")
"""Variable and option of Skaffold for another kubeconfig, which do not reach its hooks."""
DEFAULT_REPO = ("SKAFFOLD_DEFAULT_REPO", "--default-repo", "-d")
"""Variable and options of Skaffold for the registry."""


def check(context: str, command: list[str]) -> None:
    """Raise Problem for the first thing that would make `command`, a call of Tilt or Skaffold, fail in this context.

    If there is none, create the key of live sync.
    """
    if subcommand(command) not in DEPLOY:
        require_cluster_of_context(context, command)
        return
    require_named_context(context, command)
    cluster(context)
    require_remote_allowed(context)
    images(context)
    if subcommand(command) in FORWARD_PORTS:
        ports(context)
    if is_skaffold(command):
        require_registry_of_overlay(context, command)
        require_docker_of_this_machine(command)
    ensure(context)


def require_cluster_of_context(context: str, command: list[str]) -> None:
    """Raise Problem unless `command` may change the cluster of this context, and changes no other."""
    if is_skaffold(command) and subcommand(command) in WITHOUT_CLUSTER:
        return
    require_named_context(context, command)
    require_remote_allowed(context)


def require_named_context(context: str, command: list[str]) -> None:
    """Raise Problem if the context is not allowed, or if Skaffold would use another one or another kubeconfig."""
    require_allowed(context)
    if not is_skaffold(command):
        return
    named = option(KUBE_CONTEXT, command)
    if named not in ("", context):
        raise Problem(
            f"The images and manifests are for {context}, not for {named!r}: "
            "leave out --kube-context and SKAFFOLD_KUBE_CONTEXT, and choose a profile."
        )
    if option(KUBECONFIG, command):
        raise Problem(
            "--kubeconfig and SKAFFOLD_KUBECONFIG do not reach the commands that Skaffold runs: leave them out, and set "
            "KUBECONFIG instead."
        )


def subcommand(command: list[str]) -> str:
    """The subcommand of a call of Tilt or Skaffold, such as `dev`; empty if there is none."""
    words = iter(command[1:])
    for word in words:
        if word in OPTIONS_WITH_VALUE:
            next(words, "")
        elif not word.startswith("-"):
            return word
    return ""


def is_skaffold(command: list[str]) -> bool:
    return Path(command[0]).name.startswith("skaffold")


def require_registry_of_overlay(context: str, command: list[str]) -> None:
    """Raise Problem if Skaffold would push to another registry than the nodes pull from."""
    registry, given = registry_of(context), option(DEFAULT_REPO, command)
    if registry and given != registry:
        raise Problem(f"The nodes of {context} pull from {registry}: run {' '.join(command)} --default-repo {registry}")


def require_docker_of_this_machine(command: list[str]) -> None:
    """Raise Problem if Skaffold would build with the Docker of the current context's minikube, which has none."""
    current = run("kubectl", "config", "current-context").stdout.rstrip("\n")
    if current and image_delivery(current) == "minikube":
        kubeconfig = os.environ.get("KUBECONFIG") or "$HOME/.kube/config"
        raise Problem(
            f"Skaffold cannot build while {current} is the current context, because this minikube has no Docker: "
            f"run KUBECONFIG=k8s/no-context.yaml:{kubeconfig} {' '.join(command)}"
        )


def option(names: tuple[str, ...], command: list[str]) -> str:
    """The value of an option of Skaffold, whose variable comes first in `names`. The last one on the command line wins."""
    variable, *options = names
    given = variable_of_caller(variable)
    words = iter(command)
    for word in words:
        name, _, value = word.partition("=")
        if name in options:
            given = value or next(words, "")
    return given


def variable_of_caller(name: str) -> str:
    """A variable of the command that runs this process. Skaffold overrides some of them for its hooks."""
    process = str(os.getppid())
    try:
        variables = Path(f"/proc/{process}/environ").read_text(encoding="utf-8", errors="replace").split("\0")
    except OSError:
        variables = run("ps", "-E", "-ww", "-o", "command=", "-p", process).stdout.split()
    values = [value for variable, _, value in (text.partition("=") for text in variables) if variable == name]
    return values[0] if values else ""


def caller() -> list[str]:
    """The words of the command that runs this process; on macOS, a word with spaces counts as several words."""
    try:
        return Path(f"/proc/{os.getppid()}/cmdline").read_text(encoding="utf-8").split("\0")[:-1]
    except OSError:
        return run("ps", "-o", "args=", "-p", str(os.getppid())).stdout.split()


def main(context: str) -> None:
    """Check the call of Tilt or Skaffold that runs this process."""
    check(context, caller())


def before_manifests(context: str) -> None:
    """Check the call of Skaffold that runs this process before it renders the manifests that it applies or deletes."""
    command = caller()
    try:
        require_cluster_of_context(context, command)
    except Problem as problem:
        # `skaffold delete` discards what its hooks print.
        if subcommand(command) == "delete":
            with contextlib.suppress(OSError):
                Path("/dev/tty").write_text(f"{problem}\n", encoding="utf-8")
        raise
