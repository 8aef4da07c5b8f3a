"""`python3 -m tools COMMAND`: the commands that the Makefile, Tilt and Skaffold run. Without one it lists those for users.

A command is imported when it runs: `live`, `verdict` and those in `setup` need nothing but Python 3.9, the
others the virtual environment.
"""

from __future__ import annotations

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Until a command runs, Ctrl-C ends Python without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import os
import platform
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from .problem import Problem


class Command(NamedTuple):
    module: str
    """Module of this package whose `function` takes the arguments and returns the exit code or None."""
    summary: str
    arguments: tuple[str, ...] = ()
    """Names of positional arguments; one that ends with a question mark may be left out."""
    function: str = "main"
    is_internal: bool = False
    """Whether Tilt or Skaffold alone run it, so that no list shows it."""


COMMANDS = {
    "doctor": Command("setup.doctor", "check this machine and the cluster for missing requirements", ("context?",)),
    "preflight": Command(
        "setup.preflight", "stop Tilt or Skaffold before a build that could not run", ("context",), is_internal=True
    ),
    "check-cluster": Command(
        "setup.preflight",
        "stop Skaffold before it changes a cluster that this project may not use",
        ("context",),
        "before_manifests",
        is_internal=True,
    ),
    "clean": Command("setup.clean", "delete what this project has in a cluster", ("context?",)),
    "overlay": Command(
        "setup.overlay", "add a cluster: its overlay and its profile for Skaffold", ("context", "registry?")
    ),
    "sync-saves": Command(
        "setup.saves", "copy what was saved while Skaffold built and deployed", ("context",), is_internal=True
    ),
    "copy-saves": Command(
        "setup.saves",
        "the process that sync-saves starts",
        ("context", "skaffold"),
        "copy_until_watched",
        is_internal=True,
    ),
    "metrics": Command("setup.metrics", "check that the cluster measures the CPU usage of pods", ("context",)),
    "images": Command(
        "setup.images",
        "copy the images that Skaffold built to a cluster",
        ("context",),
        "copy_to_cluster",
        is_internal=True,
    ),
    "build-image": Command(
        "setup.images",
        "build an image on this machine and load it into the nodes of a context",
        ("context", "name", "reference", "folder", "files?"),
        "build_and_load",
        is_internal=True,
    ),
    "image-delivery": Command(
        "setup.nodes", "print how Tilt gets images to the nodes of a context", ("context",), is_internal=True
    ),
    "local": Command("local_processes", "run server, master and two workers on this machine"),
    "headless": Command("runs.in_cluster", "run the load test to completion in the cluster", ("context?",)),
    "headless-local": Command("runs.on_this_machine", "run the load test to completion on this machine"),
    "compare": Command("runs.compare", "compare the statistics of two runs", ("a", "b")),
    "pulse": Command("autoscaling.pulse", "run a pulse of load and check the autoscaler", ("context?",)),
    "live": Command("live", "wait until a save is live or rejected, and print which as JSON", ("timeout?",)),
    "verdict": Command("runs.report_folders", "print the verdict of the newest run as JSON", function="print_newest"),
    "check-requirements": Command("check_requirements", "check that the locked requirements fit their sources"),
}


def main(words: list[str]) -> int:
    """Run a command and return its exit code; a Problem is printed as one sentence."""
    parser = argparse.ArgumentParser(prog="python3 -m tools", description="Commands of this project.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        listed: dict[str, Any] = {} if command.is_internal else {"help": command.summary}
        subparser = commands.add_parser(name, description=command.summary, **listed)
        for argument in command.arguments:
            optional = argument.endswith("?")
            subparser.add_argument(argument.rstrip("?"), nargs="?" if optional else None, default="")
    arguments = vars(parser.parse_args(words or ["--help"]))
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = function_of(arguments.pop("command"))(**arguments) or 0
        sys.stdout.flush()
    except Problem as problem:
        print(problem, file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
    except BrokenPipeError:  # what reads the output has ended, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would fail when it ends
    else:
        return code
    return 1


def function_of(name: str) -> Callable[..., int | None]:
    """What runs a command. Raises Problem if this Python cannot import it."""
    command = COMMANDS[name]
    try:
        function: Callable[..., int | None] = getattr(
            import_module(f".{command.module}", __package__), command.function
        )
    except (ImportError, SyntaxError, TypeError) as error:  # how an older Python fails, or one without the packages
        target = {"check-requirements": "check"}.get(name, name)
        python = f"Python {platform.python_version()}"
        raise Problem(f"{python} cannot run {name} here ({error}): run make {target}") from error
    return function


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
