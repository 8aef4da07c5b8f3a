"""Images that cannot be built or tagged, for which a program named docker stands in."""

from pathlib import Path

import pytest

from tools.problem import Problem
from tools.runs.run_manifests import delivered_image
from tools.setup.images import build_and_load

FAILING_TAG = """\
#!/bin/sh
case $1 in
build) echo sha256:12ab ;;
tag) echo "no space left on device" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("IMAGE", raising=False)
    return tmp_path


@pytest.mark.usefixtures("programs")
def test_a_missing_docker_is_a_problem_with_the_remedy() -> None:
    with pytest.raises(Problem, match="docker is missing: install it"):
        build_and_load("docker-desktop", "image", ".reference", "loadtest", "")
    with pytest.raises(Problem, match="docker is missing: install it"):
        delivered_image("docker-desktop")


def test_an_image_that_cannot_be_tagged_is_a_problem_with_the_reason(programs: Path) -> None:
    docker = programs / "docker"
    docker.write_text(FAILING_TAG)
    docker.chmod(0o755)
    with pytest.raises(Problem, match=r"could not be tagged: no space left on device"):
        build_and_load("docker-desktop", "image", ".reference", "loadtest", "")
    with pytest.raises(Problem, match=r"could not be tagged: no space left on device"):
        delivered_image("docker-desktop")
