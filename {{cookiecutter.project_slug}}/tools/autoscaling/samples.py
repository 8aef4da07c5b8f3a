"""Samples of an autoscaler's status: how many replicas a Deployment has, and how many are desired."""

import csv
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..problem import Problem
from ..runs.target import Json
from ..setup.contexts import kubectl

PERIOD = 1
"""Seconds from one sample to the next."""


@dataclass(frozen=True)
class Sample:
    """The status of the autoscaler and its Deployment at one moment.

    `current`, `cpu` and `desired` are from one pass of the autoscaler: the replicas it found, their CPU, its decision.
    """

    at: float
    """Seconds since the epoch, on this machine."""
    current: int
    cpu: int | None
    """Average CPU usage in per cent of the request; None while unknown."""
    desired: int
    ready: int


@contextmanager
def watch(context: str, namespace: str, deployment: str, hpa: str) -> Iterator[list[Sample]]:
    """A list to which a thread adds a sample every second while the block runs.

    The list has a gap where the cluster does not answer.
    """
    samples: list[Sample] = []
    stopped = threading.Event()

    def keep_sampling() -> None:
        while not stopped.is_set():
            began = time.monotonic()
            if found := sample(context, namespace, deployment, hpa):
                samples.append(found)
            stopped.wait(PERIOD - (time.monotonic() - began))

    thread = threading.Thread(target=keep_sampling, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stopped.set()
        thread.join()


def sample(context: str, namespace: str, deployment: str, hpa: str) -> Sample | None:
    """The status now, or None if the cluster does not answer."""
    words = ("--namespace", namespace, "get", f"deployment/{deployment}", f"hpa/{hpa}", "--output", "json")
    try:
        found = {item["kind"]: item["status"] for item in json.loads(kubectl(context, *words).stdout)["items"]}
        scaler, ready = found["HorizontalPodAutoscaler"], found["Deployment"].get("readyReplicas", 0)
    except (Problem, ValueError, KeyError):
        return None
    return Sample(time.time(), scaler.get("currentReplicas", 0), cpu(scaler), scaler["desiredReplicas"], ready)


def cpu(status: Json) -> int | None:
    for metric in status.get("currentMetrics") or []:
        if metric.get("resource", {}).get("name") == "cpu":
            utilization: int | None = metric["resource"]["current"].get("averageUtilization")
            return utilization
    return None


def write(samples: list[Sample], file: Path) -> None:
    with file.open("w", newline="") as stream:
        rows = csv.DictWriter(stream, [field.name for field in fields(Sample)])
        rows.writeheader()
        rows.writerows(asdict(sample) for sample in samples)
