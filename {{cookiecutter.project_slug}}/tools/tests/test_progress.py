"""What a run prints while it is under way."""

import json

import pytest

from tools.runs import progress

SAMPLE = {"seconds": 10, "users": 4, "requests_per_second": 7.5, "failures": 0, "p95": None}


def test_progress_is_shown_every_ten_seconds_and_everything_else_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    for line in (
        "Starting Locust",
        json.dumps({"progress": SAMPLE}),
        json.dumps({"progress": SAMPLE | {"seconds": 11}}),
    ):
        progress.show(line)
    assert capsys.readouterr().out.splitlines() == [
        "Starting Locust",
        "  10 s  4 users  7.5 requests/s  p95 -  0 failures",
    ]


@pytest.mark.parametrize("line", ['{"progress": {"seconds": 12, "us', '{"progress": 0.5}', '{"progress": {}}'])
def test_half_of_a_line_of_progress_is_shown_as_it_is(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    progress.show(line)
    assert capsys.readouterr().out == f"{line}\n"
