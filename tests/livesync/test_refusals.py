"""What cannot run goes live nowhere: the old code keeps running, and the reason says where to look."""

import pytest
from swarm import BASE, Swarm, wait_until

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
    assert reason in swarm.refusal()
    now = swarm.get("/livesync")
    assert now["revision"] == live
    assert set(now["workers"].values()) == {live}
    swarm.forget()
    swarm.wait_for("/base")


def test_the_next_good_save_heals_a_refusal(swarm: Swarm) -> None:
    swarm.save(BASE + "\n1 / 0\n")
    assert swarm.refusal().startswith("locustfile.py:12: ZeroDivisionError")
    swarm.save(BASE.replace("/base/", "/healed/"))
    swarm.wait_for("/healed")
    wait_until(swarm.agrees, "the refusal taken back")


def test_going_back_to_the_live_file_takes_a_refusal_back(swarm: Swarm) -> None:
    swarm.save("")
    swarm.refusal()
    swarm.save(BASE)
    wait_until(lambda: swarm.get("/livesync")["refused"] is None, "the refusal taken back")


def test_a_worker_that_alone_cannot_import_it_keeps_all_on_the_old_code(swarm: Swarm) -> None:
    pid = swarm.processes["worker1"].pid
    swarm.save(BASE.replace("class", f"assert os.getpid() != {pid}\n\nclass").replace("/base/", "/alone/"))
    assert swarm.refusal().endswith("locustfile.py:5: AssertionError")
    assert "worker" in swarm.refusal()
    swarm.settle()
    assert not swarm.requests("/alone")
