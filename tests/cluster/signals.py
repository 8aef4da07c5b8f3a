"""Signals to the processes of pods."""

from typing import Literal

from tests.cluster.contexts import SLUG
from tests.cluster.machine import Machine

SCRIPT = """
import os, pathlib, signal
for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if b"livesync\\0--{role}\\0" in process.read_bytes():
        os.kill(int(process.parent.name), signal.{name})
"""


def send_signal(machine: Machine, context: str, target: str, role: Literal["master", "worker"], name: str) -> None:
    """Send a signal, such as SIGKILL, to Locust's process in a pod. `target` is the pod, or its Deployment."""
    script = SCRIPT.format(role=role, name=name)
    words = ["exec", target, "--container", f"locust-{role}", "--", "python", "-c", script]
    machine.output("kubectl", "--context", context, "--namespace", SLUG, *words)
