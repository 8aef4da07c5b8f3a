"""Locust's own features with live sync, as docs/locust-features.md of the project says."""

import shutil
import ssl
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPSHandler, build_opener, urlopen

import pytest
from support.locust_process import LOADTEST
from support.ports import is_taken
from support.swarm import BASE, Swarm, base, new_swarm
from support.waiting import TIMEOUT, wait_until

BUYER = """
class Buyer(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def buy(self):
        self.client.get(f"/buy/{os.getpid()}", name="/")
"""
GUEST = BUYER.replace("Buyer", "Guest").replace("buy", "look")
QUICK_LOGS = """
from locust import runners

runners.WORKER_LOG_REPORT_INTERVAL = 0.2
"""


@pytest.fixture(scope="module")
def picker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """A swarm with the class picker, in which a test of visitors alone runs."""
    with new_swarm(tmp_path_factory.mktemp("picker") / "loadtest") as swarm:
        swarm.options.append("--class-picker")
        swarm.save(base("/base", BUYER + QUICK_LOGS))
        swarm.start(workers=1)
        swarm.post("/swarm", user_count=4, spawn_rate=100, user_classes="Visitor")
        wait_until(lambda: swarm.users() == 4, "4 users")
        yield swarm


def read(swarm: Swarm, path: str) -> str:
    with swarm.opener.open(f"{swarm.address}{path}", timeout=TIMEOUT) as response:
        text: str = response.read().decode()
    return text


def test_a_picked_class_takes_edits_and_an_added_one_is_offered(picker: Swarm) -> None:
    picker.edit(base("/edited", BUYER + GUEST + QUICK_LOGS))
    picker.wait_for("/edited", workers=1)
    assert '"available_user_classes": ["Buyer", "Guest", "Visitor"]' in read(picker, "/")

    renamed = base("/renamed", BUYER + GUEST + QUICK_LOGS).replace("Visitor", "Walker")
    picker.edit(renamed)
    picker.wait_for("/renamed", workers=1)
    picker.settle()
    assert not picker.requests("/buy")
    assert not picker.requests("/look")
    assert picker.users() == 4

    picker.save(BASE.partition("class")[0] + BUYER + GUEST)
    assert "the edit removes all selected user classes (Walker)" in picker.rejection()
    picker.save(renamed)
    wait_until(picker.agrees, "the end of the rejection")

    picker.get("/stop", method="POST")
    picker.post("/swarm", user_count=4, spawn_rate=100, user_classes="Guest")
    picker.wait_for("/look", workers=1)


def test_the_tab_of_logs_has_what_edited_code_logs(picker: Swarm) -> None:
    logs = 'import logging\nlogging.warning("an edited line")\n'
    revision = picker.edit(base("/base", BUYER + GUEST + QUICK_LOGS + logs))

    def found() -> bool:
        shown = picker.get("/logs")
        return all("an edited line" in str(shown[process]) for process in ("master", "workers"))

    wait_until(found, "the line in both logs")
    assert f"revision {revision} live on 1 of 1 workers" in str(picker.get("/logs")["master"])


LOGIN = """
from flask import redirect, request
from flask_login import UserMixin, login_user
from locust import events

PASSWORD = "first"

class Person(UserMixin):
    id = "person"

@events.init.add_listener
def add_login(web_ui, **_):
    if web_ui:
        web_ui.app.secret_key = "secret"
        web_ui.login_manager.user_loader(lambda name: Person() if name == "person" else None)
        web_ui.auth_args = {"username_password_callback": "/enter"}

        @web_ui.app.route("/enter", methods=["POST"])
        def enter():
            if request.form["password"] == PASSWORD:
                login_user(Person())
            return redirect("/")
"""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for this machine in the file cert.pem of a folder, and its key in key.pem."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed, which makes the certificate")
    for_this_machine = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *for_this_machine]
    subprocess.run(command, check=True, capture_output=True)
    return tmp_path


