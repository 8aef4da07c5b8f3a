"""How a service reacted to a pulse, in figures and in a sentence."""

import math
from pathlib import Path

import pytest

from tools.autoscaling.reaction import Moment, Reaction, RecordedRun, describe_rise, react, read_history
from tools.autoscaling.samples import Sample

START = 1_700_000_000

Stretch = tuple[int, int, int]
# The second after which it ends, then desired and ready, for the pulse that `history` has.
PULSE: list[Stretch] = [(105, 1, 1), (109, 5, 1), (195, 5, 5), (197, 1, 5), (240, 1, 1)]


def samples(*stretches: Stretch) -> list[Sample]:
    """A sample for every second of the stretches."""
    found: list[Sample] = []
    for end, desired, ready in stretches:
        found += [Sample(START + at, ready, None, desired, ready) for at in range(len(found), end)]
    return found


def history(p95: int = 40, peak: int = 500) -> list[Moment]:
    """195 seconds with a pulse from second 90 to 149, of which 20 seconds are as slow as told."""
    return [
        Moment(START + at, peak if 90 <= at < 150 else 1, 9.0, 0.0, 5, p95 if 95 <= at < 115 else 20)
        for at in range(195)
    ]


def test_the_reaction_is_measured_from_both_ends_of_the_pulse() -> None:
    assert react(RecordedRun(history(p95=900), samples(*PULSE)), minimum=1, level=500) == Reaction(19, 20, 48, 1, 500)


def test_a_short_return_to_the_minimum_does_not_count() -> None:
    run = RecordedRun(history(), samples(*PULSE, (245, 2, 1), (250, 1, 1)))
    assert react(run, minimum=1, level=500) == Reaction(19, 0, 96, 1, 500)


def test_pods_that_left_during_the_pulse_are_back_at_its_end() -> None:
    run = RecordedRun(history(), samples((105, 1, 1), (109, 5, 1), (140, 5, 5), (145, 1, 5), (240, 1, 1)))
    assert react(run, minimum=1, level=500) == Reaction(19, 0, 0, 1, 500)


@pytest.mark.parametrize(
    ("reaction", "summary"),
    [
        (
            Reaction(14.2, 22, 61.4, 1, 500),
            "First new pod ready 14 s after the pulse began; p95 above 500 ms for 22 s; "
            "back to 1 replica 61 s after it ended.",
        ),
        (
            Reaction(14, 0, None, 2, 500),
            "First new pod ready 14 s after the pulse began; p95 never above 500 ms; did not return to 2 replicas.",
        ),
        (Reaction(None, 22, 0, 1, 500), "No new pod became ready; p95 above 500 ms for 22 s."),
        (Reaction(None, 0, None, 1, 500, had_pulse=False), "The run has no pulse: the number of users never rose."),
    ],
)
def test_the_summary_says_what_happened(reaction: Reaction, summary: str) -> None:
    assert reaction.summary() == summary


def test_without_a_level_the_summary_says_so() -> None:
    reaction = Reaction(None, 0, 0, 1, math.inf)
    assert reaction.summary() == "No new pod became ready; slo.toml has no level of p95 for the total."


@pytest.mark.parametrize("run", [RecordedRun([], []), RecordedRun(history(peak=1), samples(*PULSE))])
def test_a_run_without_a_pulse_has_no_reaction(run: RecordedRun) -> None:
    assert not react(run, minimum=1, level=500).had_pulse


def test_only_whole_rows_with_the_totals_of_the_history_are_read(tmp_path: Path) -> None:
    file = tmp_path / "locust_stats_history.csv"
    file.write_text(
        "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%\n"
        "1700000000,0,,Aggregated,0.000000,0.000000,N/A,N/A\n"
        "1700000001,3,GET,/hello,7.500000,0.500000,4,9\n"
        "1700000001,3,,Aggregated,7.500000,0.500000,5,11\n"
        "1700000002,3,,Aggregated,7"
    )
    assert read_history(file) == [Moment(START, 0, 0, 0, None, None), Moment(START + 1, 3, 7.5, 0.5, 5, 11)]
    assert read_history(tmp_path / "none.csv") == []


def test_the_rise_is_measured_from_the_last_low_moment_to_the_first_with_all_users() -> None:
    users = [0, 1, 1, 1, 201, 401, 500, 500, 1]
    moments = [Moment(START + at, count, 9.0, 0.0, 5, 20) for at, count in enumerate(users)]
    assert describe_rise(moments) == "All 500 users were running within 3 s."
    assert describe_rise(moments[6:8]) == "All 500 users were running within 0 s."
