"""Each shape as a table of times and users."""

import time

import pytest
from shapes import Pulse


@pytest.mark.parametrize(("second", "users"), [(0, 1), (59, 1), (60, 50), (119, 50), (120, 1), (181, 50)])
def test_a_pulse_comes_at_the_end_of_each_period(second: int, users: int) -> None:
    shape = Pulse()
    shape.start_time = time.perf_counter() - second - 0.5
    assert shape.tick()[0] == users
