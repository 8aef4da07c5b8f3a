"""Packages, and the order in which modules that import each other are edited."""

from support.swarm import BASE, Swarm


def test_a_module_of_a_package_is_edited_while_its_siblings_keep_their_state(swarm: Swarm) -> None:
    swarm.save("from uuid import uuid4\nTOKEN = uuid4().hex\n", "shop/state.py")
    swarm.save("from shop.state import TOKEN\n\ndef path():\n    return '/one/' + TOKEN\n", "shop/paths.py")
    swarm.save("", "shop/__init__.py")
    swarm.edit("from shop import paths\n" + BASE.replace("/base/{os.getpid()}", "{paths.path()}"))
    swarm.wait_for("/one")
    swarm.edit("from shop.state import TOKEN\n\ndef path():\n    return '/two/' + TOKEN\n", "shop/paths.py")
    swarm.wait_for("/two")
    assert set(swarm.requests("/one")) == set(swarm.requests("/two"))


def test_an_edit_reaches_the_siblings_in_a_package_that_imports_all_of_them(swarm: Swarm) -> None:
    helpers = "from .config import PREFIX\n\ndef prefix():\n    return PREFIX\n"
    swarm.save("from .browse import path\n", "shop/__init__.py")
    swarm.save("PREFIX = '/one'\n", "shop/config.py")
    swarm.save(helpers, "shop/helpers.py")
    swarm.save("from .helpers import prefix\n\ndef path():\n    return prefix()\n", "shop/browse.py")
    swarm.edit("from shop import path\n" + BASE.replace("/base/", "{path()}/"))
    swarm.wait_for("/one")
    decorator = "def doubled(function):\n    return lambda: function() * 2\n\n@doubled\ndef"
    swarm.edit(helpers.replace("def", decorator), "shop/helpers.py")
    swarm.wait_for("/one/one")
    swarm.edit("PREFIX = '/two'\n", "shop/config.py")
    swarm.wait_for("/two/two")


def test_a_folder_becomes_a_package_with_an_init_file_and_loses_it_again(swarm: Swarm) -> None:
    swarm.save("NAME = 'one'\n", "pages/names.py")
    path = "/{pages.names.NAME}+{getattr(pages, 'TWICE', None)}/"
    swarm.edit("import pages.names\n" + BASE.replace("/base/", path))
    swarm.wait_for("/one+None")
    swarm.edit("from pages.names import NAME\nTWICE = NAME * 2\n", "pages/__init__.py")
    swarm.wait_for("/one+oneone")
    swarm.edit("NAME = 'two'\n", "pages/names.py")
    swarm.wait_for("/two+twotwo")
    (swarm.folder / "pages/__init__.py").unlink()
    swarm.wait_for("/two+None")
    swarm.edit("NAME = 'three'\n", "pages/names.py")
    swarm.wait_for("/three+None")


def test_a_package_becomes_a_module_of_its_name_in_one_save_and_a_package_again(swarm: Swarm) -> None:
    source = "from pages import NAME\n" + BASE.replace("/base/", "{NAME}/")
    package = {"pages/names.py": "NAME = '/package'\n", "locustfile.py": source.replace("pages", "pages.names", 1)}
    module = {"pages.py": "NAME = '/module'\n", "locustfile.py": source}
    for before, after in [({}, package), (package, module), (module, package)]:
        swarm.forget()
        for path in before.keys() - after.keys():
            (swarm.folder / path).unlink()
        for path, content in after.items():
            swarm.save(content, path)
        swarm.wait_for("/module" if after is module else "/package")


def test_a_package_that_loses_a_name_has_its_module_of_that_name_again(swarm: Swarm) -> None:
    swarm.save("def browse():\n    pass\n", "pages/browse.py")
    swarm.save("from .browse import browse\n", "pages/__init__.py")
    swarm.edit("import pages.browse\n" + BASE.replace("/base/", "/{type(pages.browse).__name__}/"))
    swarm.wait_for("/function")
    swarm.edit("", "pages/__init__.py")
    swarm.wait_for("/module")


def test_a_package_defines_itself_what_it_took_from_its_module_of_that_name(swarm: Swarm) -> None:
    function = "def client():\n    return '/one'\n"
    swarm.save(function, "shop/client.py")
    swarm.save("from .client import client\n", "shop/__init__.py")
    swarm.edit("import shop\n" + BASE.replace("/base/", "{shop.client()}/"))
    swarm.wait_for("/one")
    swarm.edit(function.replace("one", "two"), "shop/__init__.py")
    swarm.wait_for("/two")


def test_a_module_begins_to_import_one_that_was_loaded_after_it(swarm: Swarm) -> None:
    swarm.save("", "first.py")
    swarm.save("", "second.py")
    swarm.edit("import first\n" + BASE)
    swarm.edit("import first\nimport second\n" + BASE.replace("/base/", "/{vars(first).get('NAME', 'none')}/"))
    swarm.wait_for("/none")
    swarm.save("NAME = 'name'\n", "second.py")
    swarm.edit("from second import *\n", "first.py")
    swarm.wait_for("/name")


