"""Run the load test to its end as a Job, beside what runs in the cluster: `make headless`.

The image is built from the working tree. What loadtest/headless.toml says may be set in the environment, such as
LOCUST_USERS=50. What Locust leaves comes into reports/<time>, and its verdict is the exit code.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cluster import Problem, current_context, kubectl, last_line, require_allowed
from images import docker_of
from reports import new_folder, show_verdict
from settings import WORKERS, describe_environment, expected_workers, from_environment

PROJECT = Path(__file__).parents[1]
NAMESPACE = "{{ cookiecutter.project_slug }}"
IMAGE = "{{ cookiecutter.project_slug }}-loadtest"
LABEL = "app.kubernetes.io/name=locust-headless"
KINDS = "jobs,services,configmaps"
CLAIM = "locust-headless-claim"
MASTER = f"{LABEL},app.kubernetes.io/component=master"

START_LIMIT = 60
"""Seconds that the master may take to start; its image is on the node already."""

END_LIMIT = 90
"""Seconds that the pods may take to go: some more than their grace period."""

INDEX = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
"""An index of your own reaches the build as it reaches pip."""

PROGRESS = re.compile(r" *(?P<seconds>\d+) s  \d+ users")


def prepare(context: str) -> str:
    """Build the image, claim the project for a run, and return the image's tag. Raises Problem."""
    for signum in (signal.SIGINT, signal.SIGTERM):  # the first is ignored in what a script starts in the background
        signal.signal(signum, signal.default_int_handler)
    expected_workers()
    print(describe_environment(), flush=True)
    require_room(context)
    tag = build(context)
    claim(context)
    return tag


def run(context: str, folder: Path, tag: str, settings: dict[str, str]) -> int:
    """Run Locust with these settings, as its environment, until it ends; then its reports are in `folder`.

    Returns its exit code: 0 where the verdict is good. Ctrl-C ends the test, not the report. Raises Problem.
    """
    write_kustomization(context, folder, tag, settings)
    try:
        in_namespace(context, "apply", "--kustomize", str(folder), "--selector", LABEL)
        pod = started_master(context)
        try:
            follow(context, pod)
        except KeyboardInterrupt:
            print("\nThe test ends here, and its reports are fetched.")
            in_namespace(context, "exec", pod, "--container", "locust-master", "--", "sh", "-c", "kill -INT 1")
            follow(context, pod, "--tail", "0")
        return collect(context, pod, folder)
    finally:
        delete(context)


def require_room(context: str) -> None:
    """Raise Problem if nothing is deployed or another run is active; remove what is left of a run that nobody collected."""
    require_allowed(context)
    if kubectl(context, "get", "namespace", NAMESPACE).returncode:
        raise Problem(f"Nothing of this project runs in context {context}: `tilt up` or `skaffold run` first.")
    found = json.loads(in_namespace(context, "get", KINDS, "--selector", LABEL, "--output", "json"))["items"]
    if any(map(is_active, found)):
        raise Problem(another_run(context))
    if found:
        delete(context)


def is_active(item: dict[str, Any]) -> bool:
    """Whether it is a Job that has not ended, or a claim whose Jobs may not be there yet."""
    if item["kind"] == "Job":
        conditions = item["status"].get("conditions", [])
        return not any(condition["type"] in ("Complete", "Failed") for condition in conditions)
    if item["metadata"]["name"] != CLAIM:
        return False
    age = datetime.now(UTC) - datetime.fromisoformat(item["metadata"]["creationTimestamp"])
    return age.total_seconds() < START_LIMIT


def claim(context: str) -> None:
    """Create the object that only one run can create. Raises Problem if another run was faster."""
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
        "Another headless run is under way: wait for it, or end it with "
        f"kubectl --context {context} --namespace {NAMESPACE} delete {KINDS} --selector {LABEL}"
    )


def build(context: str) -> str:
    """Build the image of the working tree where the nodes of this context look for it, and return its tag."""
    environment = os.environ | docker_of(context)
    arguments = [word for name in INDEX if name in environment for word in ("--build-arg", name)]
    if not shutil.which("docker"):
        raise Problem("docker is missing: install it and see that it is in PATH.")
    command = ["docker", "build", "--quiet", *arguments, "loadtest"]
    built = subprocess.run(command, cwd=PROJECT, env=environment, text=True, stdout=subprocess.PIPE, check=False)
    if built.returncode:
        raise Problem("The image could not be built: see what Docker says above.")
    tag = built.stdout.strip().removeprefix("sha256:")
    subprocess.run(["docker", "tag", tag, f"{IMAGE}:{tag}"], env=environment, check=True)
    return tag


