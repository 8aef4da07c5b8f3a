"""Projects, baked from this repository."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).parents[2]


def copy_template(folder: Path) -> None:
    """Copy this repository into a new folder, without what Git and tools keep here."""
    not_in_git = shutil.ignore_patterns(".git", ".venv", "build", "*_cache", "__pycache__")
    shutil.copytree(TEMPLATE, folder, ignore=not_in_git)


def bake(folder: Path, template: str = str(TEMPLATE), **answers: str) -> Path:
    """Bake a project into a folder, and return its path. Raises FailedHookException for an invalid answer."""
    # cookiecutter leaves its copy of each hook in the folder for temporary files.
    with TemporaryDirectory() as home, patch("tempfile.tempdir", home):
        # Without a configuration of its own, cookiecutter reads and writes in the home directory.
        config = Path(home) / "config.yaml"
        config.write_text(f"cookiecutters_dir: {home}/clones\nreplay_dir: {home}/replay\n")
        project = cookiecutter(
            template, no_input=True, extra_context=answers, output_dir=str(folder), config_file=str(config)
        )
    return Path(project)
