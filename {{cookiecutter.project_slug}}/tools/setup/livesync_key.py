"""Creates the key with which the workers of live sync prove that they belong to the deployment, if there is none."""

from __future__ import annotations

import json
import secrets

from ..problem import Problem
from .contexts import NAMESPACE, ensure_namespace, kubectl, last_line

SECRET, KEY = "locust-livesync", "LIVESYNC_KEY"
"""The Secret and its key, which k8s/components/live-sync names."""


def ensure(context: str) -> None:
    """Create the namespace and the Secret if they are missing. Raises Problem."""
    if kubectl(context, "--namespace", NAMESPACE, "get", "secret", SECRET).returncode == 0:
        return
    ensure_namespace(context)
    metadata = {"name": SECRET, "labels": {"app.kubernetes.io/part-of": NAMESPACE}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {KEY: secrets.token_hex(32)}}
    # On standard input, because every process of this machine can read the arguments of a command.
    created = kubectl(context, "--namespace", NAMESPACE, "create", "--filename", "-", stdin=json.dumps(secret))
    if created.returncode and "AlreadyExists" not in created.stderr:
        raise Problem(f"Secret {SECRET} cannot be created in context {context}: {last_line(created.stderr)}")
