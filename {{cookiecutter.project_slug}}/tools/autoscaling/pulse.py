"""`make pulse`: runs a pulse of load in the cluster, and checks how a Deployment scales under it.

It watches the Deployment behind LOCUST_HOST, or that of WATCH=namespace/deployment; loadtest/pulse.toml has the size of
the pulse.
"""

import json
import os
import time
from pathlib import Path

from ..problem import Problem
from ..runs import in_cluster, reports
from ..runs.report_folders import read_verdict, write_verdict
from ..runs.settings import LOADTEST, p95_level, valid_settings
from ..runs.target import Json, Service, deployment_behind, rendered
from ..setup.contexts import allowed_context
from ..setup.metrics import metrics
from . import chart
from .autoscaler_rules import check_autoscaler, is_at_minimum
from .hpa_spec import Spec, find
from .reaction import RecordedRun, describe_rise, react, read_history
from .samples import PERIOD, Sample, watch, write

PULSE = LOADTEST / "pulse.toml"

SCALE_IN_TIMEOUT = 120
"""Seconds in addition to the stabilization window: periods of the controller, and policies that take several steps."""


def main(context: str) -> int:
    """Return 0 if the run passed and the autoscaler did what its spec says, else 1. Raises Problem."""
    context = allowed_context(context)
    settings = valid_settings(PULSE)
    metrics(context)
    namespace, deployment = watched(context)
    hpa = find(context, namespace, deployment)
    spec = Spec.of(hpa)
    with watch(context, namespace, deployment, hpa["metadata"]["name"]) as samples:
        print(f"Waiting until {deployment} is at its minimum, {spec.minimum}", flush=True)
        if not wait_for_minimum(samples, spec):
            raise Problem(
                f"Deployment {deployment} is not at its minimum of {spec.minimum} ready replicas before the pulse: "
                f"stop other load on it, and see kubectl --context {context} --namespace {namespace} describe hpa."
            )
        with in_cluster.prepared(context, settings, "-pulse") as (folder, kustomization):
            samples.clear()
            try:
                in_cluster.run(context, folder, kustomization)
                print(f"Waiting until {deployment} is back at its minimum, {spec.minimum}", flush=True)
                wait_for_minimum(samples, spec)
            except KeyboardInterrupt:
                print("Interrupted: the report covers the time until now.", flush=True)
            finally:
                run = RecordedRun(read_history(folder / "locust_stats_history.csv"), samples[:])
                record(folder, run, hpa, spec)
    return finish(folder, run, spec)


def watched(context: str) -> Service:
    """Namespace and name of the Deployment to watch. Raises Problem if the setting is invalid."""
    setting = os.environ.get("WATCH")
    if not setting:
        return deployment_behind(context, rendered(context))
    namespace, _, deployment = setting.partition("/")
    if not namespace or not deployment:
        raise Problem(f"WATCH is {setting!r}: it must be namespace/deployment")
    return Service(namespace, deployment)


def wait_for_minimum(samples: list[Sample], spec: Spec) -> bool:
    """Wait until the newest sample is at the minimum; False after the timeout."""
    deadline = time.monotonic() + spec.down.window + SCALE_IN_TIMEOUT
    while not (samples and is_at_minimum(samples[-1], spec)):
        if time.monotonic() > deadline:
            return False
        time.sleep(PERIOD)
    return True


def record(folder: Path, run: RecordedRun, hpa: Json, spec: Spec) -> None:
    """Write what the watch saw, which does not depend on the verdict of the load test."""
    write(run.samples, folder / "autoscaler.csv")
    (folder / "hpa.json").write_text(json.dumps(hpa["spec"], indent=2) + "\n", encoding="utf-8")
    summary = react(run, spec.minimum, p95_level()).summary()
    chart.draw(folder / "chart.svg", summary, run, spec.target)


def finish(folder: Path, run: RecordedRun, spec: Spec) -> int:
    """Add the autoscaler's checks to the verdict, publish it, and return the exit code."""
    verdict = read_verdict(folder)
    reaction = react(run, spec.minimum, p95_level())
    checks = check_autoscaler(run.samples, spec, run.start)
    verdict["checks"] += checks
    if not all(check["passed"] for check in checks):
        verdict["outcome"] = "failed"
    verdict["pulse"] = {
        "summary": f"{reaction.summary()} {describe_rise(run.history)}".strip(),
        "seconds_until_new_pod": reaction.ready,
        "seconds_above_p95_level": reaction.slow,
        "seconds_until_minimum": reaction.back,
    }
    write_verdict(folder, verdict)
    return reports.publish(folder, verdict)
