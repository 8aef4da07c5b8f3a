"""What a run in the cluster applies: the image of the load test, the kustomization of its Jobs, and their Secret."""

import json
import os
import re
import subprocess
from pathlib import Path

from ..problem import Problem
from ..setup.contexts import NAMESPACE, overlay_folder
from ..setup.images import build_arguments, docker_of, load, push, require_docker, tag
from ..setup.registry import registry_of
from .settings import WORKERS, WORKERS_TIMEOUT, expected_workers, from_environment
from .target import Json

PROJECT = Path(__file__).parents[2]
IMAGE = "{{ cookiecutter.project_slug }}-loadtest"
LABEL = "app.kubernetes.io/name=locust-headless"

START_TIMEOUT, PULL_TIMEOUT = 60, 300
"""Seconds that master and workers may take to start, and to start on nodes that pull the image from a registry first."""

DAY = 24 * 60 * 60
"""Seconds after its run time for which a run may be active, so that an abandoned one ends."""


def delivered_image(context: str) -> str:
    """Get the image to where the nodes find it: that of IMAGE, else one built from the working tree. Returns its name."""
    if image := os.environ.get("IMAGE"):
        if not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", image):
            raise Problem(f"IMAGE is {image!r}: it must have a digest, such as registry/{IMAGE}@sha256:...")
        return image
    require_docker()
    docker = docker_of(context)
    environment = os.environ | docker
    command = ["docker", "build", "--quiet", *build_arguments(environment), "loadtest"]
    built = subprocess.run(command, cwd=PROJECT, env=environment, text=True, stdout=subprocess.PIPE, check=False)
    if built.returncode:
        raise Problem("The image could not be built: see the output of Docker above.")
    digest = built.stdout.strip().removeprefix("sha256:")
    image = "/".join(filter(None, [registry_of(context), f"{IMAGE}:{digest}"]))
    tag(digest, image, docker)
    if registry_of(context):
        return push(image)
    load(context, image)
    return image


def start_timeout(context: str) -> int:
    """Seconds that master and workers of a run may take to start."""
    return PULL_TIMEOUT if os.environ.get("IMAGE") or registry_of(context) else START_TIMEOUT


def secret_of_run() -> Json:
    """The variables that override headless.toml. Any of them may be secret, so none is in a file of the reports."""
    label, name = LABEL.split("=")
    labels = {label: name, "app.kubernetes.io/part-of": NAMESPACE}
    metadata = {"name": "locust-headless", "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": from_environment()}


def kustomization_of_run(
    context: str, image: str, settings: dict[str, str], objects: list[Json], run_time: int | None = None
) -> Json:
    """What a run applies: the overlay of the context, the component headless, the image and the settings."""
    label, name = LABEL.split("=")
    workers = expected_workers()
    settings = settings | {WORKERS: str(workers), WORKERS_TIMEOUT: str(start_timeout(context))}
    parallelism = json.dumps([{"op": "replace", "path": "/spec/parallelism", "value": workers}])
    deadline = json.dumps([{"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": DAY + (run_time or 0)}])
    # A component that changes the overlay's Deployments does not reach the Jobs, which come on top.
    shared = ["shared-cluster"] if any(item["kind"] == "PriorityClass" for item in objects) else []
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "labels": [{"pairs": {"app.kubernetes.io/part-of": NAMESPACE}, "includeTemplates": True}],
        "resources": [f"../../k8s/overlays/{overlay_folder(context).name}"],
        "components": [f"../../k8s/components/{component}" for component in ["headless", *shared]],
        "images": [image_override(image)],
        "configMapGenerator": [
            {
                "name": "locust",
                "namespace": NAMESPACE,
                "behavior": "merge",
                # Kustomize removes one pair of quotes.
                "literals": [f"{key}='{value}'" for key, value in sorted(settings.items())],
                "options": {"labels": {label: name}},
            }
        ],
        "patches": [
            {"target": {"kind": "Job", "name": "locust-headless-worker"}, "patch": parallelism},
            {"target": {"kind": "Job", "name": "locust-headless.*"}, "patch": deadline},
        ],
    }


def image_override(image: str) -> dict[str, str]:
    """Kustomize's replacement of the image in the manifests by one with a tag or a digest."""
    name, at, digest = image.partition("@")
    if at:
        return {"name": IMAGE, "newName": name, "digest": digest}
    name, _, tag = image.rpartition(":")
    return {"name": IMAGE, "newName": name, "newTag": tag}
