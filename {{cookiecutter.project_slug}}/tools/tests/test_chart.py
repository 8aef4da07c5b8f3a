"""The chart of `make pulse`."""

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools.autoscaling.chart import draw, interrupted
from tools.autoscaling.reaction import Moment, RecordedRun
from tools.autoscaling.samples import Sample

RUN = RecordedRun(
    [Moment(at, 500 if 20 <= at < 40 else 1, 90.0, 1.0, 5, 20) for at in range(60)],
    [Sample(at + 0.5, 1, 40, 1, 1) for at in range(60)],
)


def test_the_chart_names_all_that_it_shows(tmp_path: Path) -> None:
    draw(tmp_path / "chart.svg", "First new pod ready.", RUN, target=70)
    root = ElementTree.parse(tmp_path / "chart.svg").getroot()  # noqa: S314 - our own file
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert texts >= {
        "First new pod ready.",
        "Users",
        "pulse",
        "Requests and failures per second",
        "requests",
        "failures",
        "Response time in ms",
        "p50",
        "p95",
        "Replicas",
        "desired",
        "ready",
        "CPU in % of the request",
        "target 70 %",
        "seconds since the start of the run",
    }


def test_the_same_run_gives_the_same_bytes_without_a_date(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        draw(tmp_path / name, "Title", RUN, target=70)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert not re.search(r"dc:date|\b20\d\d-", (tmp_path / "one.svg").read_text())


@pytest.mark.parametrize("run", [RecordedRun([], []), RecordedRun(RUN.history, []), RecordedRun([], RUN.samples)])
def test_a_run_that_failed_early_is_drawn_too(run: RecordedRun, tmp_path: Path) -> None:
    draw(tmp_path / "chart.svg", "The run has no pulse.", run, target=70)
    assert "target 70 %" in (tmp_path / "chart.svg").read_text()


def test_a_line_is_broken_where_values_are_missing() -> None:
    times, values = interrupted([(0, 1), (1, None), (2, 3), (9, 4)])
    assert times == [0, 1, 2, 5, 9]
    assert [math.isnan(value) for value in values] == [False, True, False, True, False]
