"""Images: Dockerfiles, manifests, Tilt and Skaffold use the same ones."""

import ast
import re
from pathlib import Path

import pytest

from tests.template.contract.objects import (
    Object,
    containers,
    dockerfile,
    of_kind,
)
from tests.template.contract.tiltfile import TiltUp, skaffold


@pytest.mark.parametrize("folder", ["server", "loadtest"])
def test_images_need_nothing_but_python(project: Path, folder: str) -> None:
    instructions = dockerfile(project, folder)
    bases = {argument.split()[0] for word, argument in instructions if word == "FROM"}
    assert bases == {"python:3.13-slim"}
    last = dict(instructions)
    assert last["WORKDIR"] == f"/{folder}"
    assert last["USER"].partition(":")[0] == "10001"
    started = last.get("ENTRYPOINT", last.get("CMD", ""))
    assert isinstance(ast.literal_eval(started), list)
    # Only BuildKit knows these.
    assert not re.search(r"^RUN --|<<EOF|^# syntax", (project / folder / "Dockerfile").read_text(), re.MULTILINE)


def test_the_page_of_the_supply_chain_pins_the_base_image_in_every_line_that_has_it(project: Path) -> None:
    page = (project / "docs/supply-chain.md").read_text()
    [pulled] = re.findall(r"^docker pull (\S+)$", page, re.MULTILINE)
    shown = re.findall(r"^FROM (.*)$", page, re.MULTILINE)
    for folder in ("server", "loadtest"):
        bases = [argument for word, argument in dockerfile(project, folder) if word == "FROM"]
        assert shown == [base.replace(pulled, f"{pulled}@sha256:…") for base in bases]


def test_manifests_tilt_and_skaffold_use_the_same_images(
    project: Path, everything: list[Object], answers: dict[str, str], tilt_up: TiltUp
) -> None:
    slug = answers["project_slug"]
    images = {f"{slug}-server": "server", f"{slug}-loadtest": "loadtest", f"{slug}-loadtest-worker": "loadtest"}
    used = [
        container for deployment in of_kind("Deployment", everything).values() for container in containers(deployment)
    ]
    assert {container["image"].partition(":")[0] for container in used} == images.keys()
    # Without a tag it means latest, which Kubernetes would always pull.
    assert {container["imagePullPolicy"] for container in used} == {"IfNotPresent"}
    calls = tilt_up("docker-desktop")
    assert {call.args[0]: call.args[1] for call in calls["docker_build"]} == images
    assert {artifact["image"]: artifact["context"] for artifact in skaffold(project)["build"]["artifacts"]} == images


def test_a_save_reaches_the_pod_of_the_master_alone_and_rebuilds_no_image_of_the_workers(
    project: Path, everything: list[Object], tilt_up: TiltUp
) -> None:
    deployments = of_kind("Deployment", everything)
    images = {role: {c["image"] for c in containers(deployments[f"locust-{role}"])} for role in ("master", "worker")}
    [worker_image] = {image.partition(":")[0] for image in images["worker"]}
    assert images["worker"].isdisjoint(images["master"])
    [artifact] = [a for a in skaffold(project)["build"]["artifacts"] if a["image"] == worker_image]
    assert "sync" not in artifact
    [build] = [call for call in tilt_up("minikube")["docker_build"] if call.args[0] == worker_image]
    assert not build.named["live_update"]
    assert artifact["docker"]["buildArgs"]["FILES"] == build.named["build_args"]["FILES"] == "livesync"
    copied = [argument for word, argument in dockerfile(project, "loadtest") if word == "COPY"]
    assert copied[-1] == "--chown=10001:10001 ${FILES} ${FILES}"
