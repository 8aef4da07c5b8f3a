"""loadtest/.env on this machine has the values that kubectl makes of it."""

import os
from pathlib import Path

import pytest

from tools.env_file import add_env_file
from tools.problem import Problem

TEXT = """\
# a comment

HASH=abc#def
BLANK=p@ss word
BACKSLASH=a\\b
QUOTES="quoted"
APOSTROPHE=it's
EQUALS=a=b
  INDENTED=1
EMPTY=
"""


def test_a_value_is_all_that_follows_the_equals_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"HASH": "of the command"})
    (tmp_path / ".env").write_text(TEXT)
    add_env_file(tmp_path / ".env")
    assert os.environ == {
        "HASH": "of the command",
        "BLANK": "p@ss word",
        "BACKSLASH": "a\\b",
        "QUOTES": '"quoted"',
        "APOSTROPHE": "it's",
        "EQUALS": "a=b",
        "INDENTED": "1",
        "EMPTY": "",
    }


def test_without_a_file_nothing_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    add_env_file(tmp_path / ".env")
    assert not os.environ


@pytest.mark.parametrize("line", ["export API_TOKEN=1", "API TOKEN=1", "=1", "API_TOKEN=\0"])
def test_an_invalid_line_is_a_problem_with_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"# a comment\n{line}\n")
    with pytest.raises(Problem, match=r"\.env, line 2 is invalid: write NAME=value"):
        add_env_file(tmp_path / ".env")
