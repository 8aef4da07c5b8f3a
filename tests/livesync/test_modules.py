"""The modules that a load test is made of: folders, search paths, names, data files, and where they are."""

import pytest
from support.swarm import BASE, Swarm
from support.waiting import wait_until

LAYOUTS = {
    "a folder without __init__.py": ("from pages import browse", "browse.PATH()", "pages/browse.py"),
    "a module of such a folder": ("import pages.browse", "pages.browse.PATH()", "pages/browse.py"),
    "a folder on sys.path": (
        "import sys\nfrom os.path import dirname\nsys.path.append(dirname(__file__) + '/lib')\nimport parts",
        "parts.PATH()",
        "lib/parts.py",
    ),
    "an import in a task": ("", "__import__('importlib').import_module('late.part').PATH()", "late/part.py"),
    "importlib and a glob": (
        "import glob, importlib.util, os.path\n"
        "PARTS = []\n"
        "for file in sorted(glob.glob(os.path.dirname(__file__) + '/parts/*.py')):\n"
        "    spec = importlib.util.spec_from_file_location('part', file)\n"
        "    PARTS.append(importlib.util.module_from_spec(spec))\n"
        "    spec.loader.exec_module(PARTS[-1])",
        "PARTS[0].PATH()",
        "parts/one.py",
    ),
    "names that are imported one by one": ("from lib.names import PATH", "PATH()", "lib/names.py"),
    "all names": ("from lib.names import *", "PATH()", "lib/names.py"),
}


@pytest.mark.parametrize(("imports", "call", "path"), LAYOUTS.values(), ids=LAYOUTS)
def test_an_edit_reaches_the_code_wherever_it_is(swarm: Swarm, imports: str, call: str, path: str) -> None:
    module = "NAME = 'one'\n\ndef PATH():\n    return NAME + '-a'\n"
    swarm.save(module, path)
    swarm.edit(imports + "\n" + BASE.replace("/base/", f"/{{{call}}}/"))
    swarm.wait_for("/one-a")
    swarm.edit(module.replace("-a", "-b"), path)
    swarm.wait_for("/one-b")
    swarm.edit(module.replace("-a", "-b").replace("'one'", "'two'"), path)
    swarm.wait_for("/two-b")


def test_an_edit_reaches_workers_whose_own_folder_has_the_files_too(idle: Swarm) -> None:
    """As in the image that Skaffold builds, into which it syncs each save."""
    part, data = (
        "from pathlib import Path\nDATA = Path('data.txt').read_text()\n\ndef path():\n    return '/a-' + DATA\n",
        "one",
    )

    def save_everywhere(content: str, name: str) -> None:
        for folder in (idle.workers_folder, idle.folder):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content)

    save_everywhere(data, "data.txt")
    save_everywhere(part, "lib/parts.py")
    save_everywhere(
        "import sys\nsys.path.append('lib')\nimport parts\n" + BASE.replace("/base/", "{parts.path()}/"),
        "locustfile.py",
    )
    idle.start()
    idle.swarm()
    idle.wait_for("/a-one")
    for content, name, path in (
        (part.replace("/a-", "/b-"), "lib/parts.py", "/b-one"),
        ("two", "data.txt", "/b-two"),
        (part.replace("/a-", "/c-").replace("DATA =", "DATA = 'x' +"), "lib/parts.py", "/c-xtwo"),
    ):
        save_everywhere(content, name)
        idle.wait_for(path)
    assert idle.total()["num_failures"] == 0
    assert idle.users() == 10


def test_resolved_paths_stay_true(swarm: Swarm) -> None:
    helper = """
from pathlib import Path
ROOT = Path(__file__).resolve().parent

def name():
    return (ROOT / 'data/name.txt').read_text()
"""
    swarm.save(helper, "files.py")
    swarm.save("first", "data/name.txt")
    swarm.edit("import files\n" + BASE.replace("/base/", "/{files.name()}-a/"))
    swarm.wait_for("/first-a")
    for letter in "bcd":
        swarm.edit("import files\n" + BASE.replace("/base/", f"/{{files.name()}}-{letter}/"))
        swarm.wait_for(f"/first-{letter}")
    swarm.edit("other", "data/name.txt")
    swarm.wait_for("/other-d")


