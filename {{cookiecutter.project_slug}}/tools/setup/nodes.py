"""The nodes of a context: their container runtime, and how images get to them."""

from __future__ import annotations

from .contexts import kubectl


def container_runtime(context: str) -> str:
    """The container runtime of the nodes, such as docker or containerd; empty if the cluster does not answer."""
    path = "jsonpath={.items[0].status.nodeInfo.containerRuntimeVersion}"
    return kubectl(context, "get", "nodes", "--output", path).stdout.partition(":")[0]


def loads_images(context: str) -> bool:
    """Whether images have to be loaded into the nodes: those of a minikube cannot see this machine's Docker.

    A minikube that runs on Docker needs no load, because images are built with its own Docker.
    """
    return context == "minikube" and container_runtime(context) not in ("docker", "")


def main(context: str) -> None:
    """Print `load` or `build`, which the Tiltfile reads."""
    print("load" if loads_images(context) else "build")
