"""What the Makefiles of both repositories install, and from where."""

import os
from pathlib import Path

from tests.support.commands import run

INDEX = {"INDEX_URL": "https://index", "EXTRA_INDEX_URL": "https://extra", "TRUSTED_HOST": "index"}
NAMES_OF_UV = {"TRUSTED_HOST": "INSECURE_HOST"}


def test_the_package_index_of_pip_is_that_of_uv(root: Path, tmp_path: Path) -> None:
    print_environment = tmp_path / "print.mk"
    print_environment.write_text("print:\n\t@env\n")
    environment = os.environ | {f"PIP_{name}": value for name, value in INDEX.items()}
    made = run("make", "-f", "Makefile", "-f", str(print_environment), "print", cwd=root, environment=environment)
    expected = {f"UV_{NAMES_OF_UV.get(name, name)}={value}" for name, value in INDEX.items()}
    assert {line for line in made.stdout.splitlines() if line.startswith("UV_")} >= expected
