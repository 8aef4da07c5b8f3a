"""What the benchmarks measure with: times until a condition, CPU time and memory of a process."""

import math
import os
import re
import time
from collections.abc import Callable
from pathlib import Path


def time_until(condition: Callable[[], bool], seconds: float = 60, poll: float = 0.001) -> float:
    """Seconds until the condition held, or infinity; an unreachable web UI counts as not yet."""
    start = time.monotonic()
    while time.monotonic() < start + seconds:
        try:
            if condition():
                return time.monotonic() - start
        except OSError:
            pass
        time.sleep(poll)
    return math.inf


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, from Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Resident memory of a process in MiB, from Linux."""
    [kib] = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kib) / 1024
