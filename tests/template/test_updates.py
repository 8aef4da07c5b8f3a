"""Each tool writes the same project, and brings a new version of the template into one that has edits of its own."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from tests.support.baking import bake, copy_template
from tests.support.commands import run

TOOLS = {"copier": ".copier-answers.yml", "cruft": ".cruft.json"}
"""The file with the answers that each of them adds to a project."""

UNATTENDED = {
    "copier copy": "copier copy --defaults",
    "copier update": "copier update --defaults",
    "cruft create": "cruft create --no-input",
    "cruft update": "cruft update --skip-apply-ask",
    "cookiecutter gh:": "cookiecutter --no-input gh:",
}
"""Commands of the page, and the same for a test, which answers no question."""

HOSTILE_ANSWERS = {
    "project_name": "\"Ünï\" 'x' `y` \\ 名前 \U0001f389: - # @",
    "project_slug": "good",
    "description": "\"\"\" ''' \\n $(touch pwned) ${HOME} <b>&amp; | > ~ [x] * !z %c null ß",
    "target_host": "https://shop.example:8443/a_b/~c.d-e",
    "workers": "50",
}


def shell(script: str, folder: Path) -> None:
    """Run commands in a folder, with the tools of this environment, and without any settings of this machine."""
    author = {f"GIT_{role}_{key}": "test@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with TemporaryDirectory() as home:
        environment = os.environ | author | {"PATH": path, "HOME": home, "XDG_CONFIG_HOME": home}
        done = run("sh", "-exc", script, cwd=folder, environment=environment)
    assert done.returncode == 0, done.stdout


def files(project: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each file."""
    paths = [path for path in project.rglob("*") if path.is_file()]
    return {path.relative_to(project).as_posix(): (path.stat().st_mode, path.read_bytes()) for path in paths}


def release(repository: Path, version: str) -> None:
    shell(f"git add . && git commit --quiet --message {version} && git tag {version}", repository)


def first_release(repository: Path, *left_out: str) -> None:
    """Make a Git repository of this template, without some folders of the project."""
    copy_template(repository)
    for folder in left_out:
        shutil.rmtree(repository / "{{cookiecutter.project_slug}}" / folder)
    shell("git init --quiet --initial-branch main", repository)
    release(repository, "v1.0.0")


def second_release(repository: Path) -> None:
    """Change a file, add one, and remove one."""
    sources = repository / "{{cookiecutter.project_slug}}"
    locustfile = sources / "loadtest/locustfile.py"
    locustfile.write_text("# new in the template\n" + locustfile.read_text())
    (sources / "docs/new.md").write_text("How {{ cookiecutter.project_name }} works.\n")
    (sources / "Procfile").unlink()
    release(repository, "v1.1.0")


def edit_and_commit(project: Path) -> None:
    """Add a line to the file that the next release changes, too."""
    shell("git init --quiet --initial-branch main && git add . && git commit --quiet --message Bake", project)
    with (project / "loadtest/locustfile.py").open("a") as locustfile:
        locustfile.write("# an edit of mine\n")
    shell("git commit --quiet --all --message Edit", project)


def assert_changes_and_edit_are_there(project: Path, template: Path) -> None:
    locustfile = (template / "{{cookiecutter.project_slug}}/loadtest/locustfile.py").read_text()
    expected = f"# new in the template\n{locustfile}# an edit of mine\n"
    assert (project / "loadtest/locustfile.py").read_text() == expected
    assert (project / "docs/new.md").read_text() == "How Load Lab works.\n"
    assert not (project / "Procfile").exists()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A Git repository with the first release of this template, with few files, as copier runs Git for each."""
    path = tmp_path / "locust-k8s"
    first_release(path, "k8s", "server", "tools", "loadtest/livesync", "loadtest/tests")
    return path


@pytest.fixture
def scripts(template: Path, repository: Path) -> list[str]:
    """The shell blocks of the page about updates, for the template in that repository."""
    page = (template / "docs/updates.md").read_text()
    for words, unattended in UNATTENDED.items():
        assert words in page
        page = page.replace(words, unattended)
    page = re.sub(r"(gh:|https://github\.com/)org/locust-k8s", str(repository), page)
    return re.findall(r"```sh\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize("answers", [{}, HOSTILE_ANSWERS], ids=["default", "hostile"])
def test_all_tools_write_the_same_project(answers: dict[str, str], tmp_path: Path) -> None:
    repository = tmp_path / "locust-k8s"
    first_release(repository)
    baked = bake(tmp_path / "baked", template=str(repository), **answers)
    (tmp_path / "answers.json").write_text(json.dumps(answers, ensure_ascii=False))
    shell(f"copier copy --defaults --data-file answers.json {repository} copier/{baked.name}", tmp_path)
    shell(f"cruft create --no-input --extra-context-file answers.json {repository} --output-dir cruft", tmp_path)
    for tool, answers_file in TOOLS.items():
        written = files(tmp_path / tool / baked.name)
        assert written.pop(answers_file)
        assert written == files(baked), tool
    kept = yaml.safe_load((tmp_path / "copier" / baked.name / TOOLS["copier"]).read_text())
    assert answers.items() <= kept.items()
    assert not list(tmp_path.rglob("pwned"))


def test_the_oldest_cookiecutter_that_the_readme_names_writes_the_same_project(template: Path, tmp_path: Path) -> None:
    [version] = re.findall(r"^\| cookiecutter \| ([\d.]+) \|", (template / "README.md").read_text(), re.MULTILINE)
    repository = tmp_path / "locust-k8s"
    first_release(repository)
    (tmp_path / "config.yaml").write_text(f"cookiecutters_dir: {tmp_path}/clones\nreplay_dir: {tmp_path}/replay\n")
    oldest = ["tool", "run", "--python", sys.executable, "--from", f"cookiecutter=={version}", "cookiecutter"]
    written = run(
        Path(sys.executable).with_name("uv"),
        *oldest,
        "--no-input",
        str(repository),
        cwd=tmp_path,
        seconds=300,
        environment=os.environ | {"COOKIECUTTER_CONFIG": str(tmp_path / "config.yaml")},
    )
    assert written.returncode == 0, written.stdout
    assert files(tmp_path / "load-lab") == files(bake(tmp_path / "baked", template=str(repository)))


@pytest.mark.parametrize("tool", TOOLS)
def test_copier_and_cruft_update_a_project(
    tool: str, scripts: list[str], repository: Path, template: Path, tmp_path: Path
) -> None:
    create, update = (line for line in scripts[0].splitlines() if line.startswith(tool))
    shell(create, tmp_path)
    created = tmp_path / "load-lab"
    edit_and_commit(created)
    second_release(repository)
    shell(update, created)
    assert_changes_and_edit_are_there(created, template)


def test_git_updates_a_project_of_plain_cookiecutter(
    scripts: list[str], repository: Path, template: Path, tmp_path: Path
) -> None:
    created = bake(tmp_path, template=str(repository))
    edit_and_commit(created)
    second_release(repository)
    shell(scripts[1], created)
    assert_changes_and_edit_are_there(created, template)

    (repository / "{{cookiecutter.project_slug}}/docs/newer.md").write_text("Newer.\n")
    first, *others = scripts[1].splitlines()
    shell("\n".join([first.partition("# the next time: ")[2], *others]), created)
    assert_changes_and_edit_are_there(created, template)
    assert (created / "docs/newer.md").exists()
