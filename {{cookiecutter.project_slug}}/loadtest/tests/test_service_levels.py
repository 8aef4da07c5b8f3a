"""Service levels: what slo.toml may contain, and how its levels are compared with the statistics."""

from locust.stats import RequestStats

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from plugins.verdict.service_levels import ServiceLevels


def levels(folder: Path, text: str) -> ServiceLevels:
    file = folder / "slo.toml"
    file.write_text(text)
    return ServiceLevels.read(file)


def measured() -> RequestStats:
    """A hundred requests to /hello that took 10 to 1,000 ms, one of which failed."""
    stats = RequestStats()
    for number in range(100):
        stats.log_request("GET", "/hello", 10 * (number + 1), 0)
    stats.log_error("GET", "/hello", "refused")
    return stats


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[total]\np90 = 1", "[total] has 'p90', which is none of p50"),
        ('[requests."/hello"]\nmax = 1', "[requests.\"/hello\"] has 'max'"),
        ("[sum]", "unknown key 'sum': put levels below [total] or [requests.\"name\"]"),
        ("[total]\np95 = -1", "p95 in [total] is -1: it must be a number"),
        ("[total]\np95 = '5'", "p95 in [total] is '5': it must be a number"),
        ("[total", "Expected ']'"),
        ("[total]\np95 = inf", "p95 in [total] is inf: it must be a number of at least 0"),
        ("[total]\np95 = nan", "p95 in [total] is nan: it must be a number of at least 0"),
        ("[total]\np95 = 1e400", "p95 in [total] is inf: it must be a number of at least 0"),
        ("[total]\np95 = 1" + 400 * "0", "00: it must be a number of at least 0"),
        ("total = " + 5000 * "[" + 5000 * "]", "its values are nested too deeply"),
        ("[total]\np95 = true", "p95 in [total] is True: it must be a number of at least 0"),
        ("[total]\nfailure_ratio = 5", "failure_ratio in [total] is 5: it must be a number from 0 to 1"),
        ("[total]", "[total] is {}: it must be a table with at least one level"),
        ("[requests]", "[requests] is {}: it must be a table with at least one level"),
        ("[total]\np95 = 5\n[requests]", "[requests] is {}: it must be a table with at least one level"),
        ('[requests."/hello"]', '[requests."/hello"] is {}: it must be a table with at least one level'),
        ("total = 5", "[total] is 5: it must be a table"),
        ("[requests]\n'/hello' = 5", '[requests."/hello"] is 5: it must be a table with at least one level'),
    ],
)
def test_an_invalid_file_is_rejected_with_the_key(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError) as rejection:  # noqa: PT011 - its message is compared below
        levels(tmp_path, text)
    assert problem in str(rejection.value)


keys = st.sampled_from(["p50", "p95", "failure_ratio", "min_samples", "p90", "total", '"a b"']) | st.text(max_size=5)
toml_values = st.sampled_from(
    ["true", "nan", "-inf", "[]", "[1, {a = 2}]", "{}", "{p95 = 5}", "1979-05-27", '"\\u0000"', f"0x{'f' * 5000}", "9" * 400]
) | st.one_of(st.integers(), st.floats(), st.text(max_size=5)).map(str)  # fmt: skip
tables = st.sampled_from(["[total]", "[requests]", "[requests.'/hello']", "[[total]]", "[sum]"])
toml = st.lists(tables | st.builds("{} = {}".format, keys, toml_values), max_size=4).map("\n".join)


@hypothesis_settings(
    derandomize=True, database=None, deadline=None, max_examples=200, suppress_health_check=list(HealthCheck)
)
@given(toml | st.text(max_size=30))
@example(f"[total]\np95 = {'9' * 400}")
def test_any_text_is_levels_or_rejected(tmp_path: Path, text: str) -> None:
    file = tmp_path / "slo.toml"
    file.write_bytes(text.encode(errors="surrogatepass"))
    try:
        found = ServiceLevels.read(file)
    except ValueError:
        return
    assert found.checks(measured())


@pytest.mark.parametrize(
    ("level", "passes"),
    [
        ("p50 = 510", True),
        ("p50 = 490", False),
        ("p95 = 970", True),
        ("p95 = 940", False),
        ("p99 = 1000", True),
        ("p99 = 980", False),
        ("failure_ratio = 0.01", True),
        ("failure_ratio = 0.009", False),
        ("min_samples = 100", True),
        ("min_samples = 101", False),
        ("requests_per_second = 1e9", False),
        ("requests_per_second = 0", True),
    ],
)
@pytest.mark.parametrize("place", ["[total]", '[requests."/hello"]'])
def test_a_level_is_compared_with_what_was_measured(tmp_path: Path, place: str, level: str, passes: bool) -> None:
    [check] = levels(tmp_path, f"{place}\n{level}").checks(measured())
    assert check.passed == passes


def test_a_missed_level_has_the_expected_and_the_actual_value(tmp_path: Path) -> None:
    [check] = levels(tmp_path, '[requests."/hello"]\np95 = 500').checks(measured())
    assert (check.name, check.expected, check.actual) == ("GET /hello p95", "at most 500 ms", "960 ms")


def test_a_level_that_is_missed_by_little_shows_by_how_much(tmp_path: Path) -> None:
    stats = RequestStats()
    stats.total.num_requests, stats.total.num_failures = 250_000, 2501
    [check] = levels(tmp_path, "[total]\nfailure_ratio = 0.01").checks(stats)
    assert (check.passed, check.expected, check.actual) == (False, "at most 0.01", "0.010004")


def test_a_level_for_a_request_that_was_never_made_fails(tmp_path: Path) -> None:
    [check] = levels(tmp_path, '[requests."/hallo"]\np95 = 500').checks(measured())
    assert not check.passed
    assert check.actual == "none"


@pytest.mark.parametrize("text", [None, ""])
def test_a_file_without_a_level_fails(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "slo.toml"
    if text is not None:
        file.write_text(text)
    [check] = ServiceLevels.read(file).checks(measured())
    assert not check.passed
    assert check.actual == ("no such file" if text is None else "no level")
