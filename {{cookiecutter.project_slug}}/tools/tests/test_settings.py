"""Settings of a run: an invalid one is a Problem that names the file and the key."""

import math
import re
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tools.problem import Problem
from tools.runs import settings


def file(folder: Path, text: str) -> Path:
    path = folder / "headless.toml"
    path.write_text(text)
    return path


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCUST_EXPECT_WORKERS", raising=False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tool.locust", "headless.toml cannot be read: Expected ']'"),
        ("users = 1", "headless.toml has no table [tool.locust]"),
        ("[tool]\nlocust = 1", "headless.toml has no table [tool.locust]"),
        ("[tool.locust]", "headless.toml has no expect-workers in [tool.locust]"),
        ("[tool.locust]\nexpect-workers = 0", "expect-workers in headless.toml is 0: it must be a whole number"),
        ("[tool.locust]\nexpect-workers = 'two'", "expect-workers in headless.toml is 'two': it must be a whole"),
        ("[tool.locust]\nusers = {}", "users in headless.toml is {}: it must be a value"),
        ("[tool.locust]\nusers = inf", "users in headless.toml is inf: it must be a value"),
        ("[tool.locust]\n'a=b' = 1", "headless.toml has 'a=b', which is no option of Locust: see locust --help"),
        ('[tool.locust]\nplan = "\\u0000"', "plan in headless.toml is '\\x00': it must be a value without null"),
        (f"[tool.locust]\nusers = {'[' * 5000}", "headless.toml cannot be read: "),
        (f"[tool.locust]\nusers = 0x{'f' * 5000}", "headless.toml cannot be read: "),
        (
            "[tool.locust]\nlocustfile = 'x.py'",
            "headless.toml has 'locustfile', which cannot be set for a run: remove it",
        ),
        ("[tool.locust]\nhost = 'http://a'", "headless.toml has 'host', which LOCUST_HOST overrides: remove it"),
        ("[tool.locust]\nworker = true", "headless.toml has 'worker', which cannot be set for a run: remove it"),
        ("[tool.locust]\nprocesses = 2", "headless.toml has 'processes', which cannot be set for a run: remove it"),
        ("[tool.locust]\nlist = true", "headless.toml has 'list', which cannot be set for a run: remove it"),
        ("[tool.locust]\nexpect-workers = 1.5", "expect-workers in headless.toml is 1.5: it must be a whole number"),
    ],
)
def test_an_invalid_file_is_a_problem_with_the_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Problem) as raised:
        settings.expected_workers(file(tmp_path, text))
    assert problem in str(raised.value)


same_each_time = hypothesis_settings(
    derandomize=True, database=None, deadline=None, max_examples=200, suppress_health_check=list(HealthCheck)
)
names = st.sampled_from(["users", "expect-workers", "'a=b'", "''", '"\\u0000"']) | st.text(max_size=5)
toml_values = st.sampled_from(
    ["2", "0x2", "nan", "[]", "[[1], {a = 2}]", "{}", "1979-05-27", '"\\u0000"', "true", f"0x{'f' * 5000}", "9" * 400]
) | st.one_of(st.integers(), st.floats(), st.text(max_size=5)).map(str)  # fmt: skip
options = st.lists(st.builds("{} = {}".format, names, toml_values), max_size=3).map("\n".join)


@same_each_time
@given(options.map("[tool.locust]\n{}".format) | st.text(max_size=30))
def test_any_text_is_settings_or_a_problem(tmp_path: Path, text: str) -> None:
    written = tmp_path / "headless.toml"
    written.write_bytes(text.encode(errors="surrogatepass"))
    with suppress(Problem):
        assert settings.expected_workers(written) >= 1
    with suppress(Problem):
        settings.p95_level(written)
    with suppress(Problem):
        for name, value in settings.as_variables(written).items():
            # No process can have others in its environment.
            assert re.fullmatch("LOCUST_[A-Z0-9_]+", name)
            assert "\0" not in value


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"headless.toml cannot be read: No such file"):
        settings.expected_workers(tmp_path / "headless.toml")


@pytest.mark.parametrize("value", ["x", "0", "-1", "1.5", " ", "٣"])
def test_an_invalid_variable_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LOCUST_EXPECT_WORKERS", value)
    with pytest.raises(Problem, match=r"LOCUST_EXPECT_WORKERS is .*: it must be a whole number of at least 1"):
        settings.expected_workers(file(tmp_path, "[tool.locust]\nexpect-workers = 2"))


def test_the_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = file(tmp_path, "[tool.locust]\nexpect-workers = 2")
    assert settings.expected_workers(known) == 2
    monkeypatch.setenv("LOCUST_EXPECT_WORKERS", "5")
    assert settings.expected_workers(known) == 5
    monkeypatch.setenv("LOCUST_EXPECT_WORKERS", "")
    assert settings.expected_workers(known) == 2


