"""Documents and the Makefile name what exists."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.template.contract.objects import (
    HOST_PORTS,
)


@pytest.mark.parametrize("document", ["README.md", "k8s/README.md"])
def test_commands_and_paths_in_documents_exist(project: Path, document: str) -> None:
    text = (project / document).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (project / "Makefile").read_text(), re.MULTILINE))
    assert {"local", "test", "check", "lock", "doctor", "clean"} <= targets
    assert set(re.findall(r"(?m)(?:^|`|&& )make ([a-z-]+)", text)) <= targets
    paths = re.findall(r"(?<![\w./])(?:k8s|server|loadtest|tools)/[\w./-]*\w", text)
    paths += re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert paths
    allowed = {"loadtest/.env", "k8s/overlays/kind-kind"}  # what the reader makes
    assert [path for path in paths if not (project / path).exists() and path not in allowed] == []


def test_the_readme_asks_the_questions_of_the_shapes(project: Path) -> None:
    shapes = ast.parse((project / "loadtest/shapes.py").read_text())
    functions = {node.name: ast.get_docstring(node) or "" for node in shapes.body if isinstance(node, ast.FunctionDef)}
    rows = re.findall(r"^\| `(\w+)` \| `[▁-▇]{12}` \| (.*\?) \|$", (project / "README.md").read_text(), re.MULTILINE)
    assert rows == [(name, f"{docstring.partition('?')[0]}?") for name, docstring in functions.items()]


def test_addresses_in_the_readme_are_forwarded(project: Path) -> None:
    readme = (project / "README.md").read_text()
    ports = {int(port) for port in re.findall(r"localhost:(\d+)", readme)}
    assert set(HOST_PORTS.values()) <= ports <= {*HOST_PORTS.values(), 30060, 10350}


def test_ports_of_a_run_without_a_cluster_are_the_same(project: Path) -> None:
    procfile = (project / "Procfile").read_text()
    names = set(re.findall(r"^([a-z0-9_-]+):", procfile, re.MULTILINE))
    assert {"server", "master"} <= names


@pytest.mark.parametrize("target", ["doctor", "headless", "pulse"])
def test_make_takes_a_context(project: Path, target: str) -> None:
    command = ["make", "--dry-run", "--old-file", ".venv/.installed", target, "CONTEXT=minikube"]
    shown = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert shown.stdout.rstrip().endswith(" minikube"), shown.stdout


@pytest.mark.parametrize(("context", "deletes"), [("minikube", True), ("production", False)])
def test_make_clean_deletes_the_namespace_in_an_allowed_context_only(
    project: Path, answers: dict[str, str], tmp_path: Path, context: str, deletes: bool
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    kubectl.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    cleaned = run("make", "clean", f"CONTEXT={context}", cwd=project, environment=environment)
    calls = (tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else ""
    label = f"app.kubernetes.io/part-of={answers['project_slug']}"
    wanted = f"--context {context} delete namespace,priorityclass --selector {label} --timeout=120s\n"
    assert (cleaned.returncode == 0, calls) == (deletes, wanted if deletes else "")
