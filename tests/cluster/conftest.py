"""Fixtures of the tests on a real cluster: the machine, a fresh project, and clusters that answer."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ports import is_taken

from tests.cluster.contexts import CONTEXTS, SLUG, absence, add_overlay
from tests.cluster.machine import Machine, missing_tools, own_kubeconfig
from tests.cluster.other_service import another_service
from tests.support import baking
from tests.support.baking import TEMPLATE
from tests.support.browser import page

__all__ = ["page"]


def pytest_configure(config: pytest.Config) -> None:
    """Print why a cluster was left out, also where all other tests pass."""
    config.option.reportchars += "s"


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    if missing := missing_tools("docker", "kubectl", "skaffold", "tilt"):
        pytest.exit(f"Not in PATH: {', '.join(missing)}. These tests need all of them.", returncode=1)
    if taken := [port for port in (8000, 8089) if is_taken(port)]:
        pytest.exit(
            f"Taken: port {' and '.join(map(str, taken))}. Stop what runs there, such as a session of Tilt.",
            returncode=1,
        )
    folder = tmp_path_factory.mktemp("machine")
    machine = Machine(own_kubeconfig(folder), logs=folder)
    clusters = [context for context in CONTEXTS if not absence(machine, context)]
    if not clusters:
        pytest.exit(f"No cluster answers of {', '.join(CONTEXTS)}: start one.", returncode=1)
    # A run that was killed has left its namespace, and tests look for it on clusters that are not theirs.
    for context in clusters:
        delete_namespace(machine, context)
    return machine


def delete_namespace(machine: Machine, context: str) -> None:
    """Delete what tests have left in a cluster."""
    machine.run("kubectl", "--context", context, "delete", "namespace", SLUG, "--ignore-not-found", seconds=120)


@pytest.fixture(scope="session", params=CONTEXTS)
def cluster(request: pytest.FixtureRequest, machine: Machine) -> str:
    """A cluster that answers."""
    name: str = request.param
    require_cluster(machine, name)
    return name


@pytest.fixture
def context(cluster: str, machine: Machine) -> str:
    """The context of a cluster that answers; it is current."""
    machine.use(cluster)
    return cluster


def require_cluster(machine: Machine, context: str) -> None:
    """Skip the test, with the reason, unless this cluster is there."""
    if reason := absence(machine, context):
        pytest.skip(reason)


@pytest.fixture(scope="session")
def template_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The template as a Git repository, with what is on disk and not only what is committed."""
    repository = tmp_path_factory.mktemp("git") / "locust-k8s"

    def git(*words: str, folder: Path = repository) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        return subprocess.run(
            ["git", *identity, *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    for name in git("ls-files", "--cached", "--others", "--exclude-standard", "-z", folder=TEMPLATE).split("\0"):
        if name and (TEMPLATE / name).is_file():
            copy = repository / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((TEMPLATE / name).read_bytes())
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "What is on disk")
    return f"git+file://{repository}"


def bake(template_url: str, folder: Path, machine: Machine, context: str) -> Path:
    """A fresh project from the Git URL with an overlay for the context, in a folder that is no Git repository."""
    project = baking.bake(folder, template_url, project_slug=SLUG)
    add_overlay(machine, context, project)
    return project


PROMPT_STATISTICS = """
from locust import runners, web

runners.WORKER_REPORT_INTERVAL = 0.5
web.DEFAULT_CACHE_TIME = 0.1
"""
"""A plugin with which statistics are a second old and not five, so that no test has to wait for them."""


def make_statistics_prompt(project: Path) -> None:
    """Add the plugin to a project."""
    (project / "loadtest/plugins/prompt_statistics.py").write_text(PROMPT_STATISTICS)
    enabled = project / "loadtest/plugins/enabled_plugins.py"
    enabled.write_text(enabled.read_text() + "from . import prompt_statistics\n__all__ += ['prompt_statistics']\n")


@pytest.fixture
def project(template_url: str, tmp_path: Path, machine: Machine, cluster: str) -> Path:
    """A fresh project with an overlay for the cluster, whose statistics are prompt."""
    project = bake(template_url, tmp_path, machine, cluster)
    make_statistics_prompt(project)
    return project


@pytest.fixture
def clean_cluster(machine: Machine, context: str) -> Iterator[None]:
    """What a failed test leaves in the cluster is gone before the next one begins."""
    yield
    delete_namespace(machine, context)


@pytest.fixture(scope="session")
def knowledge_service(machine: Machine, cluster: str) -> Iterator[str]:
    """The address of a service of somebody else, once for all tests on a cluster."""
    with another_service(machine, cluster, f"{SLUG}-elsewhere") as address:
        yield address
