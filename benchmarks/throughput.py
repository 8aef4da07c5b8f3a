"""Part of `make bench`: the load that the default locustfile makes of a core, beside a plain HttpUser and wrk."""

import json
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, Popen
from urllib.request import urlopen

from support.ports import free_port

from benchmarks.measuring import cpu_seconds, time_until
from benchmarks.plain_server import plain_server
from benchmarks.results import Results
from tests.support.baking import bake

PAIRS, LENGTH, WARM_UP = 8, 8, 3
"""Pairs of runs, and seconds of each and before it."""

USERS = "20"
PLAIN = """
from locust import HttpUser, task

class Plain(HttpUser):
    @task
    def hello(self):
        self.client.get("/hello")
"""


def main() -> None:
    results = Results("throughput")
    with tempfile.TemporaryDirectory() as folder:
        project = project_without_waits(Path(folder))
        with plain_server() as (url, requests):
            measure = partial(for_a_cpu_second, project, url, requests)
            pairs = [(measure("locustfile.py"), measure("plain.py")) for _ in range(PAIRS)]
        say(results, "Requests for a CPU second of Locust: the default locustfile, a plain HttpUser", pairs)
        if not shutil.which("wrk"):
            results.say(
                "wrk is not installed, so there is nothing to compare Locust with: install it for the other half."
            )
            return
        with server(project) as url:
            pairs = [(by_locust(project, url), by_wrk(url)) for _ in range(PAIRS)]
        say(results, "Requests a second at the project's server: Locust with two workers, wrk", pairs)


def project_without_waits(folder: Path) -> Path:
    """A project whose users do not wait, with a plain locustfile beside its own."""
    project = bake(folder)
    subprocess.run(["make", ".venv/.installed"], cwd=project, check=True, stdout=DEVNULL)
    locustfile = project / "loadtest/locustfile.py"
    source, changes = re.subn(r"wait_time = between\(.*\)", "wait_time = constant(0)", locustfile.read_text())
    assert changes == 1
    locustfile.write_text(source)
    (locustfile.with_name("plain.py")).write_text(PLAIN)
    return project


def locust(project: Path, locustfile: str, url: str, *options: str) -> "Popen[bytes]":
    words = ["--locustfile", locustfile, "--host", url, "--headless", "--users", USERS, "--spawn-rate", USERS, *options]
    return Popen([f"{project}/.venv/bin/locust", *words], cwd=project / "loadtest", stdout=DEVNULL, stderr=DEVNULL)


def for_a_cpu_second(project: Path, url: str, requests: Callable[[], int], locustfile: str) -> float:
    """Requests that arrive for each CPU second of a single process of Locust."""
    with locust(project, locustfile, url) as process:
        try:
            before = requests()
            assert time_until(lambda: requests() > before, 30) < 30
            time.sleep(WARM_UP)
            start = cpu_seconds(process.pid), requests()
            time.sleep(LENGTH)
            end = cpu_seconds(process.pid), requests()
        finally:
            process.kill()
    return (end[1] - start[1]) / (end[0] - start[0])


@contextmanager
def server(project: Path) -> Iterator[str]:
    """The project's own server, once it answers."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [f"{project}/.venv/bin/uvicorn", "server:app", "--port", str(port), "--no-access-log"]
    with Popen(command, cwd=project / "server", stdout=DEVNULL, stderr=DEVNULL) as process:
        try:
            assert time_until(lambda: answers(url), 30) < 30
            yield url
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        return bool(urlopen(f"{url}/healthz", timeout=5).read())
    except OSError:
        return False


def by_locust(project: Path, url: str) -> float:
    """Requests a second of a run with two workers."""
    file = project / "rows.json"
    options = ["--processes", "2", "--run-time", f"{LENGTH}s", "--json-file", str(file.with_suffix(""))]
    with locust(project, "locustfile.py", url, *options) as process:
        assert process.wait(120) == 0
    [row] = json.loads(file.read_text())
    assert row["num_failures"] == 0
    return float(row["num_requests"] / (row["last_request_timestamp"] - row["start_time"]))


def by_wrk(url: str) -> float:
    command = ["wrk", "--threads", "1", "--connections", USERS, "--duration", f"{LENGTH}s", f"{url}/hello"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    [rate] = re.findall(r"Requests/sec:\s+([\d.]+)", said)
    return float(rate)


def say(results: Results, what: str, pairs: Sequence[tuple[float, float]]) -> None:
    """The medians, and how often the second goes into the first."""
    ours, theirs = (statistics.median(values) for values in zip(*pairs, strict=True))
    times = sorted(one / other for one, other in pairs)
    results.say(
        f"{what}: {ours:.0f} and {theirs:.0f}, {statistics.median(times):.2f} times as many "
        f"({times[0]:.2f} to {times[-1]:.2f} in {len(pairs)} pairs)"
    )


if __name__ == "__main__":
    main()
