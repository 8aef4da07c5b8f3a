"""`make headless`: runs the load test to completion in the cluster, as Jobs beside what is deployed.

The image is built from the working tree. The reports come into `reports/<time>`; the exit code is that of the verdict.
"""

import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from ..problem import Problem
from ..setup.contexts import allowed_context, kubectl, last_line
from ..setup.images import build_arguments, docker_of, load
from ..setup.nodes import loads_images
from . import progress, reports
from .report_folders import new_folder, read_verdict
from .settings import WORKERS, describe_environment, expected_workers, from_environment, require_valid

PROJECT = Path(__file__).parents[2]
NAMESPACE = "{{ cookiecutter.project_slug }}"
IMAGE = "{{ cookiecutter.project_slug }}-loadtest"
LABEL = "app.kubernetes.io/name=locust-headless"
KINDS = "jobs,services,configmaps"
CLAIM = "locust-headless-claim"
MASTER = f"{LABEL},app.kubernetes.io/component=master"

START_TIMEOUT = 60
"""Seconds that the master may take to start; its image is on the node already."""

DELETE_TIMEOUT = 90
"""Seconds that the pods may take to be deleted, which is more than their grace period."""


def main(context: str) -> int:
    """Run in a context, by default the current one, and return the exit code. Raises Problem."""
    context = allowed_context(context)
    tag = prepare(context, {})
    folder = new_folder()
    run(context, folder, tag, {})
    return reports.publish(folder, read_verdict(folder))


def prepare(context: str, settings: dict[str, str]) -> str:
    """Check the settings, build the image, claim the project for a run, and return the image's tag. Raises Problem."""
    for signum in (signal.SIGINT, signal.SIGTERM):  # a shell ignores SIGINT in what it starts in the background
        signal.signal(signum, signal.default_int_handler)
    expected_workers()
    require_valid(settings)
    print(describe_environment(), flush=True)
    require_idle_project(context)
    tag = build(context)
    claim(context)
    return tag


def run(context: str, folder: Path, tag: str, settings: dict[str, str]) -> None:
    """Run Locust until it exits, and fetch its reports into `folder`; `settings` are environment variables.

    Ctrl-C ends the test, and the reports are still fetched. Raises Problem.
    """
    write_kustomization(context, folder, tag, settings)
    try:
        in_namespace(context, "apply", "--kustomize", str(folder), "--selector", LABEL)
        pod = started_master(context)
        try:
            follow(context, pod)
        except KeyboardInterrupt:
            print("\nThe test ends now, and its reports are fetched.", flush=True)
            in_namespace(context, "exec", pod, "--container", "locust-master", "--", "sh", "-c", "kill -INT 1")
            follow(context, pod, "--tail=0")
        collect(context, pod, folder)
    finally:
        delete(context)


def require_idle_project(context: str) -> None:
    """Raise Problem if nothing is deployed or another run is active; delete what an earlier run left behind."""
    if kubectl(context, "get", "namespace", NAMESPACE).returncode:
        raise Problem(f"This project is not deployed in context {context}: run `tilt up` or `skaffold run` first.")
    found = json.loads(in_namespace(context, "get", KINDS, "--selector", LABEL, "--output", "json"))["items"]
    if any(map(is_active, found)):
        raise Problem(another_run(context))
    if found:
        delete(context)


def is_active(item: dict[str, Any]) -> bool:
    """Whether it is a Job that has not ended, or a claim whose Jobs may not have been created yet."""
    if item["kind"] == "Job":
        conditions = item["status"].get("conditions", [])
        return not any(condition["type"] in ("Complete", "Failed") for condition in conditions)
    if item["metadata"]["name"] != CLAIM:
        return False
    age = datetime.now(UTC) - datetime.fromisoformat(item["metadata"]["creationTimestamp"])
    return age.total_seconds() < START_TIMEOUT


def claim(context: str) -> None:
    """Create an object whose name only one run can have. Raises Problem if another run was first."""
    label, name = LABEL.split("=")
    metadata = {"name": CLAIM, "labels": {label: name}}
    with NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, file)
        file.flush()
        created = kubectl(context, "--namespace", NAMESPACE, "create", "--filename", file.name)
    if "AlreadyExists" in created.stderr:
        raise Problem(another_run(context))
    if created.returncode:
        raise Problem(f"kubectl create failed in context {context}: {last_line(created.stderr)}")


def another_run(context: str) -> str:
    return (
        "Another headless run is active: wait for its end, or stop it with "
        f"kubectl --context {context} --namespace {NAMESPACE} delete {KINDS} --selector {LABEL}"
    )


