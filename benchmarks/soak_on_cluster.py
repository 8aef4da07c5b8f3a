"""`make soak`: long series on the first of docker-desktop and minikube that answers, into build/bench/soak.md.

500 edits of one size a second apart under each tool, 16 users while the workers are scaled from 2 to 8, 2 and 6, and
ten pulses, each of which has to take the server from one pod to its maximum and back, without a failed request.
"""

import tempfile
import time
from pathlib import Path

from support.ports import free_port

from benchmarks import livesync_on_cluster as bench
from benchmarks.measuring import time_until
from benchmarks.results import Results
from tests.cluster import web_ui
from tests.cluster.contexts import profiles
from tests.cluster.machine import Machine, own_kubeconfig
from tests.cluster.reports import failures, newest, read_verdict, ready_pods

EDITS, PULSES = 500, 10
USERS, WORKERS, STAY = 16, (8, 2, 6), 40.0
"""Users, numbers of workers in turn, and seconds at each."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(own_kubeconfig(Path(folder)), logs=Path(folder))
        context = bench.first_context(machine)
        machine.use(context)
        results = Results("soak", *bench.versions(machine), context)
        results.head("seconds from save to live")
        skaffold = ["skaffold", "dev", *profiles(context)]
        for name, command in {"tilt": bench.TILT, "skaffold": skaffold}.items():
            project = bench.bake(machine, context, Path(folder) / name)
            results.row(name, bench.live_edits(machine, context, project, command, EDITS, every=1))
        results.say("")
        project = bench.bake(machine, context, Path(folder) / "scale")
        with bench.session(machine, context, project, bench.TILT):
            web_ui.post("/swarm", user_count=USERS, spawn_rate=USERS)
            for workers in WORKERS:
                results.say(scale(machine, context, workers))
        results.say("")
        results.head("seconds from the beginning of a pulse to the first new pod")
        project = bench.bake(machine, context, Path(folder) / "pulses")
        results.row("make pulse", pulses(machine, context, project))


def scale(machine: Machine, context: str, workers: int) -> str:
    """Scale the workers, and say how the users are spread over them, and since when."""
    deployment = ["--namespace", bench.SLUG, "deployment/locust-worker"]
    machine.output("kubectl", "--context", context, "scale", f"--replicas={workers}", *deployment)
    start = time.monotonic()
    even_after = time_until(lambda: spread(workers), STAY, poll=0.01)
    time.sleep(max(0.0, start + STAY - time.monotonic()))
    counts = users_by_worker()
    return f"{workers} workers: {USERS} users even after {even_after:.1f} s; after {STAY:g} s {sum(counts)}: {counts}"


def spread(workers: int) -> bool:
    """Whether all users run, as evenly as it goes."""
    return users_by_worker() == web_ui.even_split(USERS, workers)


def users_by_worker() -> list[int]:
    workers = web_ui.get("/stats/requests")["workers"]
    return sorted(worker["user_count"] for worker in workers if web_ui.is_there(worker))


def pulses(machine: Machine, context: str, project: Path) -> list[float]:
    """Seconds until the first new pod is ready, for each of so many pulses; infinite for one that went wrong."""
    machine.output("tilt", "ci", "--port", str(free_port()), cwd=project, seconds=300)
    machine.output("make", ".venv/.installed", cwd=project, seconds=300)
    # How fast a server answers that shares two cores with all the rest is another question.
    (project / "loadtest/slo.toml").write_text("[total]\nfailure_ratio = 0\n")
    seconds = [pulse(machine, context, project) for _ in range(PULSES)]
    machine.output("make", "clean", cwd=project, seconds=180)
    return seconds


def pulse(machine: Machine, context: str, project: Path) -> float:
    run = machine.run("make", "pulse", f"CONTEXT={context}", cwd=project, seconds=900)
    found = read_verdict(newest(project)).get("pulse", {}).get("seconds_until_new_pod")
    folder = newest(project)
    good = run.returncode == 0 and ready_pods(folder) == (1, 5, 1) and failures(folder) == 0
    if not (good and found):
        print(run.stdout)
        return float("inf")
    return float(found)


if __name__ == "__main__":
    main()