def test_an_edit_reaches_a_package_through_a_part_that_was_added_to_it(swarm: Swarm) -> None:
    base, common = "class Base:\n    pass\n", "def path():\n    return '/common'\n"
    swarm.save(base, "shop/base.py")
    swarm.save(common, "shop/common.py")
    swarm.save("from .common import path\n", "shop/__init__.py")
    path = "{shop.path()}-{issubclass(vars(shop).get('Cart', int), dict)}/"
    swarm.edit("import shop\n" + BASE.replace("/base/", path))
    swarm.wait_for("/common-False")
    swarm.save("from shop.base import Base\nclass Cart(Base):\n    pass\n", "shop/parts/cart.py")
    swarm.save("from .cart import Cart\n", "shop/parts/__init__.py")
    swarm.save("from shop.parts.cart import Cart\n" + common.replace("/common", "/added"), "shop/common.py")
    swarm.edit("from shop.parts import Cart\nfrom .common import path\n", "shop/__init__.py")
    swarm.wait_for("/added-False")
    swarm.edit(base.replace("Base", "Base(dict)"), "shop/base.py")
    swarm.wait_for("/added-True")


def test_a_locustfile_begins_to_import_a_new_module_that_imports_an_edited_one(swarm: Swarm) -> None:
    swarm.save("", "cart.py")
    swarm.edit("import cart\n" + BASE)
    swarm.save("NAME = 'name'\n", "cart.py")
    swarm.save("from cart import NAME\n", "browse.py")
    swarm.edit("from browse import *\n" + BASE.replace("/base/", "/{NAME}/"))
    swarm.wait_for("/name")


def test_a_module_begins_to_import_a_new_one_that_imports_an_edited_one(swarm: Swarm) -> None:
    swarm.save("", "shop/cart.py")
    swarm.save("NAME = 'none'\n", "pages.py")
    swarm.edit("import shop.cart\nimport pages\n" + BASE.replace("/base/", "/{pages.NAME}/"))
    swarm.wait_for("/none")
    swarm.save("NAME = 'name'\n", "shop/cart.py")
    swarm.save("", "late/__init__.py")
    swarm.save("from shop.cart import NAME\n", "late/parts/browse.py")
    swarm.edit("from late.parts.browse import NAME\n", "pages.py")
    swarm.wait_for("/name")


COUNTING = """
import os
import urllib.request
from locust import events
from counting import PATH

@events.request.add_listener
def count(name, **_):
    if name == "/":
        urllib.request.urlopen(f"TARGET{PATH}/{os.getpid()}").read()
"""


def test_modules_that_import_each_other_leave_with_the_last_import_of_them(swarm: Swarm) -> None:
    swarm.save("PATH = '/counted'\nfrom counting import requests_made\n", "counting/__init__.py")
    swarm.save(COUNTING.replace("TARGET", swarm.service.url), "counting/requests_made.py")
    swarm.edit(f"import counting\n{BASE}")
    swarm.wait_for("/counted")
    swarm.edit(BASE)
    swarm.wait_for_end_of("/counted")
    swarm.edit(f"import counting\n{BASE}")
    swarm.wait_for("/counted")


def test_an_edit_of_a_package_reaches_its_modules_that_import_the_package(swarm: Swarm) -> None:
    package = "PREFIX = '/one'\nSUFFIXES = ['a']\nfrom circle.paths import path\n"
    swarm.save(package, "circle/__init__.py")
    swarm.save(
        "from circle import PREFIX, SUFFIXES\n\nSUFFIXES.append('b')\nPATH = PREFIX + '-' + ''.join(SUFFIXES)\n\n"
        "def path():\n    return PATH\n",
        "circle/paths.py",
    )
    swarm.edit("from circle.paths import path\n" + BASE.replace("/base/", "{path()}/"))
    swarm.wait_for("/one-ab")
    swarm.edit(package.replace("one", "two"), "circle/__init__.py")
    swarm.wait_for("/two-ab")
    swarm.edit(package.replace("one", "two").replace("['a']", "['c']"), "circle/__init__.py")
    swarm.wait_for("/two-cb")
    swarm.save(package.replace("PREFIX = '/one'\n", ""), "circle/__init__.py")
    assert "cannot import name 'PREFIX'" in swarm.rejection()


def test_a_class_above_its_base_is_rejected_in_a_package_that_imports_from_its_modules(swarm: Swarm) -> None:
    late, early = "\n\nclass Late:\n    pass\n", "\n\nclass Early(Late):\n    pass\n"
    swarm.save("NAME = 'name'\n", "ordered/names.py")
    package = "from .names import NAME\n\nNAMES = [names.NAME]\n"
    swarm.save(package + late, "ordered/__init__.py")
    swarm.edit(f"import ordered\n{BASE}")
    swarm.save(package + early + late, "ordered/__init__.py")
    assert swarm.rejection().startswith("ordered/__init__.py:6: NameError: name 'Late' is not defined")
    swarm.edit(package + late + early, "ordered/__init__.py")
