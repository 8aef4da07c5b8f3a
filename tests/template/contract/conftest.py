"""Fixtures: a project with the default and one with other answers, and what they deploy."""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.template.contract.objects import CONTEXTS, OTHER_ANSWERS, Object, Render
from tests.template.contract.tiltfile import Builtins, Call, TiltUp


@pytest.fixture(scope="package", params=[{}, OTHER_ANSWERS], ids=["default", "other"])
def answers(template: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    defaults = json.loads((template / "cookiecutter.json").read_text())
    return {**defaults, "project_slug": "load-lab", **request.param}


@pytest.fixture(scope="package")
def project(bake: Callable[..., Path], answers: dict[str, str]) -> Path:
    return bake(**{question: answers[question] for question in OTHER_ANSWERS})


@pytest.fixture(scope="package", params=CONTEXTS)
def objects(project: Path, render: Render, request: pytest.FixtureRequest) -> list[Object]:
    """What an overlay deploys."""
    return render(project / "k8s/overlays" / request.param)


@pytest.fixture(scope="package")
def everything(project: Path, render: Render) -> list[Object]:
    """What an overlay deploys when every component is switched on that is meant for one, with a node port."""
    trial = project / "k8s/overlays/trial"
    trial.mkdir()
    kustomization = yaml.safe_load((project / "k8s/overlays/minikube/kustomization.yaml").read_text())
    components = {path.name for path in (project / "k8s/components").iterdir()} - {"headless", "network-policy"}
    kustomization["components"] = [f"../../components/{name}" for name in sorted(components)]
    (trial / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return render(trial)


@pytest.fixture(scope="package")
def tilt_up(project: Path, render: Render) -> TiltUp:
    """A function from the current context to the calls that the Tiltfile makes, by name."""

    @functools.cache
    def tilt_up(context: str) -> dict[str, list[Call]]:
        return Builtins(project, context, render).run()

    return tilt_up
