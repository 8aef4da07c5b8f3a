"""Part of `make bench`: seconds from a save to the last worker on the new code, beside the two usual ways, in one run.

It runs on a context of `make e2e`, by default the first that answers. The usual ways are Tilt without its live_update,
which rebuilds the image and rolls it out, and Locust restarted by every save.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.ports import free_port
from support.waiting import wait_until

from benchmarks.measuring import time_until
from benchmarks.results import Results
from tests.cluster import web_ui
from tests.cluster.contexts import CONTEXTS, absence, add_overlay, profiles
from tests.cluster.machine import Machine, own_kubeconfig
from tests.cluster.web_ui import TIMEOUT, USERS, Swarm
from tests.support import baking

SLUG = "locust-k8s-bench"
TILT = ["tilt", "up", "--port", str(free_port())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", choices=CONTEXTS, help="by default the first that answers")
    parser.add_argument("--edits", type=int, default=200, help="edits under Tilt; fewer in the other rows")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 8, 16], help="a row under Tilt for each")
    parser.add_argument("--rounds", type=int, default=8, help="edits for each of the usual ways")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(own_kubeconfig(Path(folder)), logs=Path(folder))
        context = options.context or first_context(machine)
        machine.use(context)
        results = Results("cluster", *versions(machine), context)
        results.head("seconds from save to live")
        if options.rounds:
            project = bake(machine, context, Path(folder))
            restarts = with_restarts(bake(machine, context, Path(folder) / "restarts"))
            rebuilds = without_live_update(project)
            results.row("rebuild and roll out", lost_tests(machine, context, rebuilds, options.rounds))
            results.row("restart on a save", lost_tests(machine, context, restarts, options.rounds))
        for workers in options.workers:
            edits = options.edits if workers == options.workers[0] else options.edits // 2
            project = bake(machine, context, Path(folder) / str(workers), workers)
            results.row(
                f"tilt up, {workers} workers",
                live_edits(machine, context, project, TILT, edits, every=1, workers=workers),
            )
        project = bake(machine, context, Path(folder) / "skaffold")
        skaffold = ["skaffold", "dev", *profiles(context)]
        seconds = live_edits(machine, context, project, skaffold, options.edits // 5, every=3)
        results.row("skaffold dev, 2 workers", seconds)


def first_context(machine: Machine) -> str:
    for context in CONTEXTS:
        if not absence(machine, context):
            return context
    sys.exit(f"No cluster answers of {', '.join(CONTEXTS)}: start one.")


def bake(machine: Machine, context: str, folder: Path, workers: int = 2) -> Path:
    project = baking.bake(folder, project_slug=SLUG, workers=str(workers))
    add_overlay(machine, context, project)
    return project


def without_live_update(project: Path) -> Path:
    replace(project / "Tiltfile", r"\n +live_update=\[.*\],", "", times=2)
    return files_for_workers(project)


def with_restarts(project: Path) -> Path:
    component = project / "k8s/components/live-sync/kustomization.yaml"
    restarts = (
        """[python, -c, "from livesync.restart_on_save import on_every_save; on_every_save('it is not wanted')"]"""
    )
    replace(component, r"\[python, -m, livesync\]", restarts, times=1)
    return files_for_workers(project)


def files_for_workers(project: Path) -> Path:
    """Give the workers the image of the master, as without live sync they need every file."""
    replace(project / "Tiltfile", r'"livesync" in c.get\("command", \[\]\)', "False", times=1)
    return project


def replace(file: Path, pattern: str, by: str, times: int) -> None:
    source, changes = re.subn(pattern, by, file.read_text())
    assert changes == times
    file.write_text(source)


@contextmanager
def session(machine: Machine, context: str, project: Path, command: list[str], workers: int = 2) -> Iterator[Swarm]:
    """The tool runs, and ten users on the workers."""
    tool = machine.for_skaffold() if command[0] == "skaffold" else machine
    with tool.running(*command, cwd=project):
        wait_until(lambda: worker_count() == workers, f"{workers} workers", seconds=300)
        wait_until(lambda: web_ui.reaches_server(machine, context, SLUG), "the server", TIMEOUT)
        start_users()
        yield Swarm()
    if command[0] == "tilt":
        machine.output("tilt", "down", cwd=project)
    machine.output("make", "clean", cwd=project, seconds=180)


def live_edits(
    machine: Machine, context: str, project: Path, command: list[str], edits: int, every: float, workers: int = 2
) -> list[float]:
    """Seconds from each of so many edits of the same size to the last worker; infinite for one that is missed."""
    seconds = []
    with session(machine, context, project, command, workers) as test:
        for number in range(edits):
            start = time.monotonic()
            seconds.append(edit(project, number))
            if number % 10 == 9:
                assert test.look().users == USERS
            time.sleep(max(0.0, start + every - time.monotonic()))
        test.wait_for_only(name_of(edits - 1))
    return seconds


def lost_tests(machine: Machine, context: str, project: Path, rounds: int) -> list[float]:
    """Seconds from each edit to a master that has its workers back, and no test any more."""
    seconds = []
    with session(machine, context, project, TILT):
        for number in range(rounds):
            save(project, number)
            seconds.append(time_until(lambda: worker_count() == 2 and users() == 0, poll=0.01))
            start_users()
    return seconds


def start_users() -> None:
    """Start ten users, as often as it takes while masters come and go."""

    def all_run() -> bool:
        try:
            if users() != USERS:
                web_ui.post("/swarm", user_count=USERS, spawn_rate=USERS)
        except OSError:
            return False
        return time_until(lambda: users() == USERS, 5, poll=0.01) < 5

    wait_until(all_run, "ten users", TIMEOUT)


def edit(project: Path, number: int) -> float:
    before = web_ui.revision()
    save(project, number)
    return time_until(lambda: web_ui.revision() not in (before, None), poll=0.01)


def save(project: Path, number: int) -> None:
    file = project / "loadtest/locustfile.py"
    source = re.sub(r'(\.get\("/hello")(, name="edit \d+")?', rf'\1, name="{name_of(number)}"', file.read_text())
    file.write_text(source)


def name_of(number: int) -> str:
    """The name of the requests of an edit, again after 100 of them: Locust tells of 500 names at most."""
    return f"edit {number % 100:04}"


def ready() -> list[str]:
    try:
        return [worker["id"] for worker in web_ui.get("/stats/requests")["workers"] if web_ui.is_there(worker)]
    except OSError:
        return []


def worker_count() -> int:
    return len(ready())


def users() -> int:
    count: int = web_ui.get("/stats/requests")["user_count"]
    return count


def versions(machine: Machine) -> list[str]:
    return [f"{tool} {machine.output(tool, 'version').split(',')[0].strip()}" for tool in ("tilt", "skaffold")]


if __name__ == "__main__":
    main()
