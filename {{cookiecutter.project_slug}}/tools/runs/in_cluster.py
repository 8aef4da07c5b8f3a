"""`make headless`: runs the load test to completion in the cluster, as Jobs beside what is deployed.

The image is built from the working tree, unless IMAGE names one in a registry. The reports come into `reports/<time>`;
the exit code is that of the verdict.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ..interruption import interrupt_on_signals
from ..problem import Problem
from ..setup import clean
from ..setup.contexts import (
    NAMESPACE,
    allowed_context,
    kubectl,
    last_line,
    require_remote_allowed,
    update_namespace,
)
from . import progress, reports
from .report_folders import new_folder, read_verdict
from .run_manifests import LABEL, delivered_image, kustomization_of_run, secret_of_run, start_timeout
from .settings import RunSettings, describe_environment, expected_workers, valid_settings
from .target import Json, rendered, require_allowed_by_policy, require_target, target_service

KINDS = "jobs,services,configmaps,secrets"
MASTER = f"{LABEL},app.kubernetes.io/component=master"
WORKERS = f"{LABEL},app.kubernetes.io/component=worker"

CLAIM_TIMEOUT = 60
"""Seconds from the claim of a run until its Jobs exist; an older claim without Jobs is left from a run that was killed."""

PULL_FAILURES = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}

RECONNECT_TIMEOUT = 60
"""Seconds for which the cluster may not answer during a run; the reports can be collected as long after its end."""

DELETE_TIMEOUT = 90
"""Seconds that the pods may take to be deleted, which is more than their grace period."""


def main(context: str) -> int:
    """Run in a context, by default the current one, and return the exit code. Raises Problem."""
    context = allowed_context(context)
    settings = valid_settings()
    with prepared(context, settings) as (folder, kustomization):
        run(context, folder, kustomization)
    return reports.publish(folder, read_verdict(folder))


@contextmanager
def prepared(context: str, settings: RunSettings, kind: str = "") -> Iterator[tuple[Path, Json]]:
    """Check what a run needs, get its image to the nodes, and claim the project; yield the run's folder and kustomization.

    `kind` is the end of the folder's name. Raises Problem.
    """
    interrupt_on_signals()
    expected_workers()
    require_remote_allowed(context)
    print(describe_environment(), flush=True)
    objects = rendered(context)
    require_target(context, target_service(objects))
    require_allowed_by_policy(objects)
    require_idle_project(context)
    image = delivered_image(context)
    kustomization = kustomization_of_run(context, image, settings.variables, objects, settings.run_time)
    folder = new_folder(kind)
    with project_namespace(context):
        claim(context)
        yield folder, kustomization


@contextmanager
def project_namespace(context: str) -> Iterator[None]:
    """The namespace of the project, and what it needs outside of it.

    If this run created the namespace, it is deleted afterwards, unless something else is in it by then.
    """
    exists = kubectl(context, "get", "namespace", NAMESPACE).returncode == 0
    update_namespace(context)
    try:
        yield
    finally:
        if not exists:
            print(f"Deleting namespace {NAMESPACE}, which this run created", flush=True)
            delete_namespace_or_say_so(context)


def run(context: str, folder: Path, kustomization: Json) -> None:
    """Run Locust until it exits, and fetch its reports into `folder`.

    Ctrl-C ends the test, and the reports are still fetched. Raises Problem.
    """
    try:
        # JSON is valid YAML.
        (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=2) + "\n", encoding="utf-8")
        in_namespace(context, "apply", "--kustomize", str(folder), "--selector", LABEL)
        pod = started_master(context)
        try:
            follow_until_interrupted(context, pod)
        except Problem as problem:
            # The run may have ended since, and then its reports are there.
            print(problem, flush=True)
        collect(context, pod, folder)
        if not (folder / "verdict.json").exists():
            show_workers(context)
    finally:
        delete_or_say_so(context)


def require_idle_project(context: str) -> None:
    """Raise Problem if another run is active; delete what an earlier run left behind."""
    found = json.loads(in_namespace(context, "get", KINDS, "--selector", LABEL, "--output", "json"))["items"]
    if any(map(is_active, found)):
        raise Problem(another_run(context))
    if found:
        delete(context)


def is_active(item: Json) -> bool:
    """Whether it is a Job that has not ended, or a claim whose Jobs may not have been created yet."""
    if item["kind"] == "Job":
        conditions = item["status"].get("conditions", [])
        return not any(condition["type"] in ("Complete", "Failed") for condition in conditions)
    if item["kind"] != "Secret":
        return False
    age = datetime.now(UTC) - datetime.fromisoformat(item["metadata"]["creationTimestamp"])
    return age.total_seconds() < CLAIM_TIMEOUT


def claim(context: str) -> None:
    """Create the Secret of the run, whose name only one run can have. Raises Problem if another run was first."""
    secret = json.dumps(secret_of_run())
    created = kubectl(context, "--namespace", NAMESPACE, "create", "--filename", "-", stdin=secret)
    if "AlreadyExists" in created.stderr:
        raise Problem(another_run(context))
    require_success(created, "create", context)


def another_run(context: str) -> str:
    return f"Another headless run is active: wait for its end, or stop it with {delete_command(context)}"


def delete_command(context: str) -> str:
    return f"kubectl --context {context} --namespace {NAMESPACE} delete {KINDS} --selector {LABEL}"


def started_master(context: str) -> str:
    """The name of the master's pod, once Locust's container has started. Raises Problem after the timeout."""
    timeout = start_timeout(context)
    deadline = time.monotonic() + timeout
    state: Json = {}
    while time.monotonic() < deadline:
        for pod in read(context, "pods", "--selector", MASTER)["items"]:
            require_pulled(pod)
            state = container_state(pod)
            if "waiting" not in state:
                return str(pod["metadata"]["name"])
        time.sleep(0.5)
    reason = state.get("waiting", {}).get("reason", "it has no pod")
    raise Problem(
        f"The master did not start within {timeout} s ({reason}): "
        f"see kubectl --context {context} --namespace {NAMESPACE} get events"
    )


def container_state(pod: Json) -> Json:
    """The state of Locust's container: a dictionary with the one key waiting, running or terminated."""
    states: list[Json] = [status["state"] for status in pod["status"].get("containerStatuses", [])]
    return states[0] if states else {"waiting": {"reason": "not scheduled"}}