def build(context: str) -> str:
    """Build the image of the working tree in the Docker of the context's nodes, and return its tag."""
    if not shutil.which("docker"):
        raise Problem("docker is missing: install it, and make sure that it is in PATH.")
    environment = os.environ | docker_of(context)
    command = ["docker", "build", "--quiet", *build_arguments(environment), "loadtest"]
    built = subprocess.run(command, cwd=PROJECT, env=environment, text=True, stdout=subprocess.PIPE, check=False)
    if built.returncode:
        raise Problem("The image could not be built: see the output of Docker above.")
    tag = built.stdout.strip().removeprefix("sha256:")
    subprocess.run(["docker", "tag", tag, f"{IMAGE}:{tag}"], env=environment, check=True)
    if loads_images(context):
        load(context, f"{IMAGE}:{tag}")
    return tag


def write_kustomization(context: str, folder: Path, tag: str, settings: dict[str, str]) -> None:
    """Write what is applied: the overlay of the context, the component headless, the image and the settings."""
    label, name = LABEL.split("=")
    workers = expected_workers()
    settings = settings | from_environment() | {WORKERS: str(workers)}
    parallelism = json.dumps([{"op": "replace", "path": "/spec/parallelism", "value": workers}])
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "labels": [{"pairs": {"app.kubernetes.io/part-of": NAMESPACE}, "includeTemplates": True}],
        "resources": [f"../../k8s/overlays/{context}"],
        "components": ["../../k8s/components/headless"],
        "images": [{"name": IMAGE, "newTag": tag}],
        "configMapGenerator": [
            {
                "name": "locust",
                "namespace": NAMESPACE,
                "behavior": "merge",
                # Kustomize removes one pair of quotes.
                "literals": [f"{key}='{value}'" for key, value in sorted(settings.items())],
                "options": {"labels": {label: name}},
            }
        ],
        "patches": [{"target": {"kind": "Job", "name": "locust-headless-worker"}, "patch": parallelism}],
    }
    # JSON is valid YAML.
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=2) + "\n", encoding="utf-8")


def started_master(context: str) -> str:
    """The name of the master's pod, once Locust's container has started. Raises Problem after the timeout."""
    deadline = time.monotonic() + START_TIMEOUT
    state: dict[str, Any] = {}
    while time.monotonic() < deadline:
        for pod in json.loads(in_namespace(context, "get", "pods", "--selector", MASTER, "--output", "json"))["items"]:
            state = container_state(pod)
            if "waiting" not in state:
                return str(pod["metadata"]["name"])
        time.sleep(0.5)
    reason = state.get("waiting", {}).get("reason", "it has no pod")
    raise Problem(
        f"The master did not start within {START_TIMEOUT} s ({reason}): "
        f"see kubectl --context {context} --namespace {NAMESPACE} get events"
    )


def container_state(pod: dict[str, Any]) -> dict[str, Any]:
    """The state of Locust's container: a dictionary with the one key waiting, running or terminated."""
    states: list[dict[str, Any]] = [status["state"] for status in pod["status"].get("containerStatuses", [])]
    return states[0] if states else {"waiting": {"reason": "not scheduled"}}


def follow(context: str, pod: str, *options: str) -> None:
    """Show the output of Locust until its container has ended, also if the connection drops in the meantime."""
    while True:
        words = ["logs", "--follow", pod, "--container", "locust-master", *options]
        command = ["kubectl", "--context", context, "--namespace", NAMESPACE, *words]
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as log:
            for line in log.stdout or ():
                progress.show(line.rstrip())
        if "running" not in container_state(json.loads(in_namespace(context, "get", "pod", pod, "--output", "json"))):
            return
        time.sleep(1)
        options = ("--since=2s",)


def collect(context: str, pod: str, folder: Path) -> None:
    """Fetch the reports, and let the pod end, which waits for this. Raises Problem if they do not arrive."""
    command = ["kubectl", "--context", context, "--namespace", NAMESPACE, "exec", pod, "--container", "reports", "--"]
    with subprocess.Popen([*command, "tar", "cf", "-", "-C", "/reports", "."], stdout=subprocess.PIPE) as sent:
        try:
            with tarfile.open(fileobj=sent.stdout, mode="r|") as archive:
                archive.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise Problem(
                f"The reports of pod {pod} did not arrive ({error}): check that the pod still exists."
            ) from error
    in_namespace(context, "exec", pod, "--container", "reports", "--", "touch", "/reports/.collected")


def delete(context: str) -> None:
    words = [KINDS, "--selector", LABEL, "--cascade=foreground"]
    in_namespace(context, "delete", *words, timeout=DELETE_TIMEOUT)


def in_namespace(context: str, *words: str, timeout: int = 30) -> str:
    """The output of kubectl in the project's namespace. Raises Problem if it fails."""
    done = kubectl(context, "--namespace", NAMESPACE, *words, timeout=timeout)
    if done.returncode:
        raise Problem(f"kubectl {words[0]} failed in context {context}: {last_line(done.stderr)}")
    return done.stdout