@pytest.fixture
def closed(idle: Swarm, certificate: Path) -> Swarm:
    """A master that shows its web UI to those who log in, at an https address."""
    cert, key = certificate / "cert.pem", certificate / "key.pem"
    idle.options += ["--web-login", "--tls-cert", str(cert), "--tls-key", str(key)]
    idle.address = f"https://127.0.0.1:{idle.web}"
    idle.opener = build_opener(HTTPSHandler(context=ssl.create_default_context(cafile=cert)), HTTPCookieProcessor())
    idle.save(BASE + LOGIN)
    idle.start_master()
    wait_until(lambda: is_taken(idle.web), "the web UI")
    return idle


def log_in(swarm: Swarm, password: str) -> bool:
    """Send the login form, and return whether the web UI is open now."""
    data = urlencode({"username": "person", "password": password}).encode()
    swarm.opener.open(f"{swarm.address}/enter", data, timeout=TIMEOUT).close()
    return "livesync" in read(swarm, "/")


def test_a_login_page_with_tls_hides_live_sync_and_lets_edits_through(closed: Swarm) -> None:
    with pytest.raises(OSError, match=r"Remote end closed|Connection reset"):
        urlopen(f"http://127.0.0.1:{closed.web}/", timeout=TIMEOUT)
    login_page = read(closed, "/login")
    for path in ("/", "/livesync", "/stats/requests", "/stats/report", "/logs", "/tasks", "/exceptions"):
        assert read(closed, path) == login_page, path
    assert not log_in(closed, "wrong")
    assert log_in(closed, "first")

    closed.start_worker()
    wait_until(lambda: closed.workers() and closed.agrees(), "a worker")
    closed.swarm(users=4)
    revision = closed.edit(base("/edited", LOGIN.replace("first", "second")))
    closed.wait_for("/edited", workers=1)
    [table] = closed.get("/stats/requests")["extended_stats"]
    assert revision in [row["revision"] for row in table["data"]]
    assert log_in(closed, "second")


class Collector(ThreadingHTTPServer):
    """Takes what OpenTelemetry sends. It runs in threads until `close`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CollectorHandler)
        self.received: dict[str, bytes] = defaultdict(bytes)
        """What was sent to each path."""
        Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class CollectorHandler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.received[self.path] += self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def observed(collector: Collector, idle: Swarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swarm:
    """A running swarm with the packages that an image has with EXTRAS=otel, which reports to the collector."""
    packages = tmp_path / "packages"
    lock = str(LOADTEST / "requirements-otel.txt")
    options = ["--quiet", "--no-deps", "--compile-bytecode", "--require-hashes", "--requirement", lock]
    subprocess.run([Path(sys.executable).with_name("uv"), "pip", "install", "--target", packages, *options], check=True)
    for name, value in {
        "PYTHONPATH": str(packages),
        "LOCUST_ENABLE_OPENTELEMETRY": "true",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_METRIC_EXPORT_INTERVAL": "200",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
    }.items():
        monkeypatch.setenv(name, value)
    idle.save(named("/before"))
    idle.start(workers=1)
    idle.swarm(users=4)
    return idle


def named(name: str) -> str:
    """A locustfile whose requests have this name, by a client for which OpenTelemetry has traces."""
    return BASE.replace("FastHttpUser", "HttpUser").replace('name="/"', f'name=f"{name}"')


def test_opentelemetry_gets_what_an_edit_requests_until_there_are_too_many_names(
    observed: Swarm, collector: Collector
) -> None:
    def wait_for(signal: str, text: str) -> None:
        wait_until(lambda: text.encode() in collector.received[f"/v1/{signal}"], f"{text} in {signal}")

    wait_for("metrics", "/before")
    revision = observed.edit(named("/after"))
    wait_for("metrics", "/after")
    wait_for("traces", "/after")
    wait_for("logs", f"revision {revision} live on 1 of 1 workers")
    observed.edit(base("/quick").replace('name="/"', 'name=f"/{os.urandom(4).hex()}"'))
    wait_for("metrics", "Too many unique request names")
    assert b"/quick" not in collector.received["/v1/traces"], "a FastHttpUser has traces now"
    assert observed.total()["num_failures"] == 0
    assert observed.users() == 4
