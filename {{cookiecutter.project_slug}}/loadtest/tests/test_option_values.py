"""Values of options that are rejected before the first request."""

from collections.abc import Callable
from typing import Any

import pytest
from plugins.option_values import problem
from support.locust_process import Run


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_users", -1, "users is -1: it must be at least 0"),
        ("num_users", 1_000_001, "users is 1000001: it must be at most 1,000,000"),
        ("high", 10**400, "it must be at most 1,000,000"),
        ("period", 10**20, "period is 100000000000000000000: it must be at most 9,223,372,036,854,775,807"),
        ("run_time", 10**20, "run_time is 100000000000000000000: it must be at most 9,223,372,036,854,775,807"),
        ("spawn_rate", float("nan"), "spawn_rate is nan: it must be a number above 0"),
        ("host", "http://a b", "host is 'http://a b': it must be a URL, such as http://server:8000"),
    ],
)
def test_a_value_that_no_test_can_run_with_is_rejected(name: str, value: Any, message: str) -> None:
    assert message in (problem({name: value}) or "")
    assert len(problem({name: value}) or "") < 150


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--period", "1" * 400, "it must be at most 9,223,372,036,854,775,807"),
        ("--run-time", "99999999999h", "argument -t/--run-time: 99999999999h is too long"),
        ("--verdict", "/dev/null", "/dev/null cannot be created for the verdict (File exists)"),
    ],
)
def test_it_ends_the_start_in_one_sentence(
    run_locust: Callable[..., Run], option: str, value: str, message: str
) -> None:
    run = run_locust(option, value)
    assert run.code
    assert message in run.output.splitlines()[-1]
    assert "Traceback" not in run.output