def write_kustomization(context: str, folder: Path, tag: str, settings: dict[str, str]) -> None:
    """Write down what runs, for kubectl and for the reader of the report: the overlay, the component, the settings."""
    label, name = LABEL.split("=")
    settings = settings | from_environment()
    workers = expected_workers()
    settings[WORKERS] = str(workers)
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
    # JSON is YAML.
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=2) + "\n", encoding="utf-8")


def started_master(context: str) -> str:
    """The name of the master's pod, once Locust runs in it or has ended."""
    deadline = time.monotonic() + START_LIMIT
    state: dict[str, Any] = {}
    while time.monotonic() < deadline:
        for pod in json.loads(in_namespace(context, "get", "pods", "--selector", MASTER, "--output", "json"))["items"]:
            state = locust_state(pod)
            if "waiting" not in state:
                return str(pod["metadata"]["name"])
        time.sleep(0.5)
    reason = state.get("waiting", {}).get("reason", "it has no pod")
    raise Problem(
        f"The master did not start within {START_LIMIT} s ({reason}): "
        f"see kubectl --context {context} --namespace {NAMESPACE} get events"
    )


def locust_state(pod: dict[str, Any]) -> dict[str, Any]:
    """What Kubernetes says of Locust's container: waiting, running or terminated, with more about it."""
    states: list[dict[str, Any]] = [status["state"] for status in pod["status"].get("containerStatuses", [])]
    return states[0] if states else {"waiting": {"reason": "no node has taken it"}}


def follow(context: str, pod: str, *options: str) -> None:
    """Print what Locust says until it has ended, also if the connection to the cluster drops meanwhile."""
    words = ["logs", "--follow", pod, "--container", "locust-master", *options]
    command = ["kubectl", "--context", context, "--namespace", NAMESPACE, *words]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as log:
        for line in log.stdout or ():
            show(line.rstrip())
    if "running" in locust_state(json.loads(in_namespace(context, "get", "pod", pod, "--output", "json"))):
        time.sleep(1)
        follow(context, pod, "--since=2s")


def show(line: str) -> None:
    """Print a line; on a terminal, progress stays in one, and elsewhere it is told every ten seconds."""
    progress = PROGRESS.match(line)
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="" if progress else "\n", flush=True)
    elif not progress or int(progress["seconds"]) % 10 == 0:
        print(line, flush=True)


def collect(context: str, pod: str, folder: Path) -> int:
    """Fetch the reports, let the pod go, and return Locust's exit code."""
    command = ["kubectl", "--context", context, "--namespace", NAMESPACE, "exec", pod, "--container", "reports", "--"]
    with subprocess.Popen([*command, "tar", "cf", "-", "-C", "/reports", "."], stdout=subprocess.PIPE) as sent:
        try:
            with tarfile.open(fileobj=sent.stdout, mode="r|") as archive:
                archive.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise Problem(f"The reports of {pod} did not arrive ({error}): is the pod still there?") from error
    code = exit_code(context, pod)
    in_namespace(context, "exec", pod, "--container", "reports", "--", "touch", "/reports/.collected")
    return code


def exit_code(context: str, pod: str) -> int:
    """Locust's, which Kubernetes tells a moment after its last words."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        state = locust_state(json.loads(in_namespace(context, "get", "pod", pod, "--output", "json")))
        if "terminated" in state:
            return int(state["terminated"]["exitCode"])
        time.sleep(0.5)
    raise Problem(f"Kubernetes does not say how {pod} ended: the reports are there, the verdict is in summary.md")


def delete(context: str) -> None:
    words = [KINDS, "--selector", LABEL, "--cascade=foreground"]
    in_namespace(context, "delete", *words, seconds=END_LIMIT)


def in_namespace(context: str, *words: str, seconds: int = 30) -> str:
    """What kubectl says in the project's namespace; raises Problem where it fails."""
    done = kubectl(context, "--namespace", NAMESPACE, *words, seconds=seconds)
    if done.returncode:
        raise Problem(f"kubectl {words[0]} failed in context {context}: {last_line(done.stderr)}")
    return done.stdout


def main(context: str = "") -> int | str:
    """Run in that context or the current one; Locust's exit code, or what stands in the way."""
    try:
        context = context or current_context()
        tag = prepare(context)
        folder = new_folder()
        code = run(context, folder, tag, {})
    except Problem as problem:
        return str(problem)
    except KeyboardInterrupt:
        return "Interrupted before the test began."
    show_verdict(folder)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
