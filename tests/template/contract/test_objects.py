"""The objects of the cluster: names, ports, selectors, security and the headless run agree."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.template.contract.objects import (
    LABELS,
    OTHER_ANSWERS,
    ROLES,
    Object,
    Render,
    containers,
    of_kind,
    port_names,
    selected,
)


def test_everything_is_in_one_namespace_named_after_the_slug(everything: list[Object], answers: dict[str, str]) -> None:
    slug = answers["project_slug"]
    assert list(of_kind("Namespace", everything)) == [slug]
    for item in everything:
        assert item["kind"] in ("Namespace", "PriorityClass") or item["metadata"]["namespace"] == slug
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


def assert_restricted(workload: Object) -> None:
    """The pods fit the Pod Security Standard `restricted`, and none can change a file of its image."""
    pod = workload["spec"]["template"]["spec"]
    assert (
        pod["securityContext"].items() >= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}.items()
    )
    assert pod["automountServiceAccountToken"] is False
    assert not [name for name in pod if name.startswith("host")]
    for container in containers(workload):
        security = container["securityContext"]
        assert security == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    for volume in pod["volumes"]:
        assert volume.keys() == {"name", "emptyDir"}
        assert volume["emptyDir"]["sizeLimit"]


def test_the_strictest_pod_security_standard_is_enforced(everything: list[Object]) -> None:
    (namespace,) = of_kind("Namespace", everything).values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for deployment in of_kind("Deployment", everything).values():
        assert_restricted(deployment)


def test_secrets_are_optional_environment_of_every_locust_pod(
    everything: list[Object],
) -> None:
    for name in ("locust-master", "locust-worker"):
        deployment = of_kind("Deployment", everything)[name]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        sources = [source.get("secretRef") for source in container["envFrom"]]
        assert {"name": "locust-env", "optional": True} in sources
    assert not of_kind("Secret", everything)


PULSE = {"LOCUST_LABEL": "a 'b' = c"}
"""Settings of pulse.toml, as variables."""


def test_a_headless_run_brings_its_own_objects_and_changes_no_others(
    project: Path, render: Render, answers: dict[str, str]
) -> None:
    folder = project / "reports/run"
    folder.mkdir(parents=True)
    script = (
        "from tools.runs.run_manifests import kustomization_of_run, secret_of_run; import json; "
        "run = kustomization_of_run('minikube', 'registry/image:new', PULSE, [{'kind': 'PriorityClass'}], 90000); "
        "print(json.dumps([run, secret_of_run()]))"
    ).replace("PULSE", repr(PULSE))
    settings = {
        "LOCUST_USERS": "5",
        "LOCUST_EXPECT_WORKERS": "3",
        "LOCUST_PLAN": """"a" 'b' = c\"""",
        "LOCUST_OFF": "'x'",
    }
    environment = os.environ | settings | {"LOCUST_MODE_WORKER": "1"}
    written = subprocess.run(
        [sys.executable, "-c", script], cwd=project, env=environment, check=True, stdout=subprocess.PIPE
    )
    kustomization, secret = json.loads(written.stdout)
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    label = {"app.kubernetes.io/name": "locust-headless"}
    objects = [item for item in render(folder) if label.items() <= item["metadata"].get("labels", {}).items()]
    assert {item["metadata"]["namespace"] for item in objects} == {answers["project_slug"]}
    jobs = of_kind("Job", objects)
    assert sorted(item["kind"] for item in objects) == ["ConfigMap", "Job", "Job", "Service"]
    assert jobs["locust-headless-worker"]["spec"]["parallelism"] == 3
    (settings_of_run,) = of_kind("ConfigMap", objects).values()
    assert settings_of_run["data"].items() >= PULSE.items() | {"LOCUST_EXPECT_WORKERS": "3"}.items()
    # Any variable may be secret, so they are in a Secret, and in no file.
    assert secret["stringData"].items() >= settings.items()
    assert "LOCUST_MODE_WORKER" not in secret["stringData"]
    assert "LOCUST_PLAN" not in json.dumps(kustomization)
    assert secret["metadata"]["labels"] == label | {"app.kubernetes.io/part-of": answers["project_slug"]}
    for job in jobs.values():
        assert_restricted(job)
        assert {container["image"] for container in containers(job)} == {"registry/image:new"}
        assert job["spec"]["template"]["spec"]["priorityClassName"] == answers["project_slug"]
        assert job["spec"]["activeDeadlineSeconds"] > 90000
        assert all(container["resources"]["limits"].keys() == {"cpu", "memory"} for container in containers(job))
        (locust,) = job["spec"]["template"]["spec"]["containers"]
        assert locust["envFrom"][0]["configMapRef"]["name"] == settings_of_run["metadata"]["name"]
        assert locust["envFrom"][-1] == {"secretRef": {"name": secret["metadata"]["name"]}}
    (service,) = of_kind("Service", objects).values()
    assert (
        service["spec"]["selector"].items() <= jobs["locust-headless"]["spec"]["template"]["metadata"]["labels"].items()
    )
    assert service["spec"]["ports"][0]["port"] == 5557
