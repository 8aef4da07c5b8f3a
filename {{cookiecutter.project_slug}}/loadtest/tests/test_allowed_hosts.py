"""Hosts that may be tested, and those that are rejected before the first request."""

from collections.abc import Callable
from pathlib import Path

import pytest
from plugins.allowed_hosts import problem
from support.locust_process import Run


@pytest.mark.parametrize(
    "host",
    [
        "http://server:8000",
        "http://knowledge-service.default.svc",
        "https://knowledge-service.default.svc.cluster.local:8443/api",
        "http://localhost:8000",
        "http://127.0.0.1",
        "http://[::1]:8000",
        "http://host.docker.internal",
        "http://host.minikube.internal:3000",
    ],
)
def test_the_cluster_and_this_machine_are_allowed(host: str) -> None:
    assert problem(host, set()) is None


@pytest.mark.parametrize(
    "host",
    [
        "https://example.com",
        "http://localhost.example.com",
        "http://svc.cluster.local.example.com",
        "http://8.8.8.8",
        "http://134744072",
        "http://[2001:4860:4860::8888]",
        "http://192.168.1.1",
        "example.com",
        "",
    ],
)
def test_any_other_host_is_rejected_with_the_setting_that_allows_it(host: str) -> None:
    assert "LOCUST_ALLOWED_HOSTS" in (problem(host, set()) or "")


@pytest.mark.parametrize(
    "host",
    [
        "http://user:s3cret@server:8000",
        "http://s3cret@localhost",
        "user:s3cret@server",
        "http://user:s3/cret@server",
        "http://localhost@example.com",
    ],
)
def test_a_host_with_a_password_is_rejected_and_not_shown(host: str) -> None:
    rejected = problem(host, {"server", "localhost", "example.com"}) or ""
    assert "send an Authorization header" in rejected
    assert "s3" not in rejected


def test_a_host_of_the_setting_is_allowed() -> None:
    assert problem("https://staging.example.com/api", {"staging.example.com"}) is None


@pytest.mark.parametrize(
    ("options", "environment"), [(["--host", "http://example.com"], {}), ([], {"LOCUST_HOST": "http://example.com"})]
)
def test_a_host_on_the_command_line_or_in_the_environment_is_rejected(
    run_locust: Callable[..., Run], options: list[str], environment: dict[str, str]
) -> None:
    run = run_locust(*options, **environment)
    assert run.code == 1
    assert "Load on example.com is rejected" in run.output
    assert "Traceback" not in run.output
    assert run.rows == []


def test_a_password_in_the_host_is_in_no_output(run_locust: Callable[..., Run]) -> None:
    run = run_locust("--host", "http://user:s3cret@localhost:9")
    assert run.code == 1
    assert "A host with a user name or a password is rejected" in run.output
    assert "s3cret" not in run.output


def test_the_host_of_a_user_class_is_rejected(run_locust: Callable[..., Run], copy: Path) -> None:
    file = copy / "locustfile.py"
    file.write_text(
        file.read_text().replace("(FastHttpUser):", "(FastHttpUser):\n    host = 'http://example.com'\n", 1)
    )
    run = run_locust("--host", "", folder=copy)
    assert run.code == 1
    assert "Load on example.com is rejected" in run.output
