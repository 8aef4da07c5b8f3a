"""What the tests of the contract look up in rendered manifests and Dockerfiles."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

Object = dict[str, Any]


Render = Callable[[Path], list[Object]]


LABELS = ["app.kubernetes.io/component", "app.kubernetes.io/name"]


ROLES = {
    "server": ("server", "api"),
    "locust-master": ("locust", "master"),
    "locust-worker": ("locust", "worker"),
}


CONTEXTS = ["docker-desktop", "minikube"]


HOST_PORTS = {"server": 8000, "locust-master": 8089}


OTHER_ANSWERS = {
    "project_slug": "shop-test",
    "target_host": "https://search.shop:9200/v2",
    "workers": "4",
}


def of_kind(kind: str, objects: list[Object]) -> dict[str, Object]:
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == kind}


def containers(deployment: Object) -> list[Object]:
    pod = deployment["spec"]["template"]["spec"]
    return [*pod["containers"], *pod.get("initContainers", [])]


def port_names(deployment: Object) -> set[str]:
    return {port["name"] for container in containers(deployment) for port in container.get("ports", [])}


def selected(service: Object, objects: list[Object]) -> list[Object]:
    """The Deployments whose pods a Service reaches."""
    selector = service["spec"]["selector"].items()
    return [
        deployment
        for deployment in of_kind("Deployment", objects).values()
        if selector <= deployment["spec"]["template"]["metadata"]["labels"].items()
    ]


def dockerfile(project: Path, folder: str) -> list[tuple[str, str]]:
    """Instructions with their arguments, continued lines joined."""
    text = re.sub(r"\\\n", " ", (project / folder / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines]
