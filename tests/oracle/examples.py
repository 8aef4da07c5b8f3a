"""The oracle: random edits of small load tests, applied in place and compared with a fresh load of the final code.

    .venv/bin/python -m tests.oracle.examples --examples 1000 --seed 7

Importing Locust patches the standard library, so `test_oracle.py` starts this as a process.
"""

import argparse
import builtins
import gc
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from tests.oracle.generated import COUNTS, LoadTest, ran
from tests.oracle.one_process import OneProcess, install
from tests.oracle.rendering import files_of
from tests.oracle.sequence import Sequence, story

SHRINKING = 15
"""Seconds for which a failing example is made smaller."""


failures: list[tuple[float, str]] = []


def example(random: Random) -> None:
    sequence = Sequence(random)
    try:
        sequence.run()
    except Exception as error:
        text = f"{story(sequence.past)}\n{''.join(traceback.format_exception(error)[-4:])}"
        if not failures or len(text) < len(failures[-1][1]):
            failures.append((time.monotonic(), text))
        if time.monotonic() > failures[0][0] + SHRINKING:
            print(failures[-1][1], flush=True)
            os._exit(1)
        raise
    finally:
        del sequence
        gc.collect()
        # Live sync searches all objects for old functions, but not frozen ones: Hypothesis keeps many of each example.
        gc.freeze()
        # An edit invalidates all that is cached here, that of the folders of earlier examples included.
        for path in [path for path in sys.path_importer_cache if path.startswith(tempfile.gettempdir())]:
            del sys.path_importer_cache[path]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=300)
    parser.add_argument("--seed", type=int, help="without it, the same examples each time")
    parser.add_argument("--no-shrink", action="store_true")
    options = parser.parse_args()
    sys.dont_write_bytecode = True
    if Path("/dev/shm").is_dir():
        tempfile.tempdir = "/dev/shm"  # most of the time goes into small files
    vars(builtins)["_ran"] = ran
    set_hypothesis_home_dir(tempfile.gettempdir())
    randoms = st.randoms(use_true_random=False)
    randoms.validate()  # what Hypothesis imports late, before there is a folder of live sync's
    install()
    OneProcess(files_of(LoadTest())).close()  # the patches need one
    gc.collect()
    gc.freeze()
    for finder in filter(None, sys.path_importer_cache.values()):
        # Python looks for a package without __init__.py everywhere: let it list installed packages once.
        vars(finder)["invalidate_caches"] = lambda: None
    phases = [Phase.generate] if options.no_shrink else [Phase.generate, Phase.shrink]
    configured = settings(
        max_examples=options.examples, deadline=None, database=None, derandomize=options.seed is None, phases=phases,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    test = configured(given(randoms)(example))
    if options.seed is not None:
        test = seed(options.seed)(test)
    try:
        test()
    except Exception:
        print(failures[-1][1] if failures else traceback.format_exc())
        sys.exit(1)
    print(f"{options.examples} sequences agree with a fresh load")
    print(COUNTS.most_common(20))


if __name__ == "__main__":
    main()
