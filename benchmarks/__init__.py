"""Benchmarks and long series, outside of the tests: `make bench` and `make soak`."""

import tests  # noqa: F401 - it makes the packages of the generated project importable
