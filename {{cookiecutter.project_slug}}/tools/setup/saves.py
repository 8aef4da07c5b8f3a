"""Copies files saved between the build and Skaffold's "Watching for changes", which Skaffold itself never copies.

A hook in skaffold.yaml starts it after each deployment. When Skaffold begins to watch, it assumes that the files are those
that it has built; it copies only later saves. A file that is deleted in this time stays in the pod, because there it could
also be one that the load test has written.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import NamedTuple

from .contexts import NAMESPACE, kubectl
from .preflight import caller, subcommand

PROJECT = Path(__file__).parents[2]

PERIOD = 1
"""Seconds between two comparisons."""
OVERLAP = 15
"""Seconds of comparisons after the hook: several times as long as Skaffold needs until it watches."""
LIMIT = 60
"""Seconds after which it ends although something still differs, such as a file that the load test writes."""


class SyncedFolder(NamedTuple):
    """A folder that is copied into the pods with a label, as `/name`."""

    name: str
    selector: str
    excluded: frozenset[str]
    """Names at the top of the folder that need a new image."""

    def files(self) -> dict[str, bytes]:
        """Content of the files that are synced, by path in the folder."""
        top = PROJECT / self.name
        found = {}
        for path in top.rglob("*"):
            if path.is_file() and self.is_synced(path.relative_to(top)):
                # An editor may remove a temporary file meanwhile.
                with contextlib.suppress(OSError):
                    found[path.relative_to(top).as_posix()] = path.read_bytes()
        return found

    def is_synced(self, path: Path) -> bool:
        ignored = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        return not ignored and path.parts[0] not in self.excluded


IMAGE_ONLY = frozenset({"Dockerfile", "requirements.in", "requirements.txt", "requirements-otel.txt"})
MASTER = "app.kubernetes.io/name=locust,app.kubernetes.io/component=master"
FOLDERS = [
    # Live sync sends the code of the master to the workers.
    SyncedFolder("loadtest", MASTER, IMAGE_ONLY | {"livesync"}),
    SyncedFolder("server", "app.kubernetes.io/name=server", IMAGE_ONLY | {"tests"}),
]


def main(context: str) -> None:
    """Start the comparisons in a process that ends with Skaffold; commands other than dev and debug need none."""
    if subcommand(caller()) in {"dev", "debug"}:
        subprocess.Popen(
            [sys.executable, "-m", "tools", "copy-saves", context, str(os.getppid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def copy_until_watched(context: str, skaffold: str) -> None:
    """Copy what differs in the pods once a second, until Skaffold watches and nothing differs, or its process has ended."""
    start = time.monotonic()
    copied = True
    while is_running(int(skaffold)) and time.monotonic() < start + (LIMIT if copied else OVERLAP):
        copied = sum(copy_differences(context, folder) for folder in FOLDERS) > 0
        time.sleep(PERIOD)


def is_running(process: int) -> bool:
    """Whether there is a process with this id."""
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def copy_differences(context: str, folder: SyncedFolder) -> int:
    """Copy the files that differ into each pod, and return how many pods that were."""
    files, pods = folder.files(), 0
    for pod in in_namespace(context, "get", "pods", "--selector", folder.selector, "--output", "name").split():
        in_pod = digests(context, pod, folder.name)
        changed = {path: content for path, content in files.items() if in_pod and in_pod.get(path) != digest(content)}
        if changed:
            pods += 1
            unpack(context, pod, folder.name, changed)
    return pods


def digests(context: str, pod: str, name: str) -> dict[str, str]:
    """SHA-256 of each file of a folder in a pod; empty if the pod does not answer."""
    script = f"cd /{name} && find * -type f -print0 | xargs -0 sha256sum"
    lines = in_namespace(context, "exec", pod, "--", "sh", "-c", script).splitlines()
    return {path: digest for digest, _, path in (line.partition("  ") for line in lines)}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def unpack(context: str, pod: str, name: str, files: dict[str, bytes]) -> None:
    """Write files into a folder in a pod, as Skaffold does."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    tar = ["tar", "xmf", "-", "-C", f"/{name}", "--no-same-owner"]
    command = ["kubectl", "--context", context, "--namespace", NAMESPACE, "exec", "--stdin", pod, "--", *tar]
    with contextlib.suppress(subprocess.TimeoutExpired):  # the next comparison tries again
        subprocess.run(command, input=buffer.getvalue(), check=False, timeout=30)


def in_namespace(context: str, *words: str) -> str:
    """The output of kubectl in the project's namespace; empty if it fails."""
    return kubectl(context, "--namespace", NAMESPACE, *words).stdout
