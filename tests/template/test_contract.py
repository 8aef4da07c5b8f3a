"""Names, ports, images and labels agree wherever they are written."""

import ast
import builtins
import copy
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.support.commands import run

Object = dict[str, Any]
Render = Callable[[Path], list[Object]]

LABELS = ["app.kubernetes.io/component", "app.kubernetes.io/name"]
ROLES = {
    "server": ("server", "api"),
    "locust-master": ("locust", "master"),
    "locust-worker": ("locust", "worker"),
}
CONTEXTS = ["docker-desktop", "minikube"]
HOST_PORTS = {"server": 8000, "locust-master": 8089}
OTHER_ANSWERS = {
    "project_slug": "shop-test",
    "target_host": "https://search.shop:9200/v2",
    "workers": "4",
}


@pytest.fixture(scope="module", params=[{}, OTHER_ANSWERS], ids=["default", "other"])
def answers(template: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    defaults = json.loads((template / "cookiecutter.json").read_text())
    return {**defaults, "project_slug": "load-lab", **request.param}


@pytest.fixture(scope="module")
def project(bake: Callable[..., Path], answers: dict[str, str]) -> Path:
    return bake(**{question: answers[question] for question in OTHER_ANSWERS})


@pytest.fixture(scope="module", params=CONTEXTS)
def objects(project: Path, render: Render, request: pytest.FixtureRequest) -> list[Object]:
    """What an overlay deploys."""
    return render(project / "k8s/overlays" / request.param)


@pytest.fixture(scope="module")
def everything(project: Path, render: Render) -> list[Object]:
    """What an overlay deploys when every component is switched on that is meant for one."""
    trial = project / "k8s/overlays/trial"
    trial.mkdir()
    kustomization = yaml.safe_load((project / "k8s/overlays/minikube/kustomization.yaml").read_text())
    components = [path.name for path in (project / "k8s/components").iterdir()]
    kustomization["components"] = [f"../../components/{name}" for name in components if name != "headless"]
    (trial / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return render(trial)


def of_kind(kind: str, objects: list[Object]) -> dict[str, Object]:
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == kind}


def containers(deployment: Object) -> list[Object]:
    pod = deployment["spec"]["template"]["spec"]
    return [*pod["containers"], *pod.get("initContainers", [])]


def port_names(deployment: Object) -> set[str]:
    return {port["name"] for container in containers(deployment) for port in container.get("ports", [])}


def selected(service: Object, objects: list[Object]) -> list[Object]:
    """The Deployments whose pods a Service reaches."""
    selector = service["spec"]["selector"].items()
    return [
        deployment
        for deployment in of_kind("Deployment", objects).values()
        if selector <= deployment["spec"]["template"]["metadata"]["labels"].items()
    ]


class Call:
    """A call that the Tiltfile makes: its name and arguments; it returns itself."""

    def __init__(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.name, self.args, self.named = name, args, named

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **named: Call(f"{self.name}.{name}", args, named)


class Refused(Exception):
    """What fail() raises."""


class Builtins(dict[str, Any]):
    """Names of a Tiltfile: those whose answer counts are here, all others record their calls."""

    def __init__(self, project: Path, context: str, render: Render) -> None:
        self.calls: dict[str, list[Call]] = {}
        self.project, self.render = project, render
        super().__init__(
            decode_yaml_stream=copy.deepcopy,
            encode_yaml_stream=lambda objects: objects,
            fail=self.fail,
            k8s_context=lambda: context,
            kustomize=self.kustomize,
            listdir=self.listdir,
            os=os,
        )

    def fail(self, message: str) -> None:
        raise Refused(message)

    def kustomize(self, folder: str) -> list[Object]:
        self.record("kustomize", folder)
        return self.render(self.project / folder)

    def listdir(self, folder: str, recursive: bool = False) -> list[str]:
        pattern = "**/*" if recursive else "*"
        return [str(path) for path in (self.project / folder).glob(pattern) if path.is_file()]

    def record(self, name: str, /, *args: Any, **named: Any) -> Call:
        call = Call(name, args, named)
        self.calls.setdefault(name, []).append(call)
        return call

    def __missing__(self, name: str) -> Callable[..., Call]:
        if hasattr(builtins, name):
            raise KeyError(name)
        return functools.partial(self.record, name)


TiltUp = Callable[[str], dict[str, list[Call]]]


@pytest.fixture(scope="module")
def tilt_up(project: Path, render: Render) -> TiltUp:
    """A function from the current context to the calls that the Tiltfile makes, by name."""

    @functools.cache
    def tilt_up(context: str) -> dict[str, list[Call]]:
        names = Builtins(project, context, render)
        exec(compile((project / "Tiltfile").read_text(), "Tiltfile", "exec"), names)
        return names.calls

    return tilt_up


def skaffold(project: Path) -> Object:
    config: Object = yaml.safe_load((project / "skaffold.yaml").read_text())
    return config


# --- cluster objects


def test_everything_is_in_one_namespace_named_after_the_slug(everything: list[Object], answers: dict[str, str]) -> None:
    slug = answers["project_slug"]
    assert list(of_kind("Namespace", everything)) == [slug]
    for item in everything:
        assert item["kind"] == "Namespace" or item["metadata"]["namespace"] == slug
        assert item["metadata"]["labels"]["app.kubernetes.io/part-of"] == slug


def test_the_overlays_deploy_these_objects(objects: list[Object]) -> None:
    assert sorted(of_kind("Deployment", objects)) == sorted(ROLES)
    assert {"server", "locust-master"} <= of_kind("Service", objects).keys()


def test_selectors_are_two_labels_that_the_pods_carry(everything: list[Object]) -> None:
    for name, deployment in of_kind("Deployment", everything).items():
        spec = deployment["spec"]
        labels = spec["selector"]["matchLabels"]
        assert sorted(labels) == LABELS
        assert (labels[LABELS[1]], labels[LABELS[0]]) == ROLES[name]
        assert labels.items() <= spec["template"]["metadata"]["labels"].items()
    for service in of_kind("Service", everything).values():
        assert sorted(service["spec"]["selector"]) == LABELS
        assert len(selected(service, everything)) == 1


def test_services_have_the_ports_that_people_rely_on(everything: list[Object]) -> None:
    services = of_kind("Service", everything)
    ports = {
        name: {port["name"]: port["port"] for port in service["spec"]["ports"]} for name, service in services.items()
    }
    assert ports.pop("server") == {"http": 8000}
    assert ports.pop("locust-master") == {"web": 8089, "master": 5557}
    assert ports == {"locust-web": {"web": 8089}}


def test_ports_are_referred_to_by_a_name_that_exists(everything: list[Object]) -> None:
    for service in of_kind("Service", everything).values():
        (deployment,) = selected(service, everything)
        targets = {port["targetPort"] for port in service["spec"]["ports"]}
        assert targets <= port_names(deployment)
    for deployment in of_kind("Deployment", everything).values():
        for container in containers(deployment):
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                for how in ("httpGet", "tcpSocket"):
                    if how in container.get(probe, {}):
                        assert container[probe][how]["port"] in port_names(deployment)


def test_only_the_web_ui_is_on_a_node_port(everything: list[Object]) -> None:
    services = of_kind("Service", everything)
    on_nodes = {
        (name, port["name"], port["nodePort"])
        for name, service in services.items()
        for port in service["spec"]["ports"]
        if "nodePort" in port
    }
    assert on_nodes == {("locust-web", "web", 30060)}
    for name, service in services.items():
        wanted = "NodePort" if name == "locust-web" else "ClusterIP"
        assert service["spec"].get("type", "ClusterIP") == wanted


def test_both_overlays_show_the_web_ui_and_sync(objects: list[Object]) -> None:
    assert "locust-web" in of_kind("Service", objects)
    for name in ("locust-master", "locust-worker"):
        (container,) = of_kind("Deployment", objects)[name]["spec"]["template"]["spec"]["containers"]
        command = [*container.get("command", []), *container.get("args", [])]
        assert "livesync" in command


def test_the_swarm_sends_its_requests_to_the_target(objects: list[Object], answers: dict[str, str]) -> None:
    (target,) = {item["data"]["LOCUST_HOST"] for item in of_kind("ConfigMap", objects).values()}
    assert target == answers["target_host"]
    if target != OTHER_ANSWERS["target_host"]:
        url = urlsplit(target)
        ports = of_kind("Service", objects)[url.hostname or ""]["spec"]["ports"]
        assert url.port in [port["port"] for port in ports]


def test_workers_look_for_the_master_where_its_service_is(
    everything: list[Object],
) -> None:
    worker = of_kind("Deployment", everything)["locust-worker"]
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    words = [*container.get("command", []), *container.get("args", [])]
    words += [f"{item['name']}={item.get('value')}" for item in container.get("env", [])]
    assert re.search(r"(--master-host|LOCUST_MASTER_NODE_HOST)[= ]locust-master\b", " ".join(words))
    assert "5558" not in str(everything)


def test_workers_are_one_number(project: Path, objects: list[Object], answers: dict[str, str]) -> None:
    deployments = of_kind("Deployment", objects)
    assert deployments["locust-worker"]["spec"]["replicas"] == int(answers["workers"])
    written = [
        path.relative_to(project).parts[:2]
        for path in (project / "k8s").rglob("*.yaml")
        if "trial" not in path.parts and "locust-worker\n    count:" in path.read_text()
    ]
    assert written == [("k8s", "overlays")] * 2


def test_nothing_sets_replicas_beside_the_autoscaler(everything: list[Object]) -> None:
    autoscaler = of_kind("HorizontalPodAutoscaler", everything)["server"]["spec"]
    assert autoscaler["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "server",
    }
    server = of_kind("Deployment", everything)["server"]
    assert "replicas" not in server["spec"]
    assert server["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]


def cores(quantity: str) -> float:
    return float(quantity.removesuffix("m")) / (1000 if quantity.endswith("m") else 1)


def test_containers_are_modest_and_not_throttled(everything: list[Object]) -> None:
    for deployment in of_kind("Deployment", everything).values():
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            resources = container["resources"]
            assert {"cpu", "memory"} <= resources["requests"].keys()
            assert "memory" in resources["limits"]
            assert cores(str(resources["limits"].get("cpu", "1"))) >= 1


def test_probes_tell_the_truth(everything: list[Object]) -> None:
    deployments = of_kind("Deployment", everything)
    for name, deployment in deployments.items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert "readinessProbe" in container or name == "locust-worker"
        if name == "server":
            assert container["readinessProbe"]["httpGet"]["path"] == "/healthz"
        else:
            # A test that runs is worth more than a restart of the master.
            assert "livenessProbe" not in container or name == "locust-worker"


def test_pods_run_without_root(everything: list[Object]) -> None:
    for deployment in of_kind("Deployment", everything).values():
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in containers(deployment):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False


def test_secrets_are_optional_environment_of_every_locust_pod(
    everything: list[Object],
) -> None:
    for name in ("locust-master", "locust-worker"):
        deployment = of_kind("Deployment", everything)[name]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        sources = [source.get("secretRef") for source in container["envFrom"]]
        assert {"name": "locust-env", "optional": True} in sources
    assert not of_kind("Secret", everything)


def test_a_headless_run_brings_its_own_objects_and_changes_no_others(
    project: Path, render: Render, answers: dict[str, str]
) -> None:
    folder = project / "reports/run"
    folder.mkdir(parents=True)
    script = (
        "from tools.runs import in_cluster as r; import pathlib; "
        "r.write_kustomization('minikube', pathlib.Path('reports/run'), 'new', {})"
    )
    settings = {
        "LOCUST_USERS": "5",
        "LOCUST_EXPECT_WORKERS": "3",
        "LOCUST_PLAN": """"a" 'b' = c\"""",
        "LOCUST_OFF": "'x'",
    }
    environment = os.environ | settings | {"LOCUST_MODE_WORKER": "1"}
    subprocess.run([sys.executable, "-c", script], cwd=project, env=environment, check=True)
    label = {"app.kubernetes.io/name": "locust-headless"}
    objects = [item for item in render(folder) if label.items() <= item["metadata"].get("labels", {}).items()]
    assert {item["metadata"]["namespace"] for item in objects} == {answers["project_slug"]}
    jobs = of_kind("Job", objects)
    assert sorted(item["kind"] for item in objects) == ["ConfigMap", "Job", "Job", "Service"]
    assert jobs["locust-headless-worker"]["spec"]["parallelism"] == 3
    (settings_of_run,) = of_kind("ConfigMap", objects).values()
    assert settings_of_run["data"].items() >= settings.items()
    assert "LOCUST_MODE_WORKER" not in settings_of_run["data"]
    for job in jobs.values():
        assert job["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
        assert {container["image"].rpartition(":")[2] for container in containers(job)} == {"new"}
        (locust,) = job["spec"]["template"]["spec"]["containers"]
        assert locust["envFrom"][0]["configMapRef"]["name"] == settings_of_run["metadata"]["name"]
    (service,) = of_kind("Service", objects).values()
    assert (
        service["spec"]["selector"].items() <= jobs["locust-headless"]["spec"]["template"]["metadata"]["labels"].items()
    )
    assert service["spec"]["ports"][0]["port"] == 5557


# --- images


def dockerfile(project: Path, folder: str) -> list[tuple[str, str]]:
    """Instructions with their arguments, continued lines joined."""
    text = re.sub(r"\\\n", " ", (project / folder / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines]


@pytest.mark.parametrize("folder", ["server", "loadtest"])
def test_images_need_nothing_but_python(project: Path, folder: str) -> None:
    instructions = dockerfile(project, folder)
    bases = {argument.split()[0] for word, argument in instructions if word == "FROM"}
    assert bases == {"python:3.13-slim"}
    last = dict(instructions)
    assert last["WORKDIR"] == f"/{folder}"
    assert last["USER"].partition(":")[0] == "10001"
    started = last.get("ENTRYPOINT", last.get("CMD", ""))
    assert isinstance(ast.literal_eval(started), list)
    # Only BuildKit knows these.
    assert not re.search(r"^RUN --|<<EOF|^# syntax", (project / folder / "Dockerfile").read_text(), re.MULTILINE)


def test_manifests_tilt_and_skaffold_use_the_same_images(
    project: Path, everything: list[Object], answers: dict[str, str], tilt_up: TiltUp
) -> None:
    slug = answers["project_slug"]
    images = {f"{slug}-server": "server", f"{slug}-loadtest": "loadtest"}
    used = [
        container for deployment in of_kind("Deployment", everything).values() for container in containers(deployment)
    ]
    assert {container["image"].partition(":")[0] for container in used} == images.keys()
    # Without a tag it means latest, which Kubernetes would always pull.
    assert {container["imagePullPolicy"] for container in used} == {"IfNotPresent"}
    calls = tilt_up("docker-desktop")
    # Workers that live sync supplies have an image of their own, without the files that are saved.
    workers = {f"{slug}-loadtest-worker": "loadtest"}
    assert {call.args[0]: call.args[1] for call in calls["docker_build"]} == images | workers
    deployed = of_kind("Deployment", calls["k8s_yaml"][0].args[0])
    assert {containers(deployed["locust-worker"])[0]["image"]} == workers.keys()
    assert {artifact["image"]: artifact["context"] for artifact in skaffold(project)["build"]["artifacts"]} == images


# --- Tiltfile and skaffold.yaml


def test_tilt_and_skaffold_deploy_the_overlay_of_the_context(project: Path, tilt_up: TiltUp) -> None:
    config = skaffold(project)
    profiles = [profile for profile in config["profiles"] if "manifests" in profile]
    overlays = {part["deploy"]["kubeContext"]: part["manifests"]["kustomize"]["paths"] for part in [config, *profiles]}
    assert overlays == {context: [f"k8s/overlays/{context}"] for context in CONTEXTS}
    for context in CONTEXTS:
        assert [call.args[0] for call in tilt_up(context)["kustomize"]] == overlays[context]


def test_tilt_refuses_any_other_context_and_says_what_to_do(tilt_up: TiltUp) -> None:
    with pytest.raises(Refused, match=r"kubectl config use-context (docker-desktop|minikube)"):
        tilt_up("production")


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
        names = Builtins(project, context, render)
        exec(compile((project / "Tiltfile").read_text(), "Tiltfile", "exec"), names)
        assert [call.args[0] for call in names.calls["docker_build"]] == [
            "livesync-lab-server",
            "livesync-lab-loadtest",
        ]


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
        # A relative destination starts at the WORKDIR.
        assert {(rule["dest"], rule.get("strip")) for rule in artifact["sync"]["manual"]} == {(".", None)}


SYNCED = [
    "locustfile.py", "r.py", "re.txt", "report.txt", "readme.txt", "data.txt", "x", "slo.toml", "headless.toml",
    "plan.yaml", "requirements.toml", "hosts", "l/a.py", "li/a.py", "lib/a.py", "liv/a.py", "live/data.csv",
    "liver/a.py", "livesync2/a.py", "calc/a.py", "sync/a.py", "tests/data.json", "pages/deep/er/a.py",
]  # fmt: skip
REBUILT = ["requirements.txt", "livesync/start.py", "livesync/deep/a.py"]


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


def test_tilt_and_skaffold_sync_the_same_files(project: Path, tilt_up: TiltUp) -> None:
    [build] = [call for call in tilt_up("minikube")["docker_build"] if call.args[0].endswith("-loadtest")]
    steps = {step.name: step.args for step in build.named["live_update"]}
    fallbacks = [path.removeprefix("loadtest/") for path in steps["fall_back_on"][0]]
    assert fallbacks == ["requirements.txt", "livesync"]
    [artifact] = [a for a in skaffold(project)["build"]["artifacts"] if a["image"].endswith("-loadtest")]
    patterns = [one for rule in artifact["sync"]["manual"] for one in braces(rule["src"])]
    for path in SYNCED + REBUILT:
        by_tilt = not any(path == one or path.startswith(f"{one}/") for one in fallbacks)
        by_skaffold = any(matches(path, pattern) for pattern in patterns)
        assert (by_tilt, by_skaffold) == ((path in SYNCED),) * 2, path


# --- documents


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
    wanted = f"--context {context} delete namespace {answers['project_slug']} --ignore-not-found --timeout=120s\n"
    assert (cleaned.returncode == 0, calls) == (deletes, wanted if deletes else "")
