"""Answers that cannot work are refused; all others arrive as data."""

import ast
import json
import runpy
import shutil
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from cookiecutter.exceptions import FailedHookException
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jinja2 import Template

from tests.support import json_with_comments

QUESTIONS = ["project_name", "project_slug", "description", "target_host", "workers"]

DEFAULTS = {
    "project_name": "Load Lab",
    "project_slug": "load-lab",
    "description": "A server.",
    "target_host": "http://server:8000",
    "workers": "2",
}

EXAMPLES = {
    "project_name": "such as Load Lab",
    "project_slug": "An example is load-lab",
    "description": "such as Tests the search",
    "target_host": "such as http://server:8000",
    "workers": "such as 2",
}

REFUSED = {
    "project_name": ["", " ", "a\nb", "a\tb", "bell\a", "line\u2028line", "x" * 61],
    "project_slug": [
        "default",
        "kube-system",
        "off",
        "yes",
        "null",
        "y",
        "Load-Lab",
        "9lives",
        "-x",
        "x-",
        "a_b",
        "a.b",
        "a b",
        "trailing\n",
        "../x",
        "übung",
        "x;id",
        "x" * 41,
    ],
    "description": ["one\ntwo", "nul\0", "\x1b[31mred", "x" * 201],
    "target_host": [
        "",
        "server:8000",
        "ftp://server",
        "http://",
        "http://a b",
        'http://a"b',
        "http://a'b",
        "http://a\\b",
        "http://a\n",
        "http://a$(id)",
        "http://a/#b",
        "http://a:port",
        "http://-a",
        "http://a-",
        "http://a..b",
        f"http://{'a' * 64}",
    ],
    "workers": ["", "0", "51", "-1", "2.0", "two", "02", "1_0", "\u0662", "2\n", "1" * 5],
}

REFUSED_ONE_BY_ONE = [(question, answer) for question in REFUSED for answer in REFUSED[question]]

HOSTILE = [
    "\"double\" 'single' `back`",
    "\"\"\" and ''' and r'",
    "back\\slash \\n \\u0041 \\",
    "a: b # c",
    "- [x] {y}: *z &a !b %c @d",
    "| > ~ null",
    "{% raw %}{{ x }} {# y #} {% z %}{% endraw %}",
    "$(touch pwned) $HOME ${HOME} $$ && | ; `id`",
    "<b>&amp;</b> ]]> --",
    "Ünï 名前 \U0001f389 ß",
    "' + str(1/0) + '",
    "x" * 60,
]


def assert_parses(path: Path) -> None:
    """Fail unless the file is well-formed in the format that its name tells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py" or path.name == "Tiltfile":
        with warnings.catch_warnings(action="error"):
            ast.parse(text, str(path))
    elif path.suffix == ".toml":
        tomllib.loads(text)
    elif path.suffix == ".json":
        json_with_comments.parse(text)
    elif path.suffix == ".yaml":
        assert list(yaml.safe_load_all(text))
    elif path.name == "Makefile":
        make = ["make", "--dry-run", "--file", str(path)]
        subprocess.run(make, cwd=path.parent, check=True, capture_output=True)


def assert_answers_parse(project: Path, default: Path) -> None:
    """Fail unless all files that have answers in them, and with that differ from the default's, are well-formed."""
    for path in project.rglob("*"):
        if path.is_file() and path.read_bytes() != (default / path.relative_to(project)).read_bytes():
            assert_parses(path)


