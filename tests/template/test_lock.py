"""`make lock` writes the lock of the template's own tools."""

import re
import sys
from pathlib import Path

from tests.support.baking import copy_template
from tests.support.commands import run
from tests.template.conftest import INSTALLED


def test_make_lock_follows_the_list_of_packages_and_changes_no_other_version(tmp_path: Path) -> None:
    template = tmp_path / "template"
    copy_template(template)
    (template / ".venv").symlink_to(sys.prefix)
    wanted, lock = template / "requirements.in", template / "requirements.txt"
    before = lock.read_text()
    assert lock_again(template) == before
    wanted.write_text(wanted.read_text().replace("types-pyyaml\n", ""))
    assert lock_again(template) == re.sub(r"^types-pyyaml==.*?[^\\]\n", "", before, flags=re.MULTILINE | re.DOTALL)


def lock_again(template: Path) -> str:
    """The lock that `make lock` writes."""
    made = run("make", *INSTALLED, "lock", cwd=template)
    assert made.returncode == 0, made.stdout
    return (template / "requirements.txt").read_text()
