"""What the README says is so."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.template.conftest import INSTALLED


@pytest.fixture(scope="module")
def readme(template: Path) -> str:
    return (template / "README.md").read_text()


def commands(readme: str) -> list[list[str]]:
    """The words of all commands in its shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    lines = "\n".join(blocks).replace(" && ", "\n").splitlines()
    return [words for line in lines if (words := line.partition("#")[0].split())]


def cookiecutter(words: list[str], template: Path, folder: Path) -> None:
    """Run such a command as a person would who answers each question with Enter."""
    command = [str(template) if word == "gh:org/locust-k8s" else word for word in words]
    command[0] = str(Path(sys.executable).with_name(words[0]))
    home = {"HOME": str(folder), "USERPROFILE": str(folder)}
    subprocess.run(command, cwd=folder, env=home, input=b"\n" * 9, check=True, timeout=180)


def test_it_is_short(readme: str) -> None:
    assert len(readme.splitlines()) <= 120


def test_it_leads_with_the_two_commands_without_a_cluster_and_the_four_with_one(readme: str) -> None:
    assert commands(readme)[:8] == [
        ["git", "clone", "https://github.com/org/locust-k8s"],
        ["cd", "locust-k8s"],
        ["make", "demo"],
        ["make", "test"],
        ["cookiecutter", "gh:org/locust-k8s"],
        ["cd", "load-lab"],
        ["tilt", "up"],
        ["skaffold", "dev", "--profile", "minikube"],
    ]


def test_its_commands_do_what_it_says(readme: str, template: Path, tmp_path: Path) -> None:
    enter, without_questions = (words for words in commands(readme) if words[0] == "cookiecutter")

    cookiecutter(enter, template, tmp_path)
    project = tmp_path / "load-lab"
    assert (project / "Tiltfile").exists()
    profiles = yaml.safe_load((project / "skaffold.yaml").read_text())["profiles"]
    assert "minikube" in [profile["name"] for profile in profiles]

    cookiecutter(without_questions, template, tmp_path)
    overlay = tmp_path / "shop-test/k8s/overlays/minikube/kustomization.yaml"
    assert yaml.safe_load(overlay.read_text())["replicas"][0]["count"] == 4


def test_its_questions_are_those_of_the_template(readme: str, template: Path) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| \S.*\|$", readme, re.MULTILINE)
    questions = json.loads((template / "cookiecutter.json").read_text())
    defaults = {key: value for key, value in questions.items() if not key.startswith("_")}
    defaults["project_slug"] = "load-lab"
    assert rows == list(defaults.items())


def test_its_tree_is_that_of_the_project(readme: str, project: Path) -> None:
    lines = re.findall(r"^((?:│   )?)[├└]── (\S+) {2,}\S", readme, re.MULTILINE)
    folder = ""
    for indent, name in lines:
        path = project / (folder if indent else "") / name
        assert path.exists(), name
        assert path.is_dir() == name.endswith("/")
        folder = folder if indent else name
    shown = {name.rstrip("/") for indent, name in lines if not indent}
    hidden_or_settings = {"pyproject.toml", "requirements-dev.in", "requirements-dev.txt"}
    assert {path.name for path in project.iterdir() if path.name[0] != "."} - hidden_or_settings == shown


def test_its_paths_targets_and_addresses_exist(readme: str, template: Path, project: Path) -> None:
    makefile = (template / "Makefile").read_text() + (project / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z0-9]+)\b(?=[`\n])", readme)) <= targets
    for path in re.findall(r"`([\w./-]+/[\w.-]+|[A-Z]+(?:\.md)?)`", readme):
        inside = path.removeprefix("build/load-lab").lstrip("/")
        assert (template / path).exists() or (project / inside).exists(), path
    assert set(re.findall(r"localhost:(\d+)", readme)) == {"8000", "8089"}
    assert [picture for picture in re.findall(r"!\[.+\]\((.+)\)", readme) if not (template / picture).exists()] == []


def test_its_version_of_tilt_is_the_one_that_the_tiltfile_requires(readme: str, project: Path) -> None:
    [version] = re.findall(r"^\| Tilt \| ([\d.]+) \|", readme, re.MULTILINE)
    assert f'version_settings(constraint=">={version}")' in (project / "Tiltfile").read_text()


def test_its_version_of_copier_is_the_one_that_the_questions_require(readme: str, template: Path) -> None:
    [version] = re.findall(r"^\| copier \| ([\d.]+) \|", readme, re.MULTILINE)
    assert yaml.safe_load((template / "copier.yml").read_text())["_min_copier_version"] == version


def test_make_alone_lists_every_command(template: Path) -> None:
    makefile = (template / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    listed = subprocess.run(["make"], cwd=template, check=True, capture_output=True, text=True).stdout
    assert [line.split()[0] for line in listed.splitlines()] == phony[1].split()


def test_make_clean_removes_what_make_has_made(template: Path, tmp_path: Path) -> None:
    shutil.copy(template / "Makefile", tmp_path)
    for name in (".venv", "build/load-lab", ".mypy_cache", ".pytest_cache", ".ruff_cache", "kept"):
        (tmp_path / name).mkdir(parents=True)
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Makefile", "kept"]


def test_make_fix_finds_nothing_to_repair(template: Path, tmp_path: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=template, check=True, capture_output=True, text=True).stdout
    names = [name for name in tracked.split("\0") if name.endswith((".py", ".toml")) or name == "Makefile"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(template / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    subprocess.run(["make", *INSTALLED, "fix"], cwd=tmp_path, check=True, capture_output=True)
    assert [name for name in names if (tmp_path / name).read_bytes() != (template / name).read_bytes()] == []
