"""The plugins of the project under live sync: they are loaded, edited, and asked before an edit goes live."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from support.locust_process import LOADTEST
from support.service import Service
from support.swarm import BASE, Swarm, add_plugins, new_swarm
from support.waiting import wait_until


@pytest.fixture(scope="module")
def plugged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """A running swarm of 4 users with the plugins, whose only host is that of its user class."""
    with new_swarm(tmp_path_factory.mktemp("plugged") / "loadtest") as swarm:
        add_plugins(swarm.folder)
        swarm.options += ["--host", ""]
        swarm.save(with_host(swarm.service.url))
        swarm.start()
        swarm.swarm(users=4)
        yield swarm


def with_host(host: str) -> str:
    return BASE.replace("    wait_time", f"    host = {host!r}\n    wait_time")


def test_an_edit_cannot_send_load_to_a_host_that_is_not_allowed(plugged: Swarm) -> None:
    plugged.save(with_host("http://example.com"))
    assert "Load on example.com is rejected" in plugged.rejection()
    plugged.settle()
    assert plugged.total()["num_failures"] == 0
    plugged.edit(with_host(f"{plugged.service.url}/allowed"))
    plugged.wait_for("/allowed")


def test_no_request_of_an_edited_task_gets_past_the_guard_of_the_workers(plugged: Swarm, service: Service) -> None:
    far = service.url.replace("127.0.0.1", "0.0.0.0")  # this machine, too, but not allowed
    # A form cannot allow it: each worker has read its own options.
    plugged.post("/swarm", user_count=4, spawn_rate=100, allowed_hosts="0.0.0.0")
    plugged.edit(with_host(plugged.service.url).replace('f"/base/', f'f"{far}/'))
    wait_until(lambda: plugged.total()["num_failures"] > 20, "rejected requests")
    errors: list[dict[str, Any]] = plugged.get("/stats/requests")["errors"]
    assert {error["name"] for error in errors} == {"/"}
    assert all("Load of Visitor.visit on 0.0.0.0 is rejected" in error["error"] for error in errors)
    assert plugged.users() == 4
    assert service.connections == 0
    plugged.edit(with_host(plugged.service.url).replace("/base/", "/again/"))
    plugged.wait_for("/again")


def test_an_edit_of_a_plugin_goes_live(plugged: Swarm) -> None:
    source = (LOADTEST / "plugins/allowed_hosts/decision.py").read_text()
    edited = source.replace("is rejected, because", "is not allowed, because")
    assert edited != source
    plugged.edit(edited, "plugins/allowed_hosts/decision.py")
    answer = plugged.post("/swarm", user_count=1, spawn_rate=1, host="http://example.com")
    assert not answer["success"]
    assert answer["message"].startswith("Load on example.com is not allowed")


def test_a_plugin_that_cannot_be_loaded_is_waited_out(idle: Swarm) -> None:
    add_plugins(idle.folder)
    enabled = (idle.folder / "plugins/enabled_plugins.py").read_text()
    idle.save("import nowhere\n" + enabled, "plugins/enabled_plugins.py")
    idle.start_master()
    wait_until(lambda: "ModuleNotFoundError" in idle.log(), "the reason in the log")
    idle.save(enabled, "plugins/enabled_plugins.py")
    wait_until(lambda: idle.get("/livesync"), "the web UI")


def test_a_worker_of_a_plain_run_connects_anew_when_the_master_does_not_answer_and_keeps_all_messages() -> None:
    script = """
import plugins.enabled_plugins, zmq
from locust.rpc.zmqrpc import Client
socket = Client("127.0.0.1", 9, "worker").socket
print(socket.getsockopt(zmq.CONNECT_TIMEOUT), socket.getsockopt(zmq.SNDHWM))
"""
    command = [sys.executable, "-W", "ignore", "-c", script]
    output = subprocess.run(command, cwd=LOADTEST, check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout
    assert output == "1000 0\n"
