"""Hand the images that Skaffold built to the cluster that runs them: `python3 tools/images.py CONTEXT`.

Skaffold builds into the Docker of the current context, or of --kube-context, and deploys to the context that
skaffold.yaml names. Where these are different clusters, the nodes would find no image. A hook in skaffold.yaml calls
this after each build.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from cluster import Problem, current_context, run
from preflight import caller, named_context

IMAGES = ["{{ cookiecutter.project_slug }}-server", "{{ cookiecutter.project_slug }}-loadtest"]

Settings = dict[str, str]


def deliver(context: str) -> None:
    """Copy each image that was built last to the Docker of `context`, unless it is there."""
    source, target = docker_of_build(), docker_of(context)
    if source == target:
        return
    for name in IMAGES:
        tag = image_id(name, source)
        if tag and image_id(f"{name}:{tag}", target) is None:
            print(f"Copying {name}:{tag} to {context}")
            copy(f"{name}:{tag}", source, target)


def docker_of_build() -> Settings:
    """The Docker that Skaffold builds into: without any context, this machine's."""
    try:
        return docker_of(named_context(caller()) or current_context())
    except Problem:
        return {}


def docker_of(context: str) -> Settings:
    """The environment in which `docker` talks to that cluster's Docker: this machine's, or one inside minikube."""
    if not shutil.which("minikube"):
        return {}
    # Also the name of its profile; for a cluster that is none of minikube's it fails.
    lines = run("minikube", "docker-env", "--shell", "none", "--profile", context, seconds=30).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if line.startswith("DOCKER_"))


def image_id(image: str, docker: Settings) -> str | None:
    """The hexadecimal digits by which Docker knows the image, which Skaffold makes its tag."""
    command = ["docker", "image", "inspect", image]
    found = subprocess.run(command, env=os.environ | docker, capture_output=True, text=True, check=False)
    if found.returncode:
        return None
    return str(json.loads(found.stdout)[0]["Id"]).removeprefix("sha256:")


def copy(image: str, source: Settings, target: Settings) -> None:
    with subprocess.Popen(["docker", "save", image], env=os.environ | source, stdout=subprocess.PIPE) as saved:
        loaded = subprocess.run(["docker", "load", "--quiet"], env=os.environ | target, stdin=saved.stdout, check=False)
    if saved.returncode or loaded.returncode:
        raise Problem(f"{image} could not be copied: see what Docker says above.")


if __name__ == "__main__":
    try:
        deliver(sys.argv[1])
    except Problem as problem:
        sys.exit(str(problem))
