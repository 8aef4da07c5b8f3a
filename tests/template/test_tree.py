"""The generated files are those of the template, and look as if somebody had written them by hand."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import run

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

ANSWERS_FILE = "{% if _copier_conf is defined %}{{ _copier_conf.answers_file }}{% endif %}"
"""For copier alone: cookiecutter skips it, as its name is empty there."""


def text_files(root: Path) -> list[Path]:
    """All files below root but pictures, without what tools and Git keep there."""
    tools = {".git", ".venv", "build", "__pycache__"}
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path.suffix != ".png"
        and not any(part in tools or part.endswith("_cache") for part in path.relative_to(root).parts)
    ]


def test_the_tree_is_that_of_the_template(template: Path, project: Path) -> None:
    folder = template / "{{cookiecutter.project_slug}}"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=folder, capture_output=True, text=True, check=True).stdout
    tracked = [path for path in listed.rstrip("\0").split("\0") if (folder / path).exists() and path != ANSWERS_FILE]
    generated = [path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()]
    assert sorted(generated) == sorted(tracked)


def test_every_name_is_one_on_windows_too(template: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=template, capture_output=True, text=True, check=True).stdout
    assert not re.search(r'[<>:"|?*`\\]', listed)


def test_every_file_is_named_in_a_readme_of_its_folder_or_above(project: Path) -> None:
    for path in text_files(project):
        relative = path.relative_to(project)
        readmes = [folder / "README.md" for folder in path.parents if folder.is_relative_to(project)]
        text = "".join(readme.read_text() for readme in readmes if readme.exists())
        folders = [folder.name for folder in relative.parents if folder.name in LISTED]
        is_named = any(
            re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) for name in (path.name, path.stem, *folders)
        )
        assert is_named or path.name in ("README.md", "__init__.py"), relative


LISTED = {"tests", "data", "docs", "server", "base", "components", "overlays", "locust", "support"}
"""Folders whose README row stands for all files in them."""


def test_every_file_begins_with_what_it_is_for(project: Path) -> None:
    for path in text_files(project):
        text = path.read_text()
        if path.suffix == ".py" and text:
            assert ast.get_docstring(ast.parse(text)), path
        elif path.suffix not in (".py", ".md", ".json", ".csv", ".svg", ".txt"):
            assert text.startswith("#"), path


def test_the_tests_of_a_project_run_on_the_load_test_of_the_template(project: Path) -> None:
    example = project / "loadtest/tests/example"
    for path in ("locustfile.py", "data/users.csv"):
        assert (example / path).read_text() == (project / "loadtest" / path).read_text()


def test_no_two_modules_have_the_same_name(project: Path) -> None:
    names = [path.stem for path in project.rglob("*.py") if "tests" not in path.parts and path.stem[:2] != "__"]
    assert sorted(set(names)) == sorted(names)
    assert not {name for name in names if f"{name}s" in names}, "singular and plural of one name"


def test_no_two_classes_have_the_same_name(project: Path) -> None:
    modules = [ast.parse(path.read_text()) for path in project.rglob("*.py") if "tests" not in path.parts]
    classes = [node.name for module in modules for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    assert not {name for name in classes if classes.count(name) > 1}
    assigned = {target for module in modules for node in module.body for target in getattr(node, "targets", [])}
    assert not {target.id for target in assigned if isinstance(target, ast.Name)} & set(classes), "type alias and class"


def test_files_without_an_answer_arrive_unchanged(template: Path, project: Path) -> None:
    sources = template / "{{cookiecutter.project_slug}}"
    for source in text_files(sources):
        if b"cookiecutter." not in source.read_bytes() and source.name != ANSWERS_FILE:
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


def test_the_lock_of_opentelemetry_adds_to_that_of_the_load_test(project: Path) -> None:
    both = [word for name in ("", "-otel") for word in ("--requirement", f"loadtest/requirements{name}.txt")]
    uv = Path(sys.executable).with_name("uv")
    options = ["--dry-run", "--require-hashes", "--python", sys.executable]
    resolved = run(uv, "pip", "install", *options, *both, cwd=project)
    assert resolved.returncode == 0, resolved.stdout
    added = re.findall(r"^ \+ (\S+)==", resolved.stdout, re.MULTILINE)
    assert {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"} <= set(added)
