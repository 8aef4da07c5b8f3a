"""`make headless-local`: runs the load test to completion on this machine, without a cluster.

It starts the server, unless LOCUST_HOST names another target. Settings, reports and exit code are those of
`make headless`.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..env_file import add_env_file
from ..interruption import interrupt_on_signals
from ..problem import Problem
from ..setup.ports import answers, require_free
from . import progress, reports
from .report_folders import new_folder, read_verdict
from .settings import describe_environment, expected_workers, process_environment, valid_settings
from .target import HOST, require_no_password

PROJECT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
SERVER_PORT, MASTER_PORT = 8000, 5557

START_TIMEOUT = 30
"""Seconds that the server may take to answer."""

STOP_TIMEOUT = 10
"""Seconds after SIGTERM until a process is killed: a worker whose user code never waits does not react to the signal."""


def main() -> int:
    """Run with the settings of headless.toml and the environment, and return the exit code. Raises Problem."""
    interrupt_on_signals()
    add_env_file()
    host = os.environ.get(HOST, "")
    require_no_password(host)
    needs_server = not host
    require_free([MASTER_PORT, *([SERVER_PORT] if needs_server else [])])
    workers = expected_workers()
    valid_settings()
    print(describe_environment(), flush=True)
    folder = new_folder()
    with ExitStack() as processes:
        if needs_server:
            os.environ[HOST] = f"http://localhost:{SERVER_PORT}"
            address = ("--host", LOOPBACK, "--port", str(SERVER_PORT))
            quiet = ("--no-access-log", "--log-level=warning")
            processes.enter_context(running("server", "uvicorn", "server:app", *address, *quiet))
            wait_for_server()
        for _ in range(workers):
            worker = ("plugins", "--worker", "--master-host", LOOPBACK, "--loglevel=WARNING")
            processes.enter_context(running("loadtest", *worker))
        run_master(folder)
    return reports.publish(folder, read_verdict(folder))


@contextmanager
def running(folder: str, module: str, *arguments: str, stdout: int | None = None) -> Iterator["subprocess.Popen[str]"]:
    """A Python module as a process that ends with the block. Neither Ctrl-C nor other keys reach it."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(
        command,
        cwd=PROJECT / folder,
        env=process_environment(),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for_server() -> None:
    """Wait until the server answers. Raises Problem if it does not in time."""
    deadline = time.monotonic() + START_TIMEOUT
    while not answers(LOOPBACK, SERVER_PORT):
        if time.monotonic() > deadline:
            raise Problem(f"The server does not answer within {START_TIMEOUT} s: see its output above.")
        time.sleep(0.1)


def run_master(folder: Path) -> None:
    """Run Locust's master until it exits. Ctrl-C ends the test, and the reports are still written."""
    arguments = (str(folder), f"--master-bind-host={LOOPBACK}")
    with running("loadtest", "plugins.headless", *arguments, stdout=subprocess.PIPE) as master:
        try:
            show_output(master)
        except KeyboardInterrupt:
            print("\nStopping the test, then writing its reports.", flush=True)
            master.send_signal(signal.SIGINT)
            show_output(master)


def show_output(master: "subprocess.Popen[str]") -> None:
    """Show what the master prints until it has exited."""
    for line in master.stdout or ():
        progress.show(line.rstrip())
    master.wait()
