"""The contexts that this project may use: those with a folder of their name in k8s/overlays. Runs kubectl in them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..problem import Problem

OVERLAYS = Path(__file__).parents[2] / "k8s" / "overlays"


def allowed_contexts() -> list[str]:
    return sorted(file.parent.name for file in OVERLAYS.glob("*/kustomization.yaml"))


def current_context() -> str:
    """The current context of kubectl. Raises Problem if there is none."""
    result = run("kubectl", "config", "current-context")
    if result.returncode:
        raise Problem(f"kubectl has no current context: kubectl config use-context {allowed_contexts()[0]}")
    return result.stdout.strip()


def require_allowed(context: str) -> None:
    """Raise Problem if this project has no overlay for the context."""
    allowed = allowed_contexts()
    if context not in allowed:
        raise Problem(
            f"This project has no overlay for context {context}, so nothing was done: "
            f"kubectl config use-context {allowed[0]}, or add an overlay as k8s/README.md shows. "
            f"There are overlays for {', '.join(allowed)}."
        )


def allowed_context(context: str) -> str:
    """`context`, or the current one if it is empty. Raises Problem if this project has no overlay for it."""
    context = context or current_context()
    require_allowed(context)
    return context


def kubectl(context: str, *words: str, timeout: int = 10) -> subprocess.CompletedProcess[str]:
    """Run kubectl in a context; after `timeout` seconds it counts as failed."""
    return run("kubectl", "--context", context, *words, timeout=timeout)


def last_line(text: str) -> str:
    """The last line of what kubectl printed, which has the error."""
    return (text.strip().splitlines() or ["kubectl gives no reason"])[-1]


def run(*command: str, timeout: int = 10) -> subprocess.CompletedProcess[str]:
    """Run a command; after `timeout` seconds it counts as failed. Raises Problem if it is not installed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    except FileNotFoundError:
        raise Problem(f"{command[0]} is missing: install it, and make sure that it is in PATH.") from None
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, returncode=1, stdout="", stderr=f"no answer within {timeout} s")


def main(context: str) -> None:
    """Print the context that a command of the Makefile may use."""
    print(allowed_context(context))
