"""The Tiltfile and skaffold.yaml deploy the same overlays, forward the same ports and sync the same files."""

import re
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.template.contract.objects import (
    CONTEXTS,
    HOST_PORTS,
    ROLES,
    Object,
    Render,
    containers,
    dockerfile,
    of_kind,
    selected,
)
from tests.template.contract.tiltfile import Builtins, Refused, TiltUp, skaffold


def test_tilt_and_skaffold_deploy_the_overlay_of_the_context(project: Path, tilt_up: TiltUp) -> None:
    config = skaffold(project)
    profiles = [profile for profile in config["profiles"] if "manifests" in profile]
    overlays = {part["deploy"]["kubeContext"]: part["manifests"]["kustomize"]["paths"] for part in [config, *profiles]}
    assert overlays == {context: [f"k8s/overlays/{context}"] for context in CONTEXTS}
    for context in CONTEXTS:
        assert [call.args[0] for call in tilt_up(context)["kustomize"]] == overlays[context]


def test_tilt_and_make_refuse_any_other_context_and_say_what_to_do(bake: Callable[..., Path], render: Render) -> None:
    project = bake()
    nested = project / "k8s/overlays/team/nested"
    nested.mkdir(parents=True)
    (nested / "kustomization.yaml").write_text("resources: [../../../base]\n")
    remedy = r"kubectl config use-context docker-desktop"
    for context in ("production", "minikube ", "Minikube", "", "nested", "team%2Fnested"):
        with pytest.raises(Refused, match=remedy):
            Builtins(project, context, render).run()
        cleaned = run("python3", "-c", ALLOWED_CONTEXT, context or " ", cwd=project)
        assert re.search(remedy, cleaned.stdout), context


ALLOWED_CONTEXT = "import sys; from tools.setup.contexts import allowed_context; allowed_context(sys.argv[1])"


def test_skaffold_stays_in_the_context_of_its_profile_and_leaves_the_namespace(project: Path) -> None:
    config = skaffold(project)
    for part in [config, *(profile for profile in config["profiles"] if "deploy" in profile)]:
        context = part["deploy"]["kubeContext"]
        flags = part["deploy"]["kubectl"]["flags"]
        # A profile takes the place of all that `deploy.kubectl` has outside of it.
        assert flags["global"] == [f"--context={context}"]
        assert flags["delete"] == ["--selector=app.kubernetes.io/component!=setup"]
        before = [hook["host"]["command"] for hook in part["manifests"]["hooks"]["before"]]
        assert before == [["python3", "-m", "tools", "check-cluster", context]]


def test_an_overlay_of_its_name_is_all_that_tilt_needs_for_a_context(tilt_up: TiltUp, everything: list[Object]) -> None:
    assert everything
    assert [call.args[0] for call in tilt_up("trial")["kustomize"]] == ["k8s/overlays/trial"]


def test_workers_without_live_sync_have_the_files_whatever_the_project_is_called(
    bake: Callable[..., Path], render: Render
) -> None:
    project = bake(project_slug="livesync-lab", description="Tests livesync.")
    for context in CONTEXTS:
        overlay = project / f"k8s/overlays/{context}/kustomization.yaml"
        overlay.write_text(overlay.read_text().replace("  - ../../components/live-sync\n", ""))
        calls = Builtins(project, context, render).run()
        assert [call.args[0] for call in calls["docker_build"]] == [
            "livesync-lab-server",
            "livesync-lab-loadtest",
        ]


def test_a_minikube_on_containerd_gets_images_that_an_edit_of_their_dockerfile_rebuilds(
    project: Path, render: Render
) -> None:
    calls = Builtins(project, "minikube", render, delivery="minikube").run()
    assert "docker_build" not in calls
    for call in calls["custom_build"]:
        assert call.named["deps"]
        assert all((project / path).exists() for path in call.named["deps"])
        reference = call.named["outputs_image_ref_to"]
        assert call.args[1].startswith(f"python3 -m tools build-image minikube {call.args[0]} {reference} ")
    folders = [call.args[0] for call in calls["read_file"]]
    assert sorted(set(folders)) == ["loadtest/Dockerfile", "server/Dockerfile"]


def test_images_are_pushed_to_the_registry_of_the_context(project: Path, render: Render) -> None:
    calls = Builtins(project, "minikube", render, delivery="push", registry="registry.example.com/team").run()
    assert [call.args for call in calls["default_registry"]] == [("registry.example.com/team",)]
    assert "custom_build" not in calls


BUILD_VARIABLES = ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "EXTRAS"]


