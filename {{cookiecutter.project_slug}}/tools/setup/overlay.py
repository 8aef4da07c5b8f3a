"""`make overlay CONTEXT=... [REGISTRY=...]`: adds a cluster, with its overlay and its profile for Skaffold."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..problem import Problem
from .contexts import NAMESPACE, is_local, overlay_folder, require_known
from .registry import write_registry

PROJECT = Path(__file__).parents[2]
SKAFFOLD = PROJECT / "skaffold.yaml"

KUSTOMIZATION = """\
# What Tilt and Skaffold deploy to the cluster of context {context}. By hand: kubectl apply -k {folder}
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
labels:
  - pairs:
      app.kubernetes.io/part-of: {namespace}
    includeTemplates: true
resources:
  - ../../base
components:
  - ../../components/live-sync
  # It needs metrics-server.
  - ../../components/autoscaling
{components}replicas:
  - name: locust-worker
    count: {{ cookiecutter.workers }}
"""

SHARED_COMPONENTS = """\
  # Pods with limits, spread over the nodes, at a lower priority than services.
  - ../../components/priority-class
  - ../../components/shared-cluster
"""

PROFILE = """\
  - name: {name}
    build:
      local:
        push: {push}
        useDockerCLI: true
      hooks:
        before:
          - command: [python3, -m, tools, preflight, {name}]
        after:
          - command: [python3, -m, tools, images, {name}]
    manifests:
      hooks:
        before:
          - host:
              command: [python3, -m, tools, check-cluster, {name}]
      kustomize:
        paths:
          - {folder}
    deploy:
      kubeContext: {name}
      kubectl:
        flags:
          global: [{option}]
          delete: [--selector=app.kubernetes.io/component!=setup]
        hooks:
          after:
            - host:
                command: [python3, -m, tools, sync-saves, {name}]
"""


def main(context: str, registry: str) -> None:
    """Write the overlay of a context and its profile, and print both names. Raises Problem before anything is written."""
    require_writable(context, registry)
    folder = overlay_folder(context)
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(kustomization(context), encoding="utf-8")
    print(f"Wrote {relative(folder / 'kustomization.yaml')}")
    if registry:
        print(f"Wrote {relative(write_registry(context, registry))}")
    added = add_profile(context, registry)
    print(f"{'Added' if added else 'Kept'} the profile {context} in skaffold.yaml")
    print_commands(context, registry)


def require_writable(context: str, registry: str) -> None:
    """Raise Problem if the context or the registry is invalid, or if the overlay exists."""
    require_known(context)
    if not re.fullmatch(r"[\w.%/:@+-]+", context, re.ASCII):
        raise Problem(
            f"Context {context!r} has characters that a folder name cannot have: rename it with kubectl config rename-context"
        )
    if not re.fullmatch(r"|[\w.-]+(:\d+)?(/[\w.-]+)*", registry, re.ASCII):
        raise Problem(f"REGISTRY is {registry!r}: it must be an address such as registry.example.com/team")
    if not (registry or is_local(context)):
        raise Problem(
            f"Context {context} is not a cluster on this machine: set REGISTRY=... to a registry that its nodes pull from"
        )
    if overlay_folder(context).exists():
        raise Problem(
            f"{relative(overlay_folder(context))} already exists, so nothing was written: edit it, or remove it first"
        )


def kustomization(context: str) -> str:
    """The overlay of a context, without a NodePort, and with limits if the cluster is a remote one."""
    components = "" if is_local(context) else SHARED_COMPONENTS
    folder = relative(overlay_folder(context))
    return KUSTOMIZATION.format(context=context, folder=folder, namespace=NAMESPACE, components=components)


def add_profile(context: str, registry: str) -> bool:
    """Add a profile of the context's name as the first one of skaffold.yaml, unless there is one."""
    name = json.dumps(context)
    source = SKAFFOLD.read_text(encoding="utf-8")
    if re.search(rf"^  - name: \"?{re.escape(context)}\"?$", source, re.MULTILINE):
        return False
    folder = json.dumps(relative(overlay_folder(context)))
    option = json.dumps(f"--context={context}")
    profile = PROFILE.format(name=name, push=json.dumps(bool(registry)), folder=folder, option=option)
    before, profiles, after = source.partition("\nprofiles:\n")
    SKAFFOLD.write_text(before + (profiles or "\nprofiles:\n") + profile + after, encoding="utf-8")
    return True


def print_commands(context: str, registry: str) -> None:
    """Print the commands for the first deployment with Tilt and Skaffold; to a remote cluster they need ALLOW_REMOTE."""
    allow = "" if is_local(context) else f"ALLOW_REMOTE={context} "
    repository = f" --default-repo {registry}" if registry else ""
    print(f"  {allow}tilt up --context {context}")
    print(f"  {allow}skaffold dev --profile {context}{repository}")


def relative(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()
