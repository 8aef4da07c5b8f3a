"""`python -m plugins.headless FOLDER`: run the load test to its end as the master, and leave all reports in FOLDER.

`make headless` starts it in the cluster, `make headless-local` on this machine. It takes further arguments of Locust.
"""

import os
import runpy
import sys
from pathlib import Path


def arguments(folder: Path) -> list[str]:
    """The arguments of Locust for a run to completion; headless.toml and LOCUST_… variables set the others."""
    return [
        "--config=headless.toml",
        "--master",
        "--headless",
        f"--expect-workers-max-wait={os.environ.get('LOCUST_EXPECT_WORKERS_MAX_WAIT', '60')}",
        "--only-summary",
        f"--csv={folder}/locust",
        "--csv-full-history",
        f"--html={folder}/report.html",
        f"--json-file={folder}/locust",
        f"--verdict={folder}",
    ]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("The folder for the reports is missing: run python -m plugins.headless FOLDER")
    folder = Path(sys.argv[1]).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"The folder {folder} for the reports cannot be created ({error.strerror}): use another one.")
    sys.argv[1:] = [*arguments(folder), *sys.argv[2:]]
    try:
        runpy.run_module("plugins", run_name="__main__")
    except KeyboardInterrupt:
        sys.exit("Interrupted before the test began.")
