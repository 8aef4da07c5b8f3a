"""Live sync: an edit that cannot run goes live nowhere. The old code keeps running, and the reason has file and line."""

import pytest
from support.swarm import BASE, Swarm
from support.waiting import wait_until

BROKEN = {
    "syntax error": (BASE.replace("class Visitor", "clas Visitor"), "locustfile.py:5: SyntaxError"),
    "name error": (BASE + "\nundefined_name\n", "locustfile.py:12: NameError: name 'undefined_name'"),
    "missing module": ("import no_such_module\n" + BASE, "locustfile.py:1: ModuleNotFoundError"),
    "exit": (BASE + "\nimport sys\nsys.exit(3)\n", "locustfile.py:13: SystemExit: 3"),
    "endless loop": (BASE + "\nwhile True:\n    pass\n", "took longer than 5 s"),
    "endless sleep": (BASE + "\nimport time\ntime.sleep(600)\n", "took longer than 5 s"),
    "empty file": ("", "no user class"),
    "no user class": ("import os\n", "no user class"),
    "no tasks": (BASE.replace("@task", ""), "Visitor has no tasks"),
    "5 MB": (BASE + "NAME = 'x'\n" * 500_000, "locustfile.py has more than 1,000,000 bytes"),
    "invalid UTF-8": ("", "locustfile.py"),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_edit_leaves_the_old_code_running(swarm: Swarm, source: str, reason: str) -> None:
    live = swarm.get("/livesync")["revision"]
    if reason == "locustfile.py":
        (swarm.folder / "locustfile.py").write_bytes(BASE.encode() + b"\nNAME = '\xff'\n")
    else:
        swarm.save(source)
    assert reason in swarm.rejection()
    now = swarm.get("/livesync")
    assert now["revision"] == live
    assert set(now["workers"].values()) == {live}
    swarm.forget()
    swarm.wait_for("/base")


def test_the_next_valid_save_goes_live(swarm: Swarm) -> None:
    swarm.save(BASE + "\n1 / 0\n")
    assert swarm.rejection().startswith("locustfile.py:12: ZeroDivisionError")
    swarm.save(BASE.replace("/base/", "/corrected/"))
    swarm.wait_for("/corrected")
    wait_until(swarm.agrees, "the end of the rejection")


def test_going_back_to_the_live_file_ends_the_rejection(swarm: Swarm) -> None:
    swarm.save("")
    swarm.rejection()
    swarm.save(BASE)
    wait_until(lambda: swarm.get("/livesync")["refused"] is None, "the end of the rejection")


def test_an_edit_that_one_worker_cannot_run_is_live_on_none(swarm: Swarm) -> None:
    pid = swarm.processes["worker1"].pid
    swarm.save(BASE.replace("class", f"assert os.getpid() != {pid}\n\nclass").replace("/base/", "/alone/"))
    assert swarm.rejection().endswith("locustfile.py:5: AssertionError")
    assert "worker" in swarm.rejection()
    swarm.settle()
    assert not swarm.requests("/alone")
