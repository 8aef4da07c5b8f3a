"""A service of somebody else in the cluster, which a load test has as its target."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.contexts import REGISTRY, REMOTE, SLUG
from tests.cluster.machine import Machine

IMAGE = "python:3.13-slim"
SWARM = ["locust-master", "locust-worker"]
"""The Deployments of a project that leaves out its server."""


@contextmanager
def another_service(machine: Machine, context: str, namespace: str) -> Iterator[str]:
    """The address of a knowledge-service in a namespace of its own, which answers `GET /hello`."""

    def kubectl(*words: str) -> None:
        machine.output("kubectl", "--context", context, "--namespace", namespace, *words, seconds=120)

    image = delivered(machine, context)
    # The shell ends at SIGTERM, which Python as process 1 would ignore.
    serve = "mkdir /tmp/www; cd /tmp/www; echo hello > hello; trap exit TERM; python -m http.server 8000 & wait"
    kubectl("create", "namespace", namespace)
    try:
        kubectl("create", "deployment", "knowledge-service", f"--image={image}", "--", "sh", "-c", serve)
        kubectl("expose", "deployment", "knowledge-service", "--port=8000")
        kubectl("wait", "--for=condition=available", "deployment/knowledge-service", "--timeout=90s")
        yield f"http://knowledge-service.{namespace}:8000"
    finally:
        kubectl("delete", "namespace", namespace)


def aim_at(address: str, project: Path) -> None:
    """Make another service the target of a project, and leave out its server."""
    base = project / "k8s/base/kustomization.yaml"
    source = base.read_text()
    assert "  - server\n" in source
    base.write_text(source.replace("http://server:8000", address).replace("  - server\n", ""))


def deployments(machine: Machine, context: str) -> list[str]:
    """The names of the project's Deployments."""
    return [item["metadata"]["name"] for item in machine.objects(context, "deploy", "--namespace", SLUG)]


def delivered(machine: Machine, context: str) -> str:
    """The image of the service, where a node finds it that has no network to pull from."""
    if context == REMOTE:
        machine.output("docker", "tag", IMAGE, f"{REGISTRY}/{IMAGE}")
        machine.output("docker", "push", f"{REGISTRY}/{IMAGE}", seconds=120)
        return f"{REGISTRY}/{IMAGE}"
    if context == "minikube" and machine.runtime(context) == "containerd":
        machine.output("minikube", "--profile", context, "image", "load", IMAGE, seconds=120)
    return IMAGE