def test_a_rejected_edit_is_live_nowhere(swarm: Swarm) -> None:
    late = "import pathlib\nfrom importlib import import_module\n" + BASE.replace(
        "/base/", "/{import_module('late').NAME}-{pathlib.Path('data/name.txt').read_text()}/"
    )
    swarm.save("old", "data/name.txt")
    swarm.save("NAME = 'old'\n", "late.py")
    swarm.edit(late.replace("import_module('late').NAME", "'none'"))
    swarm.wait_for("/none-old")
    swarm.save("new", "data/name.txt")
    swarm.save("NAME = 'new'\n", "late.py")
    swarm.save(late + "\n1 / 0\n")
    assert "ZeroDivisionError" in swarm.rejection()
    swarm.settle()
    swarm.forget()
    swarm.settle()
    assert not swarm.requests("/none-new"), "the data file of a rejected save"
    swarm.edit(late)
    swarm.wait_for("/new-new")


def test_a_file_that_no_code_has_read_runs_nothing(swarm: Swarm) -> None:
    swarm.edit("1 / 0\n", "unused.py")
    swarm.edit("not Python\n", "unused.py")
    swarm.edit(BASE.replace("/base/", "/edited/"))
    swarm.wait_for("/edited")


@pytest.mark.parametrize("name", ["json.py", "requests.py", "random/__init__.py"])
def test_a_module_that_hides_one_of_python_or_of_a_package_is_rejected(swarm: Swarm, name: str) -> None:
    swarm.save("NAME = 1\n", name)
    assert "rename it" in swarm.rejection()


SETTINGS = """
from functools import lru_cache, partial

class Settings:
    name = "one"

    class Shop:
        name = "one"

settings = Settings()
settings.colour = "one"

def described(settings, mark="-a"):
    return settings.name + mark

@lru_cache
def cached():
    return settings.name

class Paths:
    @staticmethod
    @lru_cache
    def of_a_method():
        return described(settings)

def of_settings(mark):
    return settings.name + mark

of_a_partial = lru_cache(partial(of_settings, "-c"))
MARK = "-a"

def marked():
    return cached() + MARK

TAKEN = "+".join([settings.name, Settings.Shop.name, described(settings)])
CACHED = cached()
MARKED = marked()
COLOUR = settings.colour
"""


def test_what_is_taken_from_settings_or_cached_follows_their_edits(swarm: Swarm) -> None:
    swarm.save(SETTINGS, "settings.py")
    calls = "/{settings.TAKEN}+{settings.cached()}+{settings.Paths.of_a_method()}+{settings.of_a_partial()}"
    calls += "+{settings.MARKED}+{settings.COLOUR}/"
    swarm.edit("import settings\n" + BASE.replace("/base/", calls))
    swarm.wait_for("/one+one+one-a+one+one-a+one-c+one-a+one")
    edited = SETTINGS.replace('"one"', '"two"')
    swarm.edit(edited, "settings.py")
    swarm.wait_for("/two+two+two-a+two+two-a+two-c+two-a+two")
    swarm.edit(edited.replace('"-a"', '"-b"'), "settings.py")
    swarm.wait_for("/two+two+two-b+two+two-b+two-c+two-b+two")


SETS_TOKEN = """
from locust import events

@events.init.add_listener
def set_token(**_):
    global TOKEN
    TOKEN = "t"
"""


def test_names_that_later_lines_override_stay_when_a_star_import_runs_again(swarm: Swarm) -> None:
    common = "NAME = VERSION = 'one'\nTOKEN = 'none'\n"
    swarm.save(common, "common.py")
    locustfile = "from common import *\nNAME = 'own-' + NAME\nTOKEN = None\n" + BASE.replace(
        "/base/", "/{NAME}+{TOKEN}+{VERSION}/"
    )
    swarm.edit(locustfile + SETS_TOKEN)
    swarm.wait_for("/own-one+t+one")
    swarm.edit(common.replace("NAME = VERSION = 'one'", "NAME = 'one'\nVERSION = 'two'"), "common.py")
    swarm.wait_for("/own-one+t+two")
    swarm.edit(common.replace("NAME = VERSION = 'one'", "NAME = VERSION = 'three'"), "common.py")
    swarm.wait_for("/own-three+t+three")


