"""`make clean`: deletes what this project has in a cluster, and its namespace if it contains nothing else."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from ..problem import Problem
from .contexts import NAMESPACE, SETUP, allowed_context, is_deployed, kubectl, last_line

Json = dict[str, Any]

LABEL = "app.kubernetes.io/part-of"
WITHOUT_LABEL = {"Secret/locust-env"}
"""Objects of this project without the label: the command in docs/clusters.md creates it."""

AUTOMATIC_KINDS = {"endpoints", "events", "events.events.k8s.io"}
"""Kinds of objects that the cluster creates for other objects."""
AUTOMATIC = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
"""Objects that the cluster creates in every namespace."""

TIMEOUT = 120
"""Seconds that deleting may take: more than the grace period of the pods."""


def main(context: str) -> None:
    """Delete in a context, by default the current one, and print what was deleted and what was kept. Raises Problem."""
    context = allowed_context(context)
    if is_deployed(context):
        delete_objects(context)
        delete_namespace(context)
    else:
        print(f"Context {context} has no namespace {NAMESPACE} of this project.")
    delete_priority_class(context)


def delete_objects(context: str) -> None:
    """Delete the project's objects in its namespace with what they own, and wait for their pods. Raises Problem."""
    # The kinds that the cluster can list, also while one of its APIs does not answer.
    kinds, _ = listable_kinds(context)
    ours = [resource(item) for item in contents(context, kinds) if is_ours(item)]
    if ours:
        delete(context, "--namespace", NAMESPACE, "--cascade=foreground", *ours)
    # After a `skaffold delete`, pods may still be terminating whose owners are gone.
    pods = ("pods", f"--selector={LABEL}={NAMESPACE}")
    wait = ("wait", "--for=delete", *pods, f"--timeout={TIMEOUT}s")
    require(kubectl(context, "--namespace", NAMESPACE, *wait, timeout=TIMEOUT + 10), context)


def delete_namespace(context: str) -> bool:
    """Delete the namespace, or keep it and print what else it contains; return whether it was deleted. Raises Problem."""
    kinds, error = listable_kinds(context)
    if error:
        raise Problem(f"Namespace {NAMESPACE} of context {context} was kept, because it cannot be listed: {error}")
    left = sorted(name(item) for item in contents(context, kinds) if not is_setup(item))
    if left:
        print(f"Namespace {NAMESPACE} of context {context} was kept, because it also contains {', '.join(left)}")
    else:
        delete(context, f"namespace/{NAMESPACE}")
    return not left


def delete_priority_class(context: str) -> None:
    """Delete the only object of the project that is in no namespace, if there is one. Raises Problem."""
    listed = kubectl(context, "get", "priorityclasses", "--selector", f"{LABEL}={NAMESPACE}", "--output", "name")
    if names := require(listed, context).split():
        delete(context, *names)


def listable_kinds(context: str) -> tuple[list[str], str]:
    """The kinds of objects in a namespace, and why there may be others, such as an API that does not answer; else empty."""
    listed = kubectl(context, "api-resources", "--namespaced", "--verbs=list,delete", "--output", "name", timeout=30)
    return sorted(set(listed.stdout.split()) - AUTOMATIC_KINDS), last_line(listed.stderr) if listed.returncode else ""


def contents(context: str, kinds: list[str]) -> list[Json]:
    """The objects in the namespace, except those that others own and those of the cluster itself. Raises Problem."""
    if not kinds:
        raise Problem(f"Context {context} does not list the kinds of its objects, so nothing was deleted")
    found = kubectl(context, "--namespace", NAMESPACE, "get", ",".join(kinds), "--output", "json", timeout=30)
    items = json.loads(require(found, context))["items"]
    return [item for item in items if "ownerReferences" not in item["metadata"] and name(item) not in AUTOMATIC]


def is_ours(item: Json) -> bool:
    return f"{LABEL}={NAMESPACE}" in labels(item) or name(item) in WITHOUT_LABEL


def is_setup(item: Json) -> bool:
    """Whether it was created with the namespace, such as its network policies, and is deleted with it."""
    return f"{LABEL}={NAMESPACE}" in labels(item) and SETUP in labels(item)


def labels(item: Json) -> set[str]:
    return {f"{key}={value}" for key, value in item["metadata"].get("labels", {}).items()}


def name(item: Json) -> str:
    return f"{item['kind']}/{item['metadata']['name']}"


def resource(item: Json) -> str:
    """The object's name for kubectl, with version and group, because kinds of two groups may have one name."""
    group, _, version = item["apiVersion"].rpartition("/")
    kind = f"{item['kind']}.{version}.{group}" if group else item["kind"]
    return f"{kind}/{item['metadata']['name']}"


def delete(context: str, *words: str) -> None:
    deleted = kubectl(context, "delete", *words, f"--timeout={TIMEOUT}s", timeout=TIMEOUT + 10)
    print(require(deleted, context), end="", flush=True)


def require(done: subprocess.CompletedProcess[str], context: str) -> str:
    """What kubectl printed. Raises Problem if it failed."""
    if done.returncode:
        raise Problem(f"Deleting in context {context} failed: {last_line(done.stderr)}")
    return done.stdout
