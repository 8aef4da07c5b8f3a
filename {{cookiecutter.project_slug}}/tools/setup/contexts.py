"""The contexts that this project may use: those with an overlay, a folder in k8s/overlays. Runs kubectl in them."""

from __future__ import annotations

import fnmatch
import os
import subprocess
from pathlib import Path

from ..problem import Problem

NAMESPACE = "{{ cookiecutter.project_slug }}"
OVERLAYS = Path(__file__).parents[2] / "k8s" / "overlays"

LOCAL = ("docker-desktop", "minikube", "kind-*", "k3d-*", "colima*", "orbstack", "rancher-desktop")
"""Names that tools give to the contexts of clusters on this machine. Every other context is a remote one."""

ESCAPES = {"%": "%25", "/": "%2F", ":": "%3A", "@": "%40"}
"""Characters of context names (EKS, OpenShift) that folder names cannot have everywhere. The Tiltfile has the same."""


def overlay_folder(context: str) -> Path:
    """The folder of a context's overlay; its name is that of the context, with ESCAPES."""
    return OVERLAYS / "".join(ESCAPES.get(character, character) for character in context)


def context_of(folder: str) -> str:
    """The context whose overlay is in the folder of this name."""
    for character, escape in reversed(ESCAPES.items()):
        folder = folder.replace(escape, character)
    return folder


def allowed_contexts() -> list[str]:
    return sorted(context_of(file.parent.name) for file in OVERLAYS.glob("*/kustomization.yaml"))


def is_local(context: str) -> bool:
    """Whether the name of the context is one that a tool gives to a cluster on this machine."""
    return any(fnmatch.fnmatchcase(context, pattern) for pattern in LOCAL)


def current_context() -> str:
    """The current context of kubectl. Raises Problem if there is none."""
    result = run("kubectl", "config", "current-context")
    if result.returncode:
        raise Problem(f"kubectl has no current context: kubectl config use-context {allowed_contexts()[0]}")
    return result.stdout.strip()


def require_allowed(context: str) -> None:
    """Raise Problem if this project has no overlay for the context."""
    allowed = allowed_contexts()
    if context not in allowed:
        raise Problem(
            f"This project has no overlay for context {context}, so nothing was done: "
            f"kubectl config use-context {allowed[0]}, or add an overlay with make overlay CONTEXT={context}. "
            f"There are overlays for {', '.join(allowed)}."
        )


def allowed_context(context: str) -> str:
    """`context`, or the current one if it is empty. Raises Problem if this project has no overlay for it."""
    context = context or current_context()
    require_allowed(context)
    return context


def require_known(context: str) -> None:
    """Raise Problem if kubectl has no context of this name."""
    known = run("kubectl", "config", "get-contexts", "--output", "name").stdout.splitlines()
    if context not in known:
        raise Problem(
            f"kubectl has no context {context or 'without a name'}: choose from {', '.join(known) or 'none'}."
        )


def require_remote_allowed(context: str) -> None:
    """Raise Problem before the first deployment to a cluster that is not on this machine, unless ALLOW_REMOTE names it."""
    if is_local(context) or os.environ.get("ALLOW_REMOTE") == context or is_deployed(context):
        return
    raise Problem(
        f"Context {context} is not a cluster on this machine, and this project has not been deployed to it: "
        f"set ALLOW_REMOTE={context} for the first deployment."
    )


def is_deployed(context: str) -> bool:
    """Whether the cluster has the namespace of this project, with its label. Raises Problem if it cannot be read."""
    label = r"jsonpath={.metadata.labels.app\.kubernetes\.io/part-of}"
    found = kubectl(context, "get", "namespace", NAMESPACE, "--ignore-not-found", "--output", label)
    if found.returncode:
        raise Problem(f"Namespace {NAMESPACE} of context {context} cannot be read: {last_line(found.stderr)}")
    return found.stdout == NAMESPACE


def kubectl(context: str, *words: str, timeout: int = 10) -> subprocess.CompletedProcess[str]:
    """Run kubectl in a context; after `timeout` seconds it counts as failed."""
    return run("kubectl", "--context", context, *words, timeout=timeout)


def last_line(text: str) -> str:
    """The last line of what kubectl printed, which has the error."""
    return (text.strip().splitlines() or ["kubectl gives no reason"])[-1]


def run(*command: str, timeout: int = 10) -> subprocess.CompletedProcess[str]:
    """Run a command; after `timeout` seconds it counts as failed. Raises Problem if it is not installed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    except FileNotFoundError:
        raise Problem(f"{command[0]} is missing: install it, and make sure that it is in PATH.") from None
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, returncode=1, stdout="", stderr=f"no answer within {timeout} s")


def main(context: str) -> None:
    """Print the context that a command of the Makefile may use."""
    print(allowed_context(context))
