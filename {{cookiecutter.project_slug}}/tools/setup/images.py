"""Images: builds them on this machine, and loads, copies or pushes them to where the nodes of a context find them.

Skaffold builds into the Docker of the current context or of --kube-context, and deploys to the context in
skaffold.yaml. Where these are different, the nodes would not find the images, so a hook in skaffold.yaml runs this.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from ..problem import Problem
from .contexts import current_context, last_line, run
from .nodes import image_delivery
from .preflight import KUBE_CONTEXT, caller, option

PROJECT = Path(__file__).parents[2]
IMAGES = [
    "{{ cookiecutter.project_slug }}-server",
    "{{ cookiecutter.project_slug }}-loadtest",
    "{{ cookiecutter.project_slug }}-loadtest-worker",
]

BUILD_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "EXTRAS")
"""pip's variables pass a private package index to the build; `EXTRAS=otel` adds OpenTelemetry."""

DockerEnvironment = dict[str, str]
"""Variables with which `docker` connects to a Docker; without any, to that of this machine."""


def build_arguments(environment: dict[str, str]) -> list[str]:
    """Arguments of `docker build` for the variables of a build that are set."""
    return [word for name in BUILD_VARIABLES if name in environment for word in ("--build-arg", name)]


def build_and_load(context: str, name: str, reference: str, folder: str, files: str) -> None:
    """Build an image from a folder, and load it into the nodes. Raises Problem.

    The tag is the digest, as Skaffold's, so that an image which is in the nodes already is not loaded again. The file
    `reference` gets the name with the tag, for Tilt. `files` is the build argument FILES of the Dockerfile, unless it is
    empty.
    """
    require_docker()
    part = ["--build-arg", f"FILES={files}"] if files else []
    command = ["docker", "build", "--quiet", *build_arguments(dict(os.environ)), *part, folder]
    built = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode:
        raise Problem(f"{name} could not be built: see the output of Docker above.")
    digest = built.stdout.strip()
    image = f"{name}:{digest.removeprefix('sha256:')}"
    tag(digest, image, {})
    load_if_missing(context, image)
    file = PROJECT / reference
    file.parent.mkdir(exist_ok=True)
    file.write_text(image, encoding="utf-8")


def require_docker() -> None:
    """Raise Problem if the program is not installed."""
    if not shutil.which("docker"):
        raise Problem("docker is missing: install it, and make sure that it is in PATH.")


def tag(digest: str, image: str, docker: DockerEnvironment) -> None:
    """Give the image with this digest a name. Raises Problem if that fails."""
    command = ["docker", "tag", digest, image]
    tagged = subprocess.run(command, env=os.environ | docker, capture_output=True, text=True, check=False)
    if tagged.returncode:
        raise Problem(f"{image} could not be tagged: {last_line(tagged.stderr)}")


def load_if_missing(context: str, image: str) -> None:
    """Load an image into a minikube, unless it is there. Raises Problem if that fails."""
    if image not in run("minikube", "--profile", context, "image", "ls", timeout=60).stdout:
        print(f"Loading {image} into {context}", flush=True)
        load(context, image)


def load(context: str, image: str) -> None:
    """Load an image of this machine's Docker into the nodes, unless they find it there. Raises Problem if that fails."""
    command = {
        "minikube": ["minikube", "--profile", context, "image", "load", image],
        "kind": ["kind", "load", "docker-image", image, "--name", context.removeprefix("kind-")],
        "k3d": ["k3d", "image", "import", image, "--cluster", context.removeprefix("k3d-")],
    }.get(image_delivery(context))
    if command is None:
        return
    loaded = run(*command, timeout=300)
    if loaded.returncode:
        raise Problem(f"{image} could not be loaded into {context}: {last_line(loaded.stderr)}")


def push(image: str) -> str:
    """Push an image, and return the name with the digest that the registry gave it. Raises Problem if that fails."""
    pushed = run("docker", "push", image, timeout=600)
    digest = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed.stdout)
    if pushed.returncode or not digest:
        reason = last_line(pushed.stderr)
        raise Problem(f"{image} could not be pushed ({reason}): check the address, and docker login.")
    return f"{image.rpartition(':')[0]}@{digest[1]}"


def copy_to_cluster(context: str) -> None:
    """Copy the newest build of each image to the cluster of `context`, unless it was built there or Skaffold delivers it."""
    delivery = image_delivery(context)
    if delivery in ("push", "kind", "k3d"):
        return
    require_docker()
    source, target = docker_of_build(), docker_of(context)
    for name in IMAGES:
        built = image_id(name, source)
        if built and delivery == "minikube":
            load_if_missing(context, f"{name}:{built}")
        elif built and source != target and image_id(f"{name}:{built}", target) is None:
            print(f"Copying {name}:{built} to {context}")
            copy(f"{name}:{built}", source, target)


def docker_of_build() -> DockerEnvironment:
    """The Docker that Skaffold builds into; without a context, that of this machine."""
    try:
        return docker_of(option(KUBE_CONTEXT, caller()) or current_context())
    except Problem:
        return {}


def docker_of(context: str) -> DockerEnvironment:
    """The environment for the Docker of a cluster: that of this machine, or the one inside of minikube."""
    if not shutil.which("minikube") or image_delivery(context) != "build":
        return {}
    # A context of minikube has the name of its profile; for any other one this command fails.
    lines = run("minikube", "docker-env", "--shell", "none", "--profile", context, timeout=30).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if line.startswith("DOCKER_"))


def image_id(image: str, docker: DockerEnvironment) -> str | None:
    """The digest of the image, which Skaffold uses as its tag, or None if there is no such image."""
    command = ["docker", "image", "inspect", image]
    found = subprocess.run(command, env=os.environ | docker, capture_output=True, text=True, check=False)
    if found.returncode:
        return None
    return str(json.loads(found.stdout)[0]["Id"]).removeprefix("sha256:")


def copy(image: str, source: DockerEnvironment, target: DockerEnvironment) -> None:
    with subprocess.Popen(["docker", "save", image], env=os.environ | source, stdout=subprocess.PIPE) as saved:
        loaded = subprocess.run(["docker", "load", "--quiet"], env=os.environ | target, stdin=saved.stdout, check=False)
    if saved.returncode or loaded.returncode:
        raise Problem(f"{image} could not be copied: see the output of Docker above.")
