"""The clusters this project may touch: those whose context has a folder of its name in k8s/overlays."""

from __future__ import annotations

import subprocess
from pathlib import Path

OVERLAYS = Path(__file__).parents[1] / "k8s" / "overlays"


class Problem(Exception):
    """What stands in the way, with the remedy, in one sentence."""


def allowed_contexts() -> list[str]:
    return sorted(file.parent.name for file in OVERLAYS.glob("*/kustomization.yaml"))


def current_context() -> str:
    """The context that kubectl uses by default; raises Problem without one."""
    result = run("kubectl", "config", "current-context")
    if result.returncode:
        raise Problem(f"No context is current: kubectl config use-context {allowed_contexts()[0]}")
    return result.stdout.strip()


def require_allowed(context: str) -> None:
    """Raise Problem for a context that this project has no overlay for."""
    allowed = allowed_contexts()
    if context not in allowed:
        raise Problem(
            f"Context {context} is none of {', '.join(allowed)}, so it is left alone: "
            f"kubectl config use-context {allowed[0]}"
        )


def kubectl(context: str, *words: str, seconds: int = 10) -> subprocess.CompletedProcess[str]:
    """Run kubectl in that context, whichever is current; a cluster that is silent for so long has failed."""
    return run("kubectl", "--context", context, *words, seconds=seconds)


def last_line(text: str) -> str:
    """What kubectl ends with, after all that it logged."""
    return (text.strip().splitlines() or ["kubectl does not say why"])[-1]


def run(*command: str, seconds: int = 10) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; raises Problem where it is not installed, fails it where it takes too long."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except FileNotFoundError:
        raise Problem(f"{command[0]} is missing: install it and see that it is in PATH.") from None
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, returncode=1, stdout="", stderr=f"no answer in {seconds} s")
