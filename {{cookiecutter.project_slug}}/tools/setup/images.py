"""Copies the images that Skaffold built to the cluster that runs them. A hook in skaffold.yaml calls it after a build.

Skaffold builds into the Docker of the current context or of --kube-context, and deploys to the context in
skaffold.yaml. Where these are different clusters, the nodes would not find the images.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from ..problem import Problem
from .contexts import current_context, run
from .preflight import caller, context_option

IMAGES = ["{{ cookiecutter.project_slug }}-server", "{{ cookiecutter.project_slug }}-loadtest"]

DockerEnvironment = dict[str, str]
"""Variables with which `docker` connects to a Docker; without any, to that of this machine."""


def copy_to_cluster(context: str) -> None:
    """Copy the newest build of each image to the Docker of `context`, unless it has it."""
    source, target = docker_of_build(), docker_of(context)
    if source == target:
        return
    for name in IMAGES:
        tag = image_id(name, source)
        if tag and image_id(f"{name}:{tag}", target) is None:
            print(f"Copying {name}:{tag} to {context}")
            copy(f"{name}:{tag}", source, target)


def docker_of_build() -> DockerEnvironment:
    """The Docker that Skaffold builds into; without a context, that of this machine."""
    try:
        return docker_of(context_option(caller()) or current_context())
    except Problem:
        return {}


def docker_of(context: str) -> DockerEnvironment:
    """The environment for the Docker of a cluster: that of this machine, or the one inside of minikube."""
    if not shutil.which("minikube"):
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


def main(context: str) -> None:
    """Copy the images that were built last."""
    copy_to_cluster(context)
