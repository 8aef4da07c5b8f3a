"""Run a pulse of load on the cluster and judge how a Deployment scales under it: `make pulse`.

It watches the server, or the Deployment that WATCH=namespace/deployment names, and leaves `reports/<time>-pulse/`.
"""

import json
import os
import sys
import time
from pathlib import Path

import chart
import headless
from autoscaler import Json, Spec, find
from cluster import Problem, current_context, require_allowed
from metrics import metrics
from prescription import Check, is_back, verdict
from reaction import Run, react, read_history, rise, sentence
from reports import new_folder, show_verdict, summary
from settings import p95_level
from watch import PERIOD, Sample, watch, write

PULSE = {
    "LOCUST_SHAPE": "pulse",
    "LOCUST_LOW": "1",
    "LOCUST_HIGH": "1000",
    "LOCUST_PERIOD": "150",
    "LOCUST_WIDTH": "60",
    "LOCUST_RUN_TIME": "195s",
}
SCALE_IN = 120  # seconds beyond the stabilization window: looks of the autoscaler, and policies that take several steps


def main(context: str) -> int:
    """0 where the run was fine and the autoscaler did what its spec prescribes, else 1; raises Problem."""
    require_allowed(context)
    metrics(context)
    namespace, deployment = watched()
    hpa = find(context, namespace, deployment)
    spec = Spec.of(hpa)
    limit = p95_level()
    with watch(context, namespace, deployment, hpa["metadata"]["name"]) as samples:
        print(f"Waiting until {deployment} is at its minimum, {spec.minimum}", flush=True)
        if not wait_until_back(samples, spec):
            raise Problem(
                f"Deployment {deployment} does not come down to its minimum of {spec.minimum} ready "
                "without the pulse: see kubectl describe hpa, and stop what else loads it."
            )
        tag = headless.prepare(context)
        samples.clear()
        folder = new_folder("-pulse")
        failed = load(context, folder, tag, samples, spec)
    return report(folder, hpa, spec, samples, limit) | failed


def watched() -> tuple[str, str]:
    """Namespace and name of the Deployment to watch; raises Problem."""
    setting = os.environ.get("WATCH") or "{{ cookiecutter.project_slug }}/server"
    namespace, _, deployment = setting.partition("/")
    if not namespace or not deployment:
        raise Problem(f"WATCH={setting} names no Deployment: write WATCH=namespace/deployment")
    return namespace, deployment


def load(context: str, folder: Path, tag: str, samples: list[Sample], spec: Spec) -> int:
    """0 after a run that was fine, else 1, once the Deployment is back at its minimum or late for it."""
    try:
        failed = headless.run(context, folder, tag, PULSE)
        print(f"Waiting until the autoscaler is back at its minimum, {spec.minimum}", flush=True)
        wait_until_back(samples, spec)
    except KeyboardInterrupt:
        print("Interrupted: the report tells of what was seen until then.")
        return 1
    except Problem as problem:
        print(problem)
        return 1
    return failed


def wait_until_back(samples: list[Sample], spec: Spec) -> bool:
    """Whether the newest sample says so, in time."""
    limit = time.monotonic() + spec.down.window + SCALE_IN
    while not (samples and is_back(samples[-1], spec)):
        if time.monotonic() > limit:
            return False
        time.sleep(PERIOD)
    return True


def report(folder: Path, hpa: Json, spec: Spec, samples: list[Sample], limit: float) -> int:
    """Write what was seen into the folder and print the gist; 1 where a check is broken, else 0."""
    run = Run(read_history(folder / "locust_stats_history.csv"), samples)
    gist = sentence(react(run, spec.minimum, limit), spec.minimum, limit)
    checks = verdict(samples, spec, run.start)
    write(samples, folder / "autoscaler.csv")
    (folder / "hpa.json").write_text(json.dumps(hpa["spec"], indent=2) + "\n")
    (folder / "pulse.md").write_text(markdown(gist, checks, of_load(run, folder)))
    chart.draw(folder / "chart.svg", gist, run, spec.target)
    show_verdict(folder)
    print(gist)
    broken = [check for check in checks if not check.holds]
    for check in broken:
        print(f"no    {check.name} {check.wanted}: {check.seen}")
    return 1 if broken else 0


def of_load(run: Run, folder: Path) -> str:
    """How fast the users came, and whether Locust kept up with them."""
    risen = f"{rise(run.history)} " if run.history else ""
    title = summary(folder).splitlines()[0].removeprefix("# ")
    return f"{risen}Of the load, [summary.md](summary.md) says: {title}"


def markdown(gist: str, checks: list[Check], load: str) -> str:
    rows = [
        f"| {'ok' if check.holds else '**no**'} | {check.name} | {check.wanted} | {check.seen} |" for check in checks
    ]
    table = ["| | of the autoscaler | wanted | seen |", "| --- | --- | --- | --- |", *rows]
    return "\n".join([f"# {gist}", "", "![Chart of the run](chart.svg)", "", *table, "", load, ""])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if sys.argv[1:] else current_context()))
    except Problem as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit("Interrupted before the pulse began.")
