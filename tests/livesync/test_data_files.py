"""Files and folders of data: what code has read follows their edits, and what a trial writes stays away from them."""

import shutil

import pytest
from support.swarm import BASE, Swarm

READERS = """
from functools import lru_cache

NAME = open("data/name.txt").read()
FILES = sorted(os.listdir("data"))

@lru_cache
def name():
    return open("data/name.txt").read()

class Visitor"""


def test_what_has_read_a_data_file_follows_its_edits(swarm: Swarm) -> None:
    reads = BASE.replace("class Visitor", READERS).replace("/base/", "/{NAME}-{self.name}-{name()}-{len(FILES)}/")
    swarm.save("one", "data/name.txt")
    swarm.edit(reads + '\n    name = open("data/name.txt").read()\n')
    swarm.wait_for("/one-one-one-1")
    swarm.edit("two", "data/name.txt")
    swarm.wait_for("/two-two-two-1")
    swarm.edit("", "data/added.txt")
    swarm.wait_for("/two-two-two-2")


def test_a_data_file_may_be_large(swarm: Swarm) -> None:
    reads = BASE.replace("class Visitor", "ROWS = open('data/rows.csv').readlines()\n\nclass Visitor")
    swarm.save("row\n" * 1_250_000, "data/rows.csv")
    swarm.edit(reads.replace("/base/", "/{len(ROWS)}/"))
    swarm.wait_for("/1250000")


READS_DATA = """
try:
    PATH = open("data/path").read()
except NotADirectoryError:
    PATH = open("data").read()
"""


def test_a_folder_becomes_a_file_of_its_name_and_a_folder_again(swarm: Swarm) -> None:
    swarm.save("/folder", "data/path")
    swarm.edit(READS_DATA + BASE.replace("/base/", "{PATH}/"))
    swarm.wait_for("/folder")
    shutil.rmtree(swarm.folder / "data")
    swarm.edit("/file", "data")
    swarm.wait_for("/file")
    swarm.forget()
    (swarm.folder / "data").unlink()
    swarm.edit("/folder", "data/path")
    swarm.wait_for("/folder")


WRITES = """
from pathlib import Path

with (Path(__file__).parent / "NAME").open("a+") as file:
    file.write("x")
    SIZE = file.tell()
"""


@pytest.mark.parametrize("name", ["notes.txt", "notes.py"])
def test_what_a_trial_writes_to_a_file_is_not_in_the_live_one(swarm: Swarm, name: str) -> None:
    swarm.edit("#", name)
    swarm.edit(WRITES.replace("NAME", name) + BASE.replace("/base/", "/{SIZE}/"))
    swarm.wait_for("/2")
    swarm.edit("##", name)
    swarm.wait_for("/3")


MOVES = """
import os, shutil
from pathlib import Path

FOLDER = Path(__file__).parent / "made"
FOLDER.mkdir()
(FOLDER / "draft").write_text("x")
os.replace(FOLDER / "draft", FOLDER / "final")
(FOLDER / "old").mkdir()
(FOLDER / "old" / "final").write_text("x")
shutil.rmtree(FOLDER / "old")
MADE = "-".join(os.listdir(FOLDER))
"""


def test_folders_and_files_that_a_trial_makes_moves_and_removes_are_not_the_live_ones(swarm: Swarm) -> None:
    swarm.edit(MOVES + BASE.replace("/base/", "/{MADE}/"))
    swarm.wait_for("/final")
