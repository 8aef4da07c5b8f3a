"""The generated files are these, and look as if somebody had written them by hand."""

import re
from pathlib import Path

import pytest

TREE = [
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
    "Makefile",
    "Procfile",
    "README.md",
    "Tiltfile",
    "docs/pulse.svg",
    "docs/shapes.svg",
    "k8s/README.md",
    "k8s/base/kustomization.yaml",
    "k8s/base/locust/kustomization.yaml",
    "k8s/base/locust/master-deployment.yaml",
    "k8s/base/locust/master-service.yaml",
    "k8s/base/locust/worker-deployment.yaml",
    "k8s/base/namespace.yaml",
    "k8s/base/server/deployment.yaml",
    "k8s/base/server/kustomization.yaml",
    "k8s/base/server/service.yaml",
    "k8s/components/autoscaling/hpa.yaml",
    "k8s/components/autoscaling/kustomization.yaml",
    "k8s/components/headless/kustomization.yaml",
    "k8s/components/headless/master-job.yaml",
    "k8s/components/headless/master-service.yaml",
    "k8s/components/headless/worker-job.yaml",
    "k8s/components/live-sync/kustomization.yaml",
    "k8s/components/node-port/kustomization.yaml",
    "k8s/components/node-port/service.yaml",
    "k8s/overlays/docker-desktop/kustomization.yaml",
    "k8s/overlays/minikube/kustomization.yaml",
    "loadtest/.dockerignore",
    "loadtest/.env.example",
    "loadtest/Dockerfile",
    "loadtest/csv_rows.py",
    "loadtest/data/users.csv",
    "loadtest/headless.toml",
    "loadtest/hosts.py",
    "loadtest/livesync/__init__.py",
    "loadtest/livesync/__main__.py",
    "loadtest/livesync/apply.py",
    "loadtest/livesync/attempt.py",
    "loadtest/livesync/calls.py",
    "loadtest/livesync/classes.py",
    "loadtest/livesync/connection.py",
    "loadtest/livesync/dispatch.py",
    "loadtest/livesync/edit.py",
    "loadtest/livesync/errors.py",
    "loadtest/livesync/files.py",
    "loadtest/livesync/functions.py",
    "loadtest/livesync/internals.py",
    "loadtest/livesync/live.py",
    "loadtest/livesync/load_test.py",
    "loadtest/livesync/locustfiles.py",
    "loadtest/livesync/master.py",
    "loadtest/livesync/messages.py",
    "loadtest/livesync/modules.py",
    "loadtest/livesync/notices.py",
    "loadtest/livesync/opened.py",
    "loadtest/livesync/patches.py",
    "loadtest/livesync/report.py",
    "loadtest/livesync/restart.py",
    "loadtest/livesync/resume.py",
    "loadtest/livesync/scan.py",
    "loadtest/livesync/shape.py",
    "loadtest/livesync/source.py",
    "loadtest/livesync/start.py",
    "loadtest/livesync/trial.py",
    "loadtest/livesync/users.py",
    "loadtest/livesync/watch.py",
    "loadtest/livesync/web.py",
    "loadtest/livesync/worker.py",
    "loadtest/locustfile.py",
    "loadtest/requirements.in",
    "loadtest/requirements.txt",
    "loadtest/shapes.py",
    "loadtest/slo.toml",
    "loadtest/start_form.py",
    "loadtest/tests/conftest.py",
    "loadtest/tests/running.py",
    "loadtest/tests/test_hosts.py",
    "loadtest/tests/test_locustfile.py",
    "loadtest/tests/test_shapes.py",
    "loadtest/tests/test_start_form.py",
    "loadtest/tests/test_verdict.py",
    "loadtest/verdict/__init__.py",
    "loadtest/verdict/files.py",
    "loadtest/verdict/generator.py",
    "loadtest/verdict/judge.py",
    "loadtest/verdict/slo.py",
    "pyproject.toml",
    "requirements-dev.in",
    "requirements-dev.txt",
    "server/.dockerignore",
    "server/Dockerfile",
    "server/requirements.in",
    "server/requirements.txt",
    "server/server.py",
    "server/tests/test_server.py",
    "skaffold.env",
    "skaffold.yaml",
    "tools/autoscaler.py",
    "tools/chart.py",
    "tools/clean.py",
    "tools/cluster.py",
    "tools/compare.py",
    "tools/doctor.py",
    "tools/headless.py",
    "tools/headless_local.py",
    "tools/images.py",
    "tools/local.py",
    "tools/locks.py",
    "tools/metrics.py",
    "tools/plots.py",
    "tools/ports.py",
    "tools/preflight.py",
    "tools/prescription.py",
    "tools/pulse.py",
    "tools/reaction.py",
    "tools/reports.py",
    "tools/tests/conftest.py",
    "tools/tests/test_autoscaler.py",
    "tools/tests/test_chart.py",
    "tools/tests/test_compare.py",
    "tools/tests/test_metrics.py",
    "tools/tests/test_plots.py",
    "tools/tests/test_prescription.py",
    "tools/tests/test_reaction.py",
    "tools/watch.py",
]

