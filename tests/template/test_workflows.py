"""The workflows of both repositories: pinned actions, few permissions, and commands that exist."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.support.commands import run


def workflows(root: Path) -> list[dict[str, Any]]:
    # BaseLoader keeps `on` a word instead of a boolean.
    return [yaml.load(file.read_text(), yaml.BaseLoader) for file in (root / ".github/workflows").iterdir()]


def test_actions_are_pinned_and_may_only_read(root: Path) -> None:
    for workflow in workflows(root):
        assert workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            assert "permissions" not in job
            for step in job["steps"]:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]) if "uses" in step else step["run"]


def test_commands_of_make_exist(root: Path) -> None:
    steps = [step for workflow in workflows(root) for job in workflow["jobs"].values() for step in job["steps"]]
    commands = [step["run"] for step in steps if step.get("run", "").startswith("make ")]
    assert {"make check", "make test"} <= set(commands)
    for command in commands:
        subprocess.run([*command.split(), "--dry-run"], cwd=root, check=True, stdout=subprocess.DEVNULL)


def test_every_lock_is_audited_as_it_is_once_a_week(root: Path, tmp_path: Path) -> None:
    [audit] = [workflow for workflow in workflows(root) if workflow["name"] == "Audit"]
    assert [len(entry["cron"].split()) for entry in audit["on"]["schedule"]] == [5]
    [command] = [step["run"] for job in audit["jobs"].values() for step in job["steps"] if "run" in step]
    pipx, calls = tmp_path / "pipx", tmp_path / "calls"
    pipx.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    pipx.chmod(0o755)
    repository = {"GIT_DIR": str(tmp_path / "git"), "GIT_WORK_TREE": str(root)}
    environment = os.environ | repository | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for words in (["git", "init", "--quiet"], ["git", "add", "."], ["bash", "-c", command]):
        subprocess.run(words, cwd=root, env=environment, check=True)
    audits = [re.fullmatch(r"run pip-audit==\S+ (.*) (\S+)", call) for call in calls.read_text().splitlines()]
    assert {audit and audit[1] for audit in audits} == {"--strict --require-hashes --disable-pip --requirement"}
    locks = [path.relative_to(root) for depth in ("", "*/", "*/*/") for path in root.glob(f"{depth}requirements*.txt")]
    assert sorted(audit[2] for audit in audits if audit) == sorted(
        lock.as_posix() for lock in locks if lock.parts[0] != "build"
    )


def test_a_run_on_github_shows_the_verdict_of_the_newest_run_and_keeps_all_reports(
    bake: Callable[..., Path], tmp_path: Path
) -> None:
    project = bake()
    [workflow] = [workflow for workflow in workflows(project) if workflow["name"] == "Load test"]
    steps = {step["name"]: step for step in workflow["jobs"]["headless"]["steps"] if "name" in step}
    published = run(sys.executable, "-c", TWO_RUNS, cwd=project)
    assert published.returncode == 0, published.stdout
    page = tmp_path / "page.md"
    page.write_text("# Of a step before\n")
    environment = os.environ | {"GITHUB_STEP_SUMMARY": str(page)}
    # As GitHub runs a step that names no shell.
    shown = run("bash", "-e", "-c", steps["Show the verdict"]["run"], cwd=project, environment=environment)
    assert shown.returncode == 0, shown.stdout
    titles = [line for line in page.read_text().splitlines() if line.startswith("# ")]
    assert titles == ["# Of a step before", "# Failed: 1 of 2 checks passed"]
    kept = list(project.glob(steps["Keep the reports, with JUnit XML"]["with"]["path"]))
    assert {file.name for folder in kept for file in folder.iterdir()} == {"summary.md", "junit.xml"}
    assert len(kept) == 2
    for name in ("Show the verdict", "Keep the reports, with JUnit XML"):
        assert steps[name]["if"] == "always()", "a run that fails has reports, too"


TWO_RUNS = """
from tools.runs.report_folders import new_folder
from tools.runs.reports import publish
from tools.tests.verdicts import check, verdict
publish(new_folder(), verdict(check("p95")))
publish(new_folder(), verdict(check("p95"), check("p99", passed=False)))
"""


def test_one_job_waits_for_all_that_a_change_has_to_pass(template: Path) -> None:
    [workflow] = [workflow for workflow in workflows(template) if workflow["name"] == "CI"]
    jobs = workflow["jobs"]
    # The newest Locust may break what is right for the pinned one.
    assert {*jobs["pass"]["needs"], "pass", "newest-locust"} == jobs.keys()
    assert jobs["pass"]["if"] == "always()"


def test_dependabot_knows_every_folder_with_dependencies(root: Path) -> None:
    settings = yaml.safe_load((root / ".github/dependabot.yml").read_text())
    for update in settings["updates"]:
        for folder in update.get("directories", [update.get("directory")]):
            assert (root / folder.lstrip("/")).is_dir(), folder


def test_dependabot_updates_the_base_image_of_every_dockerfile(project: Path) -> None:
    settings = yaml.safe_load((project / ".github/dependabot.yml").read_text())
    [docker] = [update for update in settings["updates"] if update["package-ecosystem"] == "docker"]
    assert docker["directories"] == [f"/{path.parent.name}" for path in sorted(project.glob("*/Dockerfile"))]