@pytest.fixture(scope="module")
def copied_answers(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A function from answers to those that the files of the template get from copier.

    It raises ValueError when the answers are refused.
    """
    questions = tmp_path_factory.mktemp("questions")
    shutil.copy(template / "copier.yml", questions)
    sources = questions / "{{cookiecutter.project_slug}}"
    sources.mkdir()
    (sources / "answers.json").write_text("{{ cookiecutter | tojson }}")

    def copied_answers(**answers: str) -> Any:
        folder = tmp_path_factory.mktemp("copied")
        # Without the settings of this machine.
        copier.run_copy(str(questions), folder, answers, defaults=True, quiet=True, settings=copier.Settings())
        return json.loads((folder / "answers.json").read_text())

    return copied_answers


@pytest.fixture(scope="module")
def hook(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The rules of the hook and its function, which has found no problems in valid answers."""
    file = tmp_path_factory.mktemp("hook") / "hook.py"
    source = (template / "hooks/pre_gen_project.py").read_text()
    file.write_text(Template(source).render(cookiecutter=DEFAULTS))
    names = runpy.run_path(str(file))
    return {name: names[name] for name in ("RULES", "problems")}


def test_every_question_has_its_wording_and_copier_the_same(template: Path) -> None:
    answers = json.loads((template / "cookiecutter.json").read_text())
    assert [key for key in answers if not key.startswith("_")] == QUESTIONS
    assert list(answers["__prompts__"]) == QUESTIONS
    copied = yaml.safe_load((template / "copier.yml").read_text())
    hidden = ("rules", "cookiecutter")
    assert [key for key in copied if not key.startswith("_") and key not in hidden] == QUESTIONS
    for question in QUESTIONS:
        assert copied[question]["help"] == answers["__prompts__"][question]
        assert copied[question]["default"] == answers[question] or question == "project_slug"


def test_copier_has_the_rules_of_the_hook(template: Path, hook: dict[str, Any]) -> None:
    rules = yaml.safe_load((template / "copier.yml").read_text())["rules"]["default"]
    assert rules == {key: {"pattern": pattern, "words": words} for key, pattern, words in hook["RULES"]}


def test_copier_makes_the_slug_of_cookiecutter(bake: Callable[..., Path], copied_answers: Callable[..., Any]) -> None:
    for name in ("Load Lab", '  A_b & C\'s "X" (v2.0)! '):
        assert copied_answers(project_name=name)["project_slug"] == bake(project_name=name).name


@pytest.mark.parametrize("name", ["名前", "Übung", "9 lives", "on", "x" * 41])
def test_copier_asks_for_a_slug_when_the_name_makes_none(copied_answers: Callable[..., Any], name: str) -> None:
    with pytest.raises(ValueError, match=r'^Question "project_slug" is required$'):
        copied_answers(project_name=name)


def test_a_bake_runs_nothing_but_a_hook_of_the_standard_library(template: Path) -> None:
    hooks = [path for path in (template / "hooks").iterdir() if path.is_file()]
    assert [hook.name for hook in hooks] == ["pre_gen_project.py"]
    imports = {
        alias.name
        for node in ast.walk(ast.parse(hooks[0].read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imports == {"json", "re", "sys"} <= sys.stdlib_module_names


@pytest.mark.parametrize(("question", "answer"), REFUSED_ONE_BY_ONE)
def test_an_answer_that_cannot_work_is_refused(
    bake: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture[str],
    question: str,
    answer: str,
) -> None:
    slug = {} if question == "project_slug" else {"project_slug": "good"}
    with pytest.raises(FailedHookException):
        bake(**{question: answer} | slug)
    message = capfd.readouterr().err
    assert f"{question} is {answer!r}. Use " in message
    assert EXAMPLES[question] in message
    assert message.count(" is ") == 1 + EXAMPLES[question].count(" is ")
    bakes = sorted(tmp_path_factory.getbasetemp().glob("bake*"), key=lambda p: p.stat().st_ctime)
    assert not any(path.is_file() for path in bakes[-1].rglob("*"))


@pytest.mark.parametrize(("question", "answer"), REFUSED_ONE_BY_ONE)
def test_copier_refuses_it_too(copied_answers: Callable[..., Any], question: str, answer: str) -> None:
    slug = {} if question == "project_slug" else {"project_slug": "good"}
    with pytest.raises(ValueError, match=rf"^Validation error for question '{question}': Use .*{EXAMPLES[question]}"):
        copied_answers(**{question: answer} | slug)


def test_all_problems_are_reported_at_once(bake: Callable[..., Path], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FailedHookException):
        bake(
            project_name="x" * 61,
            project_slug="Not-A-Slug",
            description="y" * 201,
            target_host="nowhere",
            workers="none",
        )
    message = capfd.readouterr().err
    for question in QUESTIONS:
        assert f"  - {question} is " in message
        assert EXAMPLES[question] in message


@pytest.mark.parametrize("answer", ["", *HOSTILE])
def test_a_hostile_answer_arrives_as_data(bake: Callable[..., Path], project: Path, answer: str) -> None:
    hostile = bake(project_name=answer or "Name", project_slug="good", description=answer)
    assert_answers_parse(hostile, project)
    server = ast.parse((hostile / "server/server.py").read_text(encoding="utf-8"))
    arrived = answer.removeprefix("{% raw %}").removesuffix("{% endraw %}")
    constants = [node.value for node in ast.walk(server) if isinstance(node, ast.Constant)]
    assert constants.count(arrived) >= 1 + bool(answer)
    assert arrived in (hostile / "README.md").read_text(encoding="utf-8")
    assert not list(hostile.parent.rglob("pwned"))


@pytest.mark.parametrize("answer", ["", *HOSTILE, "{{ 1/0 }} {# y #} {% z %}"])
def test_copier_passes_a_hostile_answer_on_as_data(copied_answers: Callable[..., Any], answer: str) -> None:
    answers = {"project_name": answer or "Name", "project_slug": "good", "description": answer}
    assert copied_answers(**answers).items() >= answers.items()


# The first ones are rich in what Python, Jinja, YAML and a shell could take for their own.
printable = st.text("\"'\\{}%#$`<&: unN0", max_size=20) | st.text(
    st.characters(exclude_categories=["C", "Z"]), max_size=20
)
# A configuration of cookiecutter's may have values of any type.
anything = printable | st.text() | st.none() | st.integers() | st.lists(st.text())
answers = st.builds(
    dict.__or__,
    st.fixed_dictionaries({"project_name": printable, "description": printable}),
    st.dictionaries(st.sampled_from(QUESTIONS), anything, max_size=1),
)


@settings(derandomize=True, database=None, deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(answers.map(DEFAULTS.__or__))
@example(DEFAULTS | {"workers": None})
def test_any_answers_are_refused_in_words_or_arrive_as_data(
    template: Path, hook: dict[str, Any], answers: dict[str, Any]
) -> None:
    hook["problems"].__globals__["ANSWERS"] = answers
    refused = [problem.partition(" is ")[0] for problem in hook["problems"]()]
    assert refused == [key for key in QUESTIONS if key in refused]
    if not refused:
        source = (template / "{{cookiecutter.project_slug}}/server/server.py").read_text()
        with warnings.catch_warnings(action="error"):
            server = ast.parse(Template(source).render(cookiecutter=answers))
        constants = {node.value for node in ast.walk(server) if isinstance(node, ast.Constant)}
        assert {answers["project_name"], answers["description"]} <= constants


def test_code_in_an_answer_is_not_executed(bake: Callable[..., Path], project: Path, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    code = f'open("{marker}", "w").close()'
    for quote in ('"""', '"', "'"):
        for before, after in (("); ", "; ("), (" + ", " + ")):
            answer = f"{quote}{before}{code}{after}{quote}"
            try:
                assert_answers_parse(bake(description=answer), project)
            except FailedHookException:
                continue
    assert not marker.exists()
