"""The pages in docs name what exists."""

import re
from pathlib import Path

import pytest
from livesync.locust_internals import READ

# Lines of a sequence diagram. To Mermaid, a semicolon ends a line, and # begins the code of a character.
PARTICIPANT = re.compile(r"participant (\w+) as [^;#]+")
MESSAGE = re.compile(r"(\w+)-?->>(\w+): [^;#]+")
NOTE = re.compile(r"Note over (\w+),(\w+): [^;#]+")
BLOCK = re.compile(r"(?:alt|else) [^;#]+|end")


@pytest.fixture(scope="module")
def how_it_works(template: Path) -> str:
    return (template / "docs/how-live-sync-works.md").read_text()


def test_how_live_sync_works_names_every_module_and_no_other(how_it_works: str, template: Path) -> None:
    package = template / "{{cookiecutter.project_slug}}/loadtest/livesync"
    modules = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert set(re.findall(r"`(\w+\.py)`", how_it_works)) == modules


def test_its_only_diagram_is_well_formed(how_it_works: str) -> None:
    [diagram] = re.findall(r"^```mermaid\n(.*?)^```$", how_it_works, re.MULTILINE | re.DOTALL)
    head, *lines = map(str.strip, diagram.splitlines())
    assert head == "sequenceDiagram"
    declared = [match[1] for line in lines if (match := PARTICIPANT.fullmatch(line))]
    used = {
        name for line in lines for form in (MESSAGE, NOTE) if (match := form.fullmatch(line)) for name in match.groups()
    }
    assert used == set(declared)
    others = [line for line in lines if not any(form.fullmatch(line) for form in (PARTICIPANT, MESSAGE, NOTE, BLOCK))]
    assert others == []
    blocks = [line.split()[0] for line in lines if BLOCK.fullmatch(line)]
    assert blocks == ["alt", "else", "end"] * blocks.count("alt"), "one block after the other"


def test_the_state_of_every_report_to_locust_is_listed(template: Path) -> None:
    folder = template / "docs/upstream"
    listed = re.findall(
        r"^\| \[[^\]]+\]\(([\w-]+\.md)\) \| \S.* \| \S.* \|$", (folder / "README.md").read_text(), re.MULTILINE
    )
    assert sorted(listed) == sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")


def test_the_proposal_to_locust_has_every_private_name_that_live_sync_reads(template: Path) -> None:
    proposal = (template / "docs/upstream/reload-the-locustfile.md").read_text()
    rows = re.findall(r"^\| [^|]+ \| (`[\w`, ]+) \|$", proposal, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", "".join(rows))) == sorted({name for names in READ.values() for name in names})