def test_reserved_and_empty_variables_are_not_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOCUST_LOCUSTFILE", "LOCUST_MODE_WORKER", "LOCUST_LOGFILE", "LOCUST_CSV", "LOCUST_WEB_LOGIN"):
        monkeypatch.setenv(name, "1")
        assert name not in settings.from_environment()
        assert name not in settings.process_environment()
    for name in ("LOCUST_USERS", "LOCUST_SHAPE", "LOCUST_PLAN", "LOCUST_CONFIG_USERS"):
        monkeypatch.setenv(name, "secret")
        assert settings.from_environment()[name] == settings.process_environment()[name] == "secret"
    monkeypatch.setenv("LOCUST_SPAWN_RATE", "")
    assert "LOCUST_SPAWN_RATE" not in settings.process_environment()
    said = settings.describe_environment()
    assert "LOCUST_PLAN" in said
    assert "ignored, because the run sets them: LOCUST_CSV, LOCUST_LOCUSTFILE" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("text", "level"), [("[total]\np95 = 300", 300), ("[total]\np99 = 300", math.inf), ("", math.inf), (None, math.inf)]
)
def test_the_limit_of_p95_is_that_of_the_service_levels(tmp_path: Path, text: str | None, level: float) -> None:
    levels = tmp_path / "slo.toml"
    if text is not None:
        levels.write_text(text)
    assert settings.p95_level(levels) == level


def test_a_file_becomes_variables_of_locust(tmp_path: Path) -> None:
    known = file(tmp_path, '[tool.locust]\nrun-time = "195s"\nhigh = 1000')
    assert settings.as_variables(known) == {"LOCUST_RUN_TIME": "195s", "LOCUST_HIGH": "1000"}


@pytest.fixture
def loadtest(tmp_path: Path) -> Path:
    """A copy of the load test, whose files may be changed."""
    return shutil.copytree(settings.LOADTEST, tmp_path / "loadtest", ignore=shutil.ignore_patterns("tests"))


def problem_of(loadtest: Path) -> str:
    with pytest.raises(Problem) as raised:
        settings.valid_settings(loadtest / "pulse.toml", loadtest=loadtest)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("name", ["headless.toml", "pulse.toml"])
@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("users = 'ten'", "is invalid: argument -u/--users: invalid int value: 'ten'"),
        ("users = -1", "is invalid: users is -1: "),
        ("high = [1, 2]", "is invalid: "),
        ("worker = true", "has 'worker', which cannot be set for a run: remove it"),
    ],
)
def test_an_invalid_option_is_a_problem_that_names_its_file(
    loadtest: Path, name: str, option: str, problem: str
) -> None:
    # Each key once, in the one file.
    (loadtest / "headless.toml").write_text("[tool.locust]\n")
    (loadtest / "pulse.toml").write_text("[tool.locust]\n")
    (loadtest / name).write_text(f"[tool.locust]\n{option}")
    assert problem_of(loadtest).startswith(f"{name} {problem}")


def test_an_option_that_locust_does_not_have_is_a_problem_that_names_its_file(loadtest: Path) -> None:
    file(loadtest, "[tool.locust]\nuser = 3")
    assert problem_of(loadtest) == "headless.toml is invalid: unrecognized arguments: --user=3 Did you mean '--users'?"
    file(loadtest, "[tool.locust]")
    pulse = loadtest / "pulse.toml"
    pulse.write_text("[tool.locust]\nhihg = 500")
    assert problem_of(loadtest) == "pulse.toml has 'hihg', which is no option of Locust that has a variable"
    pulse.write_text("[tool.locust]\nexpect-workers = 3")
    assert problem_of(loadtest).startswith("pulse.toml has expect-workers, which applies in headless.toml alone")


def test_an_invalid_variable_of_locust_is_named(loadtest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUST_SHAPE", "zigzag")
    assert problem_of(loadtest).startswith("LOCUST_SHAPE is invalid: argument --shape: invalid choice: 'zigzag'")


def test_a_locustfile_that_cannot_be_loaded_is_a_problem_with_the_line(loadtest: Path) -> None:
    locustfile = loadtest / "locustfile.py"
    locustfile.write_text("import os\nos.missing\n")
    assert problem_of(loadtest) == (
        "The locustfile cannot be loaded: locustfile.py:2: AttributeError: module 'os' has no attribute 'missing'"
    )
    locustfile.write_text("")
    assert problem_of(loadtest) == "The locustfile cannot be loaded: it has no user class that is not abstract"


def test_what_a_locustfile_prints_at_exit_does_not_hide_the_settings(loadtest: Path) -> None:
    locustfile = loadtest / "locustfile.py"
    locustfile.write_text(locustfile.read_text() + "\nimport atexit\natexit.register(print, 'bye')\n")
    assert settings.valid_settings(loadtest=loadtest).run_time


def test_invalid_service_levels_are_a_problem_before_anything_starts(loadtest: Path) -> None:
    (loadtest / "slo.toml").write_text("[total]\np90 = 1")
    assert problem_of(loadtest).startswith("slo.toml is invalid: [total] has 'p90', which is none of p50, ")


def test_the_settings_of_a_fresh_project_are_valid() -> None:
    valid = settings.valid_settings(settings.LOADTEST / "pulse.toml")
    assert valid.variables["LOCUST_SHAPE"] == "pulse"
    assert valid.run_time == 195


def test_lists_in_a_file_become_variables_that_locust_reads(loadtest: Path) -> None:
    (loadtest / "pulse.toml").write_text("[tool.locust]\ntags = ['a', 'b, c']")
    assert settings.valid_settings(loadtest / "pulse.toml", loadtest=loadtest).variables == {
        "LOCUST_TAGS": '["a", "b, c"]'
    }
