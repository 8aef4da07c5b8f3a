"""Repairs of Locust 2.47 for every run, with and without live sync. Each one says how to see that it can go."""

from locust import argument_parser, runners

import time
from functools import lru_cache
from types import SimpleNamespace

# Each spawn message makes a worker build Locust's argument parser, during which it runs no user for 0.2 s.
# It can go once `default_args_dict` builds no parser any more. The template's docs/upstream has the report.
argument_parser.default_args_dict = lru_cache(maxsize=1)(argument_parser.default_args_dict)

# Locust compares wall clocks: after a step forward workers exit, after a step back new users never start.
# It can go once locust/runners.py uses `time.monotonic()`.
_OFFSET = time.time() - time.monotonic()
vars(runners)["time"] = SimpleNamespace(**{**vars(time), "time": lambda: _OFFSET + time.monotonic()})