FEED = """
from itertools import cycle

def names():
    while True:
        yield "one"

def feed():
    return cycle(names())

NAMES, FEED = names(), feed()
"""


def test_generators_that_a_module_has_made_run_their_edited_code_and_else_go_on(swarm: Swarm) -> None:
    swarm.save(FEED, "feed.py")
    uses = "import feed\n" + BASE.replace("/base/", "/{next(feed.NAMES)}-{next(feed.FEED)}/")
    swarm.edit(uses)
    swarm.wait_for("/one-one")
    swarm.edit(
        FEED.replace('yield "one"', 'for number in range(1_000_000):\n            yield f"n{number}"'), "feed.py"
    )
    swarm.wait_for("/n0-n0")
    swarm.edit(uses.replace("/{next", "/edited-{next"))
    wait_until(lambda: any(seen.startswith("/edited-n") for seen in list(swarm.service.seen)), "the edited task")
    assert not swarm.requests("/edited-n0-n0")


DELETED = """
import json, os

with open("config.json") as file:
    raw = json.load(file)
match raw:
    case {"host": _, **others}:
        NAMES = [os.path.basename(path) for path in others.values()]
NAME = raw["first"]
del raw
"""


def test_a_statement_is_edited_that_reads_what_is_deleted_later(swarm: Swarm) -> None:
    swarm.save('{"first": "one", "second": "two", "host": ""}', "config.json")
    swarm.save(DELETED, "config.py")
    swarm.edit("import config\n" + BASE.replace("/base/", "/{config.NAME}-{hasattr(config, 'raw')}/"))
    swarm.wait_for("/one-False")
    swarm.edit(DELETED.replace('"first"]', '"second"]'), "config.py")
    swarm.wait_for("/two-False")


LATE = """
from uuid import uuid4

def connect():
    import client
    return client.Client()

CLIENT = connect()
try:
    import other
    TOKEN = uuid4().hex
except ImportError:
    TOKEN = ""
"""


LATE_CLIENT = """
from uuid import uuid4

class Client:
    def __init__(self):
        self.token = uuid4().hex

    def name(self):
        return '/one/' + self.token
"""


def test_an_edit_of_a_module_makes_nothing_anew_where_it_was_imported(swarm: Swarm) -> None:
    swarm.save(LATE_CLIENT, "client.py")
    swarm.save("def name():\n    return 'one'\n", "other.py")
    swarm.save(LATE, "late.py")
    swarm.edit("import late\n" + BASE.replace("/base/{os.getpid()}", "{late.CLIENT.name()}-{late.TOKEN}"))
    swarm.wait_for("/one")
    swarm.edit("def name():\n    return 'two'\n", "other.py")
    swarm.edit(LATE_CLIENT.replace("/one/", "/two/"), "client.py")
    swarm.wait_for("/two")
    assert set(swarm.requests("/one")) == set(swarm.requests("/two"))


def test_what_a_line_sets_on_a_module_or_a_class_is_read_again(swarm: Swarm) -> None:
    source = """
import settings

settings.NAME = "one"
settings.Shop.name = "one"
TAKEN = settings.NAME + settings.Shop.name
"""
    swarm.save("NAME = 'none'\n\nclass Shop:\n    name = 'none'\n", "settings.py")
    swarm.edit(source + BASE.replace("/base/", "/{TAKEN}/"))
    swarm.wait_for("/oneone")
    swarm.edit(source.replace('NAME = "one"', 'NAME = "two"') + BASE.replace("/base/", "/{TAKEN}/"))
    swarm.wait_for("/twoone")
    swarm.edit(source.replace('"one"', '"two"') + BASE.replace("/base/", "/{TAKEN}/"))
    swarm.wait_for("/twotwo")


CONFIGURED = """
def configure():
    global NAME
    NAME = "one"

configure()
PATH = f"/{NAME}"
"""


def test_what_a_function_sets_globally_while_loading_is_read_again(swarm: Swarm) -> None:
    uses = "import late\n\nlate.configure()\nTAKEN = late.NAME\n" + BASE.replace("/base/", "{late.PATH}-{TAKEN}/")
    swarm.save(CONFIGURED, "late.py")
    swarm.edit(uses)
    swarm.wait_for("/one-one")
    swarm.edit(CONFIGURED.replace("one", "two"), "late.py")
    swarm.wait_for("/two-two")
