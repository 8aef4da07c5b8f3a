"""Run the load test to its end on this machine, without a cluster: `make headless-local`.

It starts the server, unless LOCUST_HOST names another target. Settings, reports and exit code are as for `make headless`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cluster import Problem
from ports import answers, problems
from reports import new_folder, show_verdict
from settings import describe_environment, expected_workers, process_environment

PROJECT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
LOADTEST = "loadtest"
SERVER_PORT, MASTER_PORT = 8000, 5557

START_LIMIT = 30
"""Seconds that the server may take to answer."""


def main() -> int:
    """Run with what the environment says, and return Locust's exit code. Raises Problem."""
    needs_server = "LOCUST_HOST" not in os.environ
    if taken := problems([MASTER_PORT, *([SERVER_PORT] if needs_server else [])]):
        raise Problem(" ".join(taken))
    workers = expected_workers()
    print(describe_environment(), flush=True)
    with ExitStack() as processes:
        if needs_server:
            os.environ["LOCUST_HOST"] = f"http://localhost:{SERVER_PORT}"
            processes.enter_context(
                running("server", "uvicorn", "server:app", "--no-access-log", "--log-level=warning")
            )
            if not wait_for_server():
                raise Problem(f"The server does not answer after {START_LIMIT} s: see what it says above.")
        for _ in range(workers):
            processes.enter_context(running(LOADTEST, "locust", "--worker", "--loglevel=WARNING"))
        return run_master()


@contextmanager
def running(folder: str, program: str, *words: str) -> Iterator[None]:
    """A process that ends with the block; Ctrl-C does not reach it."""
    command = [f"{BIN}/{program}", *words]
    with subprocess.Popen(command, cwd=PROJECT / folder, env=process_environment(), start_new_session=True) as process:
        try:
            yield
        finally:
            process.terminate()


def wait_for_server() -> bool:
    """Whether it answers in time."""
    deadline = time.monotonic() + START_LIMIT
    while not answers("127.0.0.1", SERVER_PORT):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def run_master() -> int:
    """Run Locust's master to the end; Ctrl-C ends the test, not the report."""
    folder = new_folder()
    reports = [f"--csv={folder}/locust", "--csv-full-history", f"--html={folder}/report.html"]
    reports += [f"--json-file={folder}/locust", f"--verdict={folder}"]
    command = [f"{BIN}/locust", "--config=headless.toml", "--master", "--headless", "--only-summary", *reports]
    with subprocess.Popen(command, cwd=PROJECT / LOADTEST, env=process_environment()) as locust:
        try:
            code = locust.wait()
        except KeyboardInterrupt:
            code = locust.wait()  # it got Ctrl-C as well
    show_verdict(folder)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit("Interrupted before the test began.")
