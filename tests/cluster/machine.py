"""Commands, clusters and ports of the machine that the tests run on."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.commands import run


@dataclass(frozen=True)
class Machine:
    """Runs commands with a kubeconfig of the test's own, so that the user's stays as it is."""

    kubeconfig: Path
    logs: Path
    kubeconfig_before: str = ""
    """A kubeconfig of the project that overrides the current context of the other one."""
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables that override those of the test."""

    @property
    def environment(self) -> dict[str, str]:
        quiet = {"TILT_DISABLE_ANALYTICS": "1", "SKAFFOLD_UPDATE_CHECK": "false", "SKAFFOLD_INTERACTIVE": "false"}
        kubeconfig = {"KUBECONFIG": f"{self.kubeconfig_before}{self.kubeconfig}"}
        return os.environ | quiet | kubeconfig | self.variables

    def run(
        self, *command: str | Path, cwd: Path | None = None, seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command whatever its exit code; output and errors come together."""
        return run(*command, cwd=cwd, seconds=seconds, environment=self.environment)

    def output(self, *command: str | Path, cwd: Path | None = None, seconds: float = 60) -> str:
        """What a command prints that has to succeed."""
        result = self.run(*command, cwd=cwd, seconds=seconds)
        assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stdout}"
        return result.stdout

    @contextlib.contextmanager
    def running(self, *command: str | Path, cwd: Path, settle: float = 90) -> Iterator[Path]:
        """Keep a command running, and give its log; it ends by the Ctrl-C of a terminal within `settle` seconds."""
        log = self.logs / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield log
            assert process.poll() is None, f"{command} ended by itself"
        except BaseException:
            print(f"{' '.join(map(str, command))} printed:\n{log.read_text()[-20_000:]}")
            raise
        finally:
            end(process, settle)

    def for_skaffold(self) -> "Machine":
        """How Skaffold has to run: a minikube on containerd must not be the current context."""
        if (
            self.output("kubectl", "config", "current-context").strip() == "minikube"
            and self.runtime("minikube") == "containerd"
        ):
            return replace(self, kubeconfig_before="k8s/no-context.yaml:")
        return self

    def runtime(self, context: str) -> str:
        """The container runtime of the node."""
        path = "jsonpath={.items[0].status.nodeInfo.containerRuntimeVersion}"
        return self.output("kubectl", "--context", context, "get", "nodes", "--output", path).partition(":")[0]

    def contexts(self) -> list[str]:
        return self.output("kubectl", "config", "get-contexts", "--output", "name").split()

    def use(self, context: str) -> None:
        self.output("kubectl", "config", "use-context", context)

    def objects(self, context: str, *words: str) -> list[dict[str, Any]]:
        """What kubectl gets for these words."""
        output = self.output("kubectl", "--context", context, "get", "--output", "json", *words)
        items: list[dict[str, Any]] = json.loads(output)["items"]
        return items


def end(process: subprocess.Popen[bytes], settle: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(settle)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def own_kubeconfig(folder: Path) -> Path:
    """A copy of the user's kubeconfig in a folder."""
    file = folder / "kubeconfig"
    command = ["kubectl", "config", "view", "--raw", "--flatten"]
    file.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    file.chmod(0o600)
    return file


def missing_tools(*names: str) -> list[str]:
    return [name for name in names if not shutil.which(name)]
