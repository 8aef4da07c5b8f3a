"""The nodes of a context: their container runtime, and how images get to them."""

from __future__ import annotations

import json

from .contexts import kubectl
from .registry import registry_of


def container_runtime(context: str) -> str:
    """The container runtime of the nodes, such as docker or containerd; empty if the cluster does not answer."""
    path = "jsonpath={.items[0].status.nodeInfo.containerRuntimeVersion}"
    return kubectl(context, "get", "nodes", "--output", path).stdout.partition(":")[0]


def image_delivery(context: str) -> str:
    """How images get to the nodes.

    `push`: to the registry of the overlay. `minikube`, `kind`, `k3d`: the command that loads them into the nodes.
    `build`: nothing to do, because the nodes use the Docker that builds the images, which may be minikube's own.
    """
    if registry_of(context):
        return "push"
    if context.startswith("kind-"):
        return "kind"
    if context.startswith("k3d-"):
        return "k3d"
    if context == "minikube" and container_runtime(context) not in ("docker", ""):
        return "minikube"
    return "build"


def main(context: str) -> None:
    """Print what the Tiltfile needs to build for the context, as JSON."""
    print(json.dumps({"delivery": image_delivery(context), "registry": registry_of(context)}))
