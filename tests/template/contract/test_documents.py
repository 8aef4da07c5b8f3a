"""Documents and the Makefile name what exists."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import json_with_comments
from tests.support.commands import run
from tests.template.contract.objects import HOST_PORTS, ROLES, Object, of_kind

DOCUMENTS = ["README.md", "AGENTS.md", "SECURITY.md", "docs/*.md", "*/README.md", "loadtest/*/README.md"]
MADE_BY_THE_READER = {"loadtest/.env", "k8s/overlays/kind-kind"}


def documents(project: Path) -> dict[Path, str]:
    """The text of each document of a project."""
    return {path: path.read_text() for pattern in DOCUMENTS for path in project.glob(pattern)}


def test_commands_in_documents_exist(project: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (project / "Makefile").read_text(), re.MULTILINE))
    assert {"local", "test", "check", "lock", "doctor", "clean"} <= targets
    listed = run("python3", "-m", "tools", cwd=project).stdout
    commands = set(re.findall(r"^    ([a-z-]+) ", listed, re.MULTILINE))
    for document, text in documents(project).items():
        assert set(re.findall(r"(?m)(?:^|`|&& )make ([a-z-]+)", text)) <= targets, document
        assert set(re.findall(r"python3 -m tools ([a-z-]+)", text)) <= commands, document


def test_paths_and_links_in_documents_exist(project: Path) -> None:
    for document, text in documents(project).items():
        for path in re.findall(r"(?<![\w./])(?:k8s|server|loadtest|tools)/[\w./-]*\w", text):
            assert (project / path).exists() or path in MADE_BY_THE_READER, (document, path)
        for path, anchor in re.findall(r"\]\((?!https?:)([^)#]+)#?([^)]*)", text):
            target = document.parent / path
            assert target.exists(), (document, path)
            assert not anchor or f"\n## {anchor.replace('-', ' ').capitalize()}\n" in target.read_text(), anchor


def test_deployments_in_documents_exist(project: Path) -> None:
    named = {name for text in documents(project).values() for name in re.findall(r"deployment/([a-z-]+)", text)}
    assert named
    assert named <= set(ROLES)


def test_the_secret_of_live_sync_has_one_name(project: Path) -> None:
    key = (project / "tools/setup/livesync_key.py").read_text()
    [(secret, variable)] = re.findall(r'^SECRET, KEY = "(.+)", "(.+)"$', key, re.MULTILINE)
    assert f"`{secret}`" in (project / "SECURITY.md").read_text()
    assert f"`{variable}`" in (project / "docs/live-sync.md").read_text()
    component = (project / "k8s/components/live-sync/kustomization.yaml").read_text()
    assert component.count(f"name: {secret}\n") == component.count(f"key: {variable}\n") == 2


def test_each_page_has_one_question_and_the_readme_leads_to_it(project: Path) -> None:
    readme = (project / "README.md").read_text()
    pages = list((project / "docs").glob("*.md"))
    assert pages
    for page in pages:
        title = page.read_text().splitlines()[0]
        assert title.startswith("# ")
        assert title.endswith("?")
        assert f"(docs/{page.name})" in readme


def test_the_page_of_runs_asks_the_questions_of_the_shapes(project: Path) -> None:
    shapes = ast.parse((project / "loadtest/shapes.py").read_text())
    functions = {node.name: ast.get_docstring(node) or "" for node in shapes.body if isinstance(node, ast.FunctionDef)}
    rows = re.findall(
        r"^\| `(\w+)` \| `[▁-▇]{12}` \| (.*\?) \|$", (project / "docs/runs-and-verdicts.md").read_text(), re.MULTILINE
    )
    assert rows == [(name, f"{docstring.partition('?')[0]}?") for name, docstring in functions.items()]
    tested = re.findall(r'^    "(\w+)": \{', (project / "loadtest/tests/test_shapes.py").read_text(), re.MULTILINE)
    assert tested == list(functions)


def test_addresses_in_documents_are_forwarded_or_served(project: Path) -> None:
    tilt = {8090, 10350}  # the reports and the page of Tilt
    ports = {int(port) for text in documents(project).values() for port in re.findall(r"localhost:(\d+)", text)}
    assert set(HOST_PORTS.values()) <= ports <= {*HOST_PORTS.values(), *tilt}
    assert '"8090"' in (project / "Tiltfile").read_text()
    devcontainer = json_with_comments.parse((project / ".devcontainer/devcontainer.json").read_text())
    assert set(devcontainer["forwardPorts"]) == {*HOST_PORTS.values(), *tilt}


def test_ports_of_a_run_without_a_cluster_are_the_same(project: Path, everything: list[Object]) -> None:
    procfile = (project / "Procfile").read_text()
    commands = dict(re.findall(r"^([a-z0-9_-]+): (.*)", procfile, re.MULTILINE))
    # The master has no option for a port, as in the cluster, so that Locust's defaults hold.
    assert not re.search(r"--(web|master-bind|master)-port", "".join(commands.values()))
    web, workers = map(int, run(sys.executable, "-c", LOCUST_PORTS).stdout.split())
    [server] = map(int, re.findall(r"--port (\d+)", commands["server"]))
    # Other tests compare these with what Tilt and Skaffold forward, and with the documents.
    assert {"server": server, "locust-master": web} == HOST_PORTS
    services = of_kind("Service", everything)
    assert [port["port"] for name in HOST_PORTS for port in services[name]["spec"]["ports"]] == [server, web, workers]
    for tool, constant in {
        "local_processes.py": f"SERVER_PORT, WEB_PORT, MASTER_PORT = {server}, {web}, {workers}",
        "live.py": f"PORT = {web}",
        "runs/on_this_machine.py": f"SERVER_PORT, MASTER_PORT = {server}, {workers}",
        "setup/doctor.py": f"[{server}, {web}] if has_server else [{web}]",
    }.items():
        assert constant in (project / "tools" / tool).read_text(), tool
    assert f"──{web}──▶ locust-master ◀──{workers}── locust-worker" in (project / "README.md").read_text()


LOCUST_PORTS = """
from locust.argument_parser import get_parser
parser = get_parser(default_config_files=[])
print(parser.get_default("web_port"), parser.get_default("master_bind_port"))
"""


@pytest.mark.parametrize("target", ["clean", "doctor", "headless", "pulse"])
def test_make_takes_a_context(project: Path, target: str) -> None:
    command = ["make", "--dry-run", "--old-file", ".venv/.installed", target, "CONTEXT=minikube"]
    shown = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert shown.stdout.rstrip().endswith(' "minikube"'), shown.stdout