def test_variables_of_a_build_reach_it_from_the_environment(
    project: Path, render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {name: f"value of {name}" for name in BUILD_VARIABLES}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for build in Builtins(project, "docker-desktop", render).run()["docker_build"]:
        assert {name: value for name, value in build.named["build_args"].items() if name != "FILES"} == variables
    by_tools = run(sys.executable, "-c", BUILD_ARGUMENTS, cwd=project).stdout.split()
    assert by_tools == [word for name in variables for word in ("--build-arg", name)]
    for artifact in skaffold(project)["build"]["artifacts"]:
        declared = {name.partition("=")[0] for word, name in dockerfile(project, artifact["context"]) if word == "ARG"}
        wanted = declared - {"FILES"}
        given = artifact["docker"]["buildArgs"]
        assert {name: value for name, value in given.items() if name != "FILES"} == dict.fromkeys(wanted)
        assert wanted <= variables.keys()
    assert "EXTRAS" in wanted


BUILD_ARGUMENTS = """
import os
from tools.setup.images import build_arguments
print(*build_arguments(dict(os.environ)))
"""


def test_live_sync_finds_its_containers_beside_others(bake: Callable[..., Path], render: Render) -> None:
    project = bake()
    for role in ("master", "worker"):
        deployment = project / f"k8s/base/locust/{role}-deployment.yaml"
        sidecar = "      containers:\n        - name: sidecar\n          image: sidecar\n"
        deployment.write_text(deployment.read_text().replace("      containers:\n", sidecar))
    deployments = of_kind("Deployment", render(project / "k8s/overlays/docker-desktop"))
    for role in ("locust-master", "locust-worker"):
        containers = deployments[role]["spec"]["template"]["spec"]["containers"]
        commands = {container["name"]: container.get("command") for container in containers}
        assert commands == {"sidecar": None, role: ["python", "-m", "livesync"]}


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_tilt_resource_exists_and_every_object_has_one(tilt_up: TiltUp, context: str) -> None:
    calls = tilt_up(context)
    (call,) = calls["k8s_yaml"]
    objects: list[Object] = call.args[0]
    named = [call.args[0] for call in calls["k8s_resource"] if call.args]
    assert sorted(named) == sorted(of_kind("Deployment", objects)) == sorted(ROLES)
    # What belongs to no workload would show up as "uncategorized".
    gathered = [name for call in calls["k8s_resource"] for name in call.named.get("objects", [])]
    apart = [item for item in objects if item["kind"] not in ("Deployment", "Service")]
    apart += [service for service in of_kind("Service", objects).values() if not selected(service, objects)]
    assert sorted(gathered) == sorted(f"{item['metadata']['name']}:{item['kind']}" for item in apart)


def test_a_setting_of_tilt_overrides_the_number_of_workers(project: Path, render: Render) -> None:
    calls = Builtins(project, "minikube", render, settings={"workers": "4"}).run()
    (call,) = calls["k8s_yaml"]
    assert of_kind("Deployment", call.args[0])["locust-worker"]["spec"]["replicas"] == 4
    for value in ("0", "-1", "many", "2.5"):
        with pytest.raises(Refused, match="use a whole number"):
            Builtins(project, "minikube", render, settings={"workers": value}).run()


def test_resources_that_are_named_are_the_only_ones(project: Path, render: Render) -> None:
    tiltfile = Builtins(project, "minikube", render, settings={"resources": ["server"]})
    tiltfile.run()
    assert tiltfile["config"].enabled == ["server"]


def test_each_button_belongs_to_a_resource_and_starts_its_command(tilt_up: TiltUp) -> None:
    calls = tilt_up("minikube")
    resources = {call.args[0] for name in ("k8s_resource", "local_resource") for call in calls[name] if call.args}
    buttons = {call.named["name"]: call.named for call in calls["ui_button"]}
    commands = {call.named["name"]: call.named for call in calls["cmd"]}
    assert buttons.keys() == commands.keys()
    assert [call.named["ui_buttons"] for call in calls["start_on_spec"]] == [[name] for name in buttons]
    for name, button in buttons.items():
        place = button["location"]["component_id"]
        assert place in resources
        assert commands[name]["annotations"]["tilt.dev/resource"] == place


def test_tilt_and_skaffold_forward_the_same_ports(project: Path, everything: list[Object], tilt_up: TiltUp) -> None:
    for name, port in HOST_PORTS.items():
        service = of_kind("Service", everything)[name]
        assert port in [declared["port"] for declared in service["spec"]["ports"]]
        deployment = of_kind("Deployment", everything)[name]
        ports = [declared for container in containers(deployment) for declared in container.get("ports", [])]
        assert port in [declared["containerPort"] for declared in ports]
    forwarded = {
        call.args[0]: forward.args
        for call in tilt_up("minikube")["k8s_resource"]
        if (forward := call.named.get("port_forwards"))
    }
    assert forwarded == {name: (port, port) for name, port in HOST_PORTS.items()}
    assert {
        forward["resourceName"]: (forward["localPort"], forward["port"]) for forward in skaffold(project)["portForward"]
    } == forwarded


def test_edits_are_synced_to_where_the_image_has_them(project: Path, tilt_up: TiltUp) -> None:
    for build in tilt_up("minikube")["docker_build"]:
        folder = build.args[1]
        if not build.named["live_update"]:
            assert all((project / folder / path).exists() for path in build.named["only"])
            continue
        workdir = dict(dockerfile(project, folder))["WORKDIR"]
        steps = {step.name: step.args for step in build.named["live_update"]}
        assert steps["sync"] == (folder, workdir)
        fallbacks = steps["fall_back_on"][0]
        for path in [fallbacks] if isinstance(fallbacks, str) else fallbacks:
            assert (project / path).exists()
    for artifact in skaffold(project)["build"]["artifacts"]:
        if "sync" in artifact:
            # A relative destination starts at the WORKDIR.
            assert {(rule["dest"], rule.get("strip")) for rule in artifact["sync"]["manual"]} == {(".", None)}


# In the server and in the load test.
SYNCED = [
    "a.py", "r.py", "re.txt", "report.txt", "readme.txt", "required.txt", "requires_login.txt", "data.txt", "x", "t",
    "e", "slo.toml", "plan.yaml", "requirements.toml", "requirements.dev.txt", "requirements-of-users.txt", "hosts",
    "page.html", "Docs", "Dockerfile.md", "Profile", "l/a.py", "li/a.py", "lib/a.py", "liv/a.py", "live/data.csv",
    "liver/a.py", "livesync2/a.py", "livesync_sync/a.py", "livesasync/a.py", "livestream_sync/a.py", "calc/a.py",
    "sync/a.py", "templates/page.html", "pages/deep/er/a.py", "pages/requirements.txt", "pages/Dockerfile",
]  # fmt: skip
REBUILT = {
    "server": ["Dockerfile", "requirements.txt"],
    "loadtest": [
        "Dockerfile", "requirements.txt", "requirements-otel.txt", "livesync/start.py", "livesync/deep/a.py",
    ],
}  # fmt: skip


def braces(pattern: str) -> list[str]:
    """The alternatives of a pattern with one pair of braces, or none."""
    before, _, rest = pattern.partition("{")
    inside, _, after = rest.partition("}")
    return [f"{before}{one}{after}" for one in inside.split(",")] if rest else [pattern]


def matches(path: str, pattern: str) -> bool:
    """As Skaffold matches: a star stands for a part of one name, two stars for any number of folders and a file.

    It negates a class of characters by a circumflex alone; in Python that is an exclamation mark.
    """
    pattern = pattern.replace("[!", "[[!]").replace("[^", "[!")
    folder, _, anything = pattern.partition("/")
    if anything == "**":
        return "/" in path and fnmatchcase(path.partition("/")[0], folder)
    return "/" not in path and fnmatchcase(path, pattern)


@pytest.mark.parametrize("folder", REBUILT)
def test_tilt_and_skaffold_sync_the_same_files(project: Path, tilt_up: TiltUp, folder: str) -> None:
    [build] = [call for call in tilt_up("minikube")["docker_build"] if call.args[0].endswith(f"-{folder}")]
    steps = {step.name: step.args for step in build.named["live_update"]}
    [fallbacks] = steps["fall_back_on"]
    # Tilt itself rebuilds after a change of the Dockerfile.
    by_tilt = [f"{folder}/Dockerfile", *([fallbacks] if isinstance(fallbacks, str) else fallbacks)]
    [artifact] = [a for a in skaffold(project)["build"]["artifacts"] if a["image"].endswith(f"-{folder}")]
    patterns = [one for rule in artifact["sync"]["manual"] for one in braces(rule["src"])]
    for path in SYNCED + REBUILT[folder]:
        rebuilt_by_tilt = any(f"{folder}/{path}/".startswith(f"{one}/") for one in by_tilt)
        synced_by_skaffold = any(matches(path, pattern) for pattern in patterns)
        assert (not rebuilt_by_tilt, synced_by_skaffold) == ((path in SYNCED),) * 2, path


@pytest.mark.parametrize("folder", REBUILT)
def test_what_is_saved_while_skaffold_builds_is_copied_if_it_is_synced(bake: Callable[..., Path], folder: str) -> None:
    project = bake()
    for path in SYNCED + REBUILT[folder]:
        (project / folder / path).parent.mkdir(parents=True, exist_ok=True)
        (project / folder / path).touch()
    listed = run(sys.executable, "-c", COPIED, folder, cwd=project).stdout.split()
    assert set(SYNCED) <= set(listed)
    assert not set(REBUILT[folder]) & set(listed)


COPIED = """
import sys
from tools.setup.saves import FOLDERS
[folder] = [folder for folder in FOLDERS if folder.name == sys.argv[1]]
print(*folder.files(), sep="\\n")
"""
