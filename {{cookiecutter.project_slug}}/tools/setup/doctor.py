"""Checks what this machine and the cluster of a context lack for `tilt up` and `skaffold dev`: `make doctor`."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from ..problem import Problem
from .contexts import allowed_context, kubectl, last_line, overlay_folder, run
from .metrics import metrics
from .nodes import container_runtime, image_delivery
from .ports import require_free
from .registry import registry_of, require_reachable

BASE = Path(__file__).parents[2] / "k8s" / "base" / "kustomization.yaml"

START = {
    "docker-desktop": "switch Kubernetes on in the settings of Docker Desktop.",
    "minikube": "run minikube start",
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
    """The ports that Tilt and Skaffold forward: that of the web UI, and that of the server if it is in the base."""
    has_server = re.search(r"^ *- server$", BASE.read_text(encoding="utf-8"), re.MULTILINE)
    forwarded = [8000, 8089] if has_server else [8089]
    require_free(forwarded)
    return "ports 8000 and 8089 are free" if has_server else "port 8089 is free"


def docker(context: str) -> str:
    if context == "minikube" and container_runtime(context) == "docker":
        return "minikube has its own Docker"
    if run("docker", "version").returncode:
        raise Problem("Docker does not answer: start it.")
    return "Docker answers"


def cluster(context: str) -> str:
    if kubectl(context, "get", "--raw", "/readyz").returncode == 0:
        return "the cluster answers"
    if context in START:
        raise Problem(f"The cluster of context {context} does not answer: {START[context]}")
    folder = overlay_folder(context).name
    raise Problem(
        f"The cluster of context {context} does not answer: start it, check the context with kubectl config get-contexts, "
        f"or remove k8s/overlays/{folder} if the cluster is gone."
    )


def images(context: str) -> str:
    """How images get to the nodes."""
    docker(context)
    delivery, runtime = image_delivery(context), container_runtime(context)
    if delivery == "push":
        require_reachable(registry_of(context))
        return f"images are pushed to {registry_of(context)}, container runtime {runtime}"
    if delivery != "build":
        run(delivery, "version")  # raises Problem if it is not installed
        return f"images are built on this machine and loaded by {delivery}, container runtime {runtime}"
    if context == "minikube":
        require_docker_of_minikube()
    elif context == "docker-desktop" and runtime == "containerd":
        require_containerd_image_store()
    elif runtime != "docker":
        raise Problem(
            f"The nodes of context {context} run on {runtime}, and cannot see the images of the Docker on this machine: "
            "use a registry that they can pull from, with make overlay CONTEXT=... REGISTRY=..., or a cluster on Docker."
        )
    return f"images are built with the Docker that the nodes use, container runtime {runtime}"


def require_docker_of_minikube() -> None:
    """Raise Problem if minikube, whose nodes run on Docker, does not let this machine build with it."""
    offered = run("minikube", "docker-env", "--shell", "none", timeout=30)
    if offered.returncode:
        raise Problem(
            f"minikube does not offer its Docker for builds ({last_line(offered.stderr)}). It cannot with several nodes, "
            "nor with the drivers none and ssh: remove the other nodes with minikube node delete, or use another cluster."
        )


def require_containerd_image_store() -> None:
    """Raise Problem if the nodes of Docker Desktop are containers (kind mode) that cannot see the images of Docker."""
    if "io.containerd.snapshotter" not in run("docker", "info").stdout:
        raise Problem(
            "Docker Desktop runs Kubernetes in kind mode, whose nodes only see images in the containerd image store: "
            "switch on 'Use containerd for pulling and storing images' in its settings, under General."
        )


DoctorCheck = Callable[[str], str]
MACHINE: list[DoctorCheck] = [python, tool, ports, docker]


def main(context: str) -> int:
    """Print the result of each check, and return 1 if one fails; the check of metrics-server only prints a note."""
    try:
        context = allowed_context(context)
    except Problem as problem:
        # Without an overlay for its context, the cluster is not contacted.
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


def passes(checks: list[DoctorCheck], context: str, otherwise: str = "FAIL") -> bool:
    """Print a line for each check, with ok or with `otherwise` in front, and return whether all of them passed."""
    problems = 0
    for check in checks:
        try:
            print(f"ok    {check(context)}")
        except Problem as problem:
            print(f"{otherwise:6}{problem}")
            problems += 1
    return not problems
