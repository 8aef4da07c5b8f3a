"""docs/locust-features.md of the project names options that Locust has, and lines that an overlay takes."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OPTIONS = """
import json
from locust.argument_parser import get_parser
print(json.dumps({option: action.env_var for action in get_parser()._actions for option in action.option_strings}))
"""


@pytest.fixture
def page(project: Path) -> str:
    return (project / "docs/locust-features.md").read_text()


def test_its_options_have_these_variables(page: str) -> None:
    known = json.loads(subprocess.run([sys.executable, "-c", OPTIONS], check=True, capture_output=True).stdout)
    named = re.findall(r"`(--[a-z-]+)`, `(LOCUST_\w+)", page)
    assert [option for option, _ in named] == ["--class-picker", "--web-login", "--tls-cert", "--tls-key", "--otel"]
    assert {option: known[option] for option, _ in named} == dict(named)


def test_its_lines_for_an_overlay_mount_the_certificate(
    page: str, bake: Callable[..., Path], render: Callable[[Path], list[dict[str, Any]]]
) -> None:
    project = bake()
    [lines] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    for overlay in (project / "k8s/overlays").iterdir():
        with (overlay / "kustomization.yaml").open("a") as kustomization:
            kustomization.write(lines)
        [master] = [
            item
            for item in render(overlay)
            if item["metadata"]["name"] == "locust-master" and "replicas" in item["spec"]
        ]
        pod = master["spec"]["template"]["spec"]
        [container] = pod["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts == {"code": "/loadtest", "tmp": "/tmp", "tls": "/tls"}
        assert container["readinessProbe"].keys() == {"httpGet", "periodSeconds"}
        paths = [variable["value"] for variable in container["env"] if variable["name"].startswith("LOCUST_TLS")]
        assert paths == ["/tls/tls.crt", "/tls/tls.key"]
        secrets = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
        assert secrets == [re.findall(r"create secret tls (\S+)", page)[0]]
