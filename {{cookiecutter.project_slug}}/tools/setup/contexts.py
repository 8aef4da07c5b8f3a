"""The contexts that this project may use: those with an overlay, a folder in k8s/overlays. Runs kubectl in them."""

from __future__ import annotations

import fnmatch
import ipaddress
import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..problem import Problem

NAMESPACE = "{{ cookiecutter.project_slug }}"
SETUP = "app.kubernetes.io/component=setup"
"""Label of the namespace, and of the project's objects outside of it."""

OVERLAYS = Path(__file__).parents[2] / "k8s" / "overlays"

LOCAL = ("docker-desktop", "minikube", "kind-*", "k3d-*", "colima*", "orbstack", "rancher-desktop")
"""Names that tools give to the contexts of clusters on this machine. Every other context is a remote one."""

MACHINE = {"localhost", "kubernetes.docker.internal", "host.docker.internal"}
"""Names of this machine that Docker Desktop, kind and k3d write into a kubeconfig."""

ESCAPES = {"%": "%25", "/": "%2F", ":": "%3A", "@": "%40"}
"""Characters of context names (EKS, OpenShift) that folder names cannot have everywhere. The Tiltfile has the same."""


def overlay_folder(context: str) -> Path:
    """The folder of a context's overlay; its name is that of the context, with ESCAPES."""
    return OVERLAYS / "".join(ESCAPES.get(character, character) for character in context)


def allowed_contexts() -> list[str]:
    return sorted(unquote(file.parent.name) for file in OVERLAYS.glob("*/kustomization.yaml"))


def is_local(context: str) -> bool:
    """Whether the name of the context is one that a tool gives to a cluster on this machine."""
    return any(fnmatch.fnmatchcase(context, pattern) for pattern in LOCAL)


def current_context() -> str:
    """The current context of kubectl. Raises Problem if there is none."""
    result = run("kubectl", "config", "current-context")
    if result.returncode:
        raise Problem(
            f"kubectl has no current context: set one with kubectl config use-context {allowed_contexts()[0]}"
        )
    # A name may end with a space.
    return result.stdout.rstrip("\n")


def require_allowed(context: str) -> None:
    """Raise Problem if this project has no overlay for the context, or if it is a remote one with a local name."""
    allowed = allowed_contexts()
    if context not in allowed:
        raise Problem(
            f"This project has no overlay for context {context}, so nothing was done: "
            f"run kubectl config use-context {allowed[0]}, or add an overlay with make overlay CONTEXT={context}. "
            f"There are overlays for {', '.join(allowed)}."
        )
    require_server_here(context)


def require_server_here(context: str) -> None:
    """Raise Problem if a context in LOCAL has its server on another machine, unless ALLOW_REMOTE names the context."""
    if not is_local(context) or os.environ.get("ALLOW_REMOTE") == context:
        return
    path = "jsonpath={.clusters[0].cluster.server}"
    shown = kubectl(context, "config", "view", "--minify", "--output", path)
    if shown.returncode and "cannot locate" not in shown.stderr:
        raise Problem(f"The server of context {context} cannot be read: {last_line(shown.stderr)}")
    server = shown.stdout
    # Without a server, kubectl does nothing in this context.
    if server and not is_here(urlsplit(server).hostname or "", context):
        raise Problem(
            f"Context {context} has the name of a cluster on this machine, but its server is {urlsplit(server).hostname}: "
            f"check KUBECONFIG, or set ALLOW_REMOTE={context} if you mean that cluster."
        )


def is_here(host: str, context: str) -> bool:
    """Whether the server of a context in LOCAL is on this machine: at loopback, or in the network of its minikube."""
    if host in MACHINE:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified:
        return True
    # With several control planes, the server has an address of its own in the network of the nodes.
    networks = [ipaddress.ip_network(f"{node}/24", strict=False) for node in minikube_nodes(context)]
    return any(address in network for network in networks)


def minikube_nodes(context: str) -> list[str]:
    """The addresses of the nodes if the context is that of a minikube on this machine, running or not."""
    if context != "minikube" or not shutil.which("minikube"):
        return []
    listed = run("minikube", "profile", "list", "--output", "json", timeout=30).stdout
    profiles = json.loads(listed or "{}").get("valid", [])
    nodes = [node for profile in profiles if profile["Name"] == context for node in profile["Config"]["Nodes"]]
    return [node["IP"] for node in nodes if node["IP"]]


def allowed_context(context: str) -> str:
    """`context`, or the current one if it is empty. Raises Problem if this project may not use it."""
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


def ensure_namespace(context: str) -> None:
    """Create the namespace of this project and its objects outside of it, unless the namespace exists. Raises Problem."""
    if not is_deployed(context):
        update_namespace(context)


def update_namespace(context: str) -> None:
    """Create or update the namespace of this project and its objects outside of it. Raises Problem.

    Without the permission to do so, it keeps an existing namespace as it is.
    """
    applied = kubectl(context, "apply", "--kustomize", str(overlay_folder(context)), "--selector", SETUP)
    if not applied.returncode:
        return
    if not is_deployed(context):
        raise Problem(f"Namespace {NAMESPACE} of context {context} cannot be created: {last_line(applied.stderr)}")
    print(f"Namespace {NAMESPACE} of context {context} was not updated: {last_line(applied.stderr)}", flush=True)


def kubectl(context: str, *words: str, timeout: int = 10, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run kubectl in a context; after `timeout` seconds it counts as failed."""
    return run("kubectl", "--context", context, *words, timeout=timeout, stdin=stdin)


def last_line(text: str) -> str:
    """The last line of what kubectl printed, which has the error."""
    return (text.strip().splitlines() or ["kubectl gives no reason"])[-1]


def run(*command: str, timeout: int = 10, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command; after `timeout` seconds it counts as failed. Raises Problem if it is not installed."""
    try:
        return subprocess.run(
            command, input=stdin or None, capture_output=True, text=True, check=False, timeout=timeout
        )
    except FileNotFoundError:
        raise Problem(f"{command[0]} is missing: install it, and make sure that it is in PATH.") from None
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, returncode=1, stdout="", stderr=f"no answer within {timeout} s")