SCARS = [
    ("left-over Jinja", r"\{\{|\{%|\{#"),
    ("word of the template engine", r"(?i)cookiecutter(?! gh:)"),
    ("address of a package registry", r"(?i)pypi\.org|pythonhosted|--index-url \S+//"),
    ("unfinished work", r"\b(TODO|FIXME|XXX)\b"),
    ("two blank lines more than Python needs", r"\n\n\n\n"),
    ("trailing blank", r"[ \t]\n"),
    ("carriage return", r"\r"),
    ("path of one machine", r"(?<![\w.])/(work|home|root|Users)/"),
]


def text_files(root: Path) -> list[Path]:
    """All files below root, without what tools and Git keep there."""
    tools = {".git", ".venv", "build", "__pycache__"}
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(part in tools or part.endswith("_cache") for part in path.relative_to(root).parts)
    ]


def test_the_tree_is_exactly_this(project: Path) -> None:
    files = [path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(TREE)


def test_files_without_an_answer_arrive_unchanged(template: Path, project: Path) -> None:
    sources = template / "{{cookiecutter.project_slug}}"
    for source in text_files(sources):
        if b"cookiecutter." not in source.read_bytes():
            assert (project / source.relative_to(sources)).read_bytes() == source.read_bytes(), source


def test_nothing_but_files_and_folders_is_generated(project: Path) -> None:
    assert not [path for path in project.rglob("*") if path.is_symlink()]
    assert not [path for path in project.rglob("*/") if not list(path.iterdir())]


@pytest.mark.parametrize(("scar", "pattern"), SCARS, ids=[scar for scar, _ in SCARS])
def test_generated_files_have_no_scar(project: Path, scar: str, pattern: str) -> None:
    found = [
        f"{path.relative_to(project)}: {match[0]!r}"
        for path in text_files(project)
        if path.suffix != ".svg"  # drawn, not written
        if (match := re.search(pattern, path.read_bytes().decode()))
    ]
    assert not found, scar


def test_every_file_ends_with_one_newline(project: Path, template: Path) -> None:
    for root in (project, template):
        for path in text_files(root):
            content = path.read_bytes()
            assert content.endswith(b"\n") or not content, path
            assert not content.endswith(b"\n\n"), path


def test_the_template_has_the_same_line_ends_and_no_address(template: Path) -> None:
    for path in text_files(template):
        content = path.read_bytes()
        assert b"\r" not in content, path
        if path != Path(__file__):
            assert not re.search(rb"pypi\.org|pythonhosted", content), path


def test_both_repositories_pin_their_line_ends(project: Path, template: Path) -> None:
    for root in (project, template):
        assert "* text=auto eol=lf\n" in (root / ".gitattributes").read_text()


@pytest.mark.parametrize("name", ["requirements-dev", "server/requirements", "loadtest/requirements"])
def test_locks_pin_every_direct_dependency_with_hashes(project: Path, name: str) -> None:
    wanted = {
        re.split(r"[\[<>=~!; ]", line)[0].lower()
        for line in (project / f"{name}.in").read_text().splitlines()
        if line and not line.startswith(("#", "-"))
    }
    lock = (project / f"{name}.txt").read_text()
    pinned = set(re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==\S+ ", lock, re.MULTILINE))
    assert wanted <= pinned
    requirements = re.split(r"\n(?=\S)", lock.strip())
    assert all("--hash=sha256:" in requirement for requirement in requirements)