def require_pulled(pod: Json) -> None:
    """Raise Problem if the node could not pull an image of the pod."""
    status = pod["status"]
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        waiting = container["state"].get("waiting", {})
        if waiting.get("reason") in PULL_FAILURES:
            raise Problem(
                f"The node cannot pull {container['image']} ({waiting.get('message', waiting['reason'])}): check that the "
                "registry has it, and that the nodes may pull from there."
            )


def follow_until_interrupted(context: str, pod: str) -> None:
    """Show the output of Locust until its container has ended; Ctrl-C ends the test. Raises Problem."""
    try:
        follow(context, pod)
    except KeyboardInterrupt:
        print("\nStopping the test, then fetching its reports.", flush=True)
        in_namespace(context, "exec", pod, "--container", "locust-master", "--", "sh", "-c", "kill -INT 1")
        follow(context, pod, "--tail=0")


def follow(context: str, pod: str, *options: str) -> None:
    """Show the output of Locust until its container has ended, also if the connection drops in the meantime."""
    seen = time.monotonic()
    while True:
        words = ["logs", "--follow", pod, "--container", "locust-master", *options]
        command = ["kubectl", "--context", context, "--namespace", NAMESPACE, *words]
        with subprocess.Popen(command, text=True, errors="replace", stdout=subprocess.PIPE) as log:
            for line in log.stdout or ():
                progress.show(line.rstrip())
                seen = time.monotonic()
        if "running" not in container_state(read(context, "pod", pod)):
            return
        time.sleep(1)
        options = (f"--since={time.monotonic() - seen + 1:.0f}s",)


def collect(context: str, pod: str, folder: Path) -> None:
    """Fetch the reports, and let the pod end, which waits for this. Raises Problem if they do not arrive."""
    command = ["kubectl", "--context", context, "--namespace", NAMESPACE, "exec", pod, "--container", "reports", "--"]
    with subprocess.Popen([*command, "tar", "cf", "-", "-C", "/reports", "."], stdout=subprocess.PIPE) as sent:
        # kubectl cp does not say when only a part arrives.
        received = subprocess.run(["tar", "xf", "-", "-C", folder, "--no-same-owner"], stdin=sent.stdout, check=False)
    if sent.returncode or received.returncode:
        raise Problem(f"The reports of pod {pod} did not arrive in full: see the output of tar above.")
    in_namespace(context, "exec", pod, "--container", "reports", "--", "touch", "/reports/.collected")


def show_workers(context: str) -> None:
    """Print the state of the workers and the end of their output, which may say why the run has no verdict."""
    for words in (["get", "pods"], ["logs", "--tail=5", "--prefix"]):
        # Not in_namespace(), whose Problem would hide that of the run where a worker has no output yet.
        shown = kubectl(context, "--namespace", NAMESPACE, *words, "--selector", WORKERS)
        print(shown.stdout + shown.stderr, flush=True)


def delete_namespace_or_say_so(context: str) -> None:
    """Delete the namespace, and what it needs outside of it; a failure does not hide how the run ended."""
    try:
        if clean.delete_namespace(context):
            clean.delete_priority_class(context)
    except Problem as problem:
        print(f"{problem}. Delete what is left with make clean CONTEXT={context}", flush=True)


def delete_or_say_so(context: str) -> None:
    """Delete the objects of the run; a failure does not hide how the run ended."""
    try:
        delete(context)
    except Problem as problem:
        print(f"{problem}. What is left of the run can be deleted with {delete_command(context)}", flush=True)


def delete(context: str) -> None:
    words = [KINDS, "--selector", LABEL, "--cascade=foreground"]
    in_namespace(context, "delete", *words, timeout=DELETE_TIMEOUT)


def read(context: str, *words: str) -> Json:
    """What kubectl gets in the project's namespace, also if the cluster does not answer for a while. Raises Problem."""
    deadline = time.monotonic() + RECONNECT_TIMEOUT
    while True:
        try:
            return dict(json.loads(in_namespace(context, "get", *words, "--output", "json")))
        except Problem as problem:
            if time.monotonic() > deadline or "NotFound" in str(problem):
                raise
        time.sleep(1)


def in_namespace(context: str, *words: str, timeout: int = 30) -> str:
    """The output of kubectl in the project's namespace. Raises Problem if it fails."""
    done = kubectl(context, "--namespace", NAMESPACE, *words, timeout=timeout)
    require_success(done, words[0], context)
    return done.stdout


def require_success(done: subprocess.CompletedProcess[str], command: str, context: str) -> None:
    if done.returncode:
        raise Problem(f"kubectl {command} failed in context {context}: {last_line(done.stderr)}")
