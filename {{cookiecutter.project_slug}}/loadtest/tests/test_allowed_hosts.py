"""Hosts that load may go to: which they are, where one is rejected early, and that no request gets past the guard."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plugins.allowed_hosts.decision import AllowedHosts
from support.locust_process import Run
from support.service import Service

FAR = "0.0.0.0"  # noqa: S104 - nothing binds it
"""An address of this machine that is not allowed, so that a request to it would arrive."""


@pytest.mark.parametrize(
    "host",
    [
        "http://knowledge-service.default.svc",
        "https://knowledge-service.default.svc.cluster.local:8443/api",
        "https://knowledge-service.default.svc.cluster.local.",
        "http://localhost:8000",
        "http://LOCALHOST.",
        "http://127.0.0.1",
        "http://[::1]:8000",
        "http://[::1%25lo]:8000",
        "http://host.docker.internal",
        "http://host.minikube.internal:3000",
    ],
)
def test_the_cluster_and_this_machine_are_allowed(host: str) -> None:
    assert AllowedHosts("").problem(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "https://example.com",
        "http://EXAMPLE.COM.",
        "http://localhost.example.com",
        "http://svc.cluster.local.example.com",
        "http://server:8000",
        "http://jira/",
        "http://ai.",
        "http://example。com",  # the full stop of another script
        "http://example%2ecom",
        "http://münchen.de",
        "http://8.8.8.8",
        "http://134744072",
        "http://2130706433",
        "http://0x7f.1",
        "http://127.1",
        "http://0.0.0.0",
        "http://[2001:4860:4860::8888]",
        "http://[fe80::1%25eth0]",
        "http://192.168.1.1",
        "http://[::1",
        "http://a..b",
        f"http://{'a' * 64}.b",
        "http://local host",
        "http://local\0host",
        "http://.svc",
        "http://",
        "example.com",
        "",
    ],
)
def test_any_other_host_is_rejected_with_the_setting_that_allows_it(host: str) -> None:
    assert "LOCUST_ALLOWED_HOSTS" in (AllowedHosts("").problem(host) or "")


@pytest.mark.parametrize(
    "host",
    [
        "http://user:s3cret@server:8000",
        "http://s3cret@localhost",
        "user:s3cret@server",
        "http://user:s3/cret@server",
        "http://localhost@example.com",
        "http://example.com\\@localhost",
        "http://localhost\\@example.com",
    ],
)
def test_a_host_with_a_password_is_rejected_and_not_shown(host: str) -> None:
    rejected = AllowedHosts("example.com").problem(host) or ""
    assert "send an Authorization header" in rejected
    assert "s3" not in rejected


@pytest.mark.parametrize(
    "url",
    [
        "https://staging.example.com/api",
        "http://STAGING.example.com.",
        "http://[2001:db8::1]:80",
        "http://münchen.de",
        "http://server:8000",
    ],
)
def test_a_host_of_the_setting_is_allowed(url: str) -> None:
    hosts = AllowedHosts("Staging.Example.com, 2001:DB8::1,xn--mnchen-3ya.de,server,")
    assert hosts.problem(url) is None
    assert hosts.problem("http://example.com") is not None


@pytest.mark.parametrize(
    ("options", "environment"), [(["--host", "http://example.com"], {}), ([], {"LOCUST_HOST": "http://[::1"})]
)
def test_a_host_on_the_command_line_or_in_the_environment_is_rejected(
    run_locust: Callable[..., Run], options: list[str], environment: dict[str, str]
) -> None:
    run = run_locust(*options, **environment)
    assert run.code == 1
    assert "is rejected" in run.output
    assert "Traceback" not in run.output
    assert run.rows == []


def test_a_password_in_the_host_is_in_no_output(run_locust: Callable[..., Run]) -> None:
    run = run_locust("--host", "http://user:s3cret@localhost:9")
    assert run.code == 1
    assert "A host with a user name or a password is rejected" in run.output
    assert "s3cret" not in run.output


def test_a_setting_that_is_no_host_is_rejected(run_locust: Callable[..., Run]) -> None:
    run = run_locust(LOCUST_ALLOWED_HOSTS="staging.example.com,https://example.com")
    assert run.code == 1
    assert "LOCUST_ALLOWED_HOSTS: 'https://example.com' is not a host" in run.output


def test_the_host_of_a_user_class_is_rejected(run_locust: Callable[..., Run], copy: Path) -> None:
    file = copy / "locustfile.py"
    file.write_text(
        file.read_text().replace("(FastHttpUser):", "(FastHttpUser):\n    host = 'http://example.com'\n", 1)
    )
    run = run_locust("--host", "", folder=copy)
    assert run.code == 1
    assert "Load on example.com is rejected" in run.output


@pytest.fixture
def far() -> Iterator[Service]:
    """A service at an address that is not allowed."""
    service = Service()
    service.url = f"http://{FAR}:{service.server_port}"
    yield service
    service.close()


@pytest.fixture
def try_all_ways(service: Service, far: Service, run_locust: Callable[..., Run]) -> Callable[..., Run]:
    """Run Locust with users that try to reach `far` in all the ways of `ways_to_a_host.py`."""

    def run(*options: str, **environment: str) -> Run:
        locustfile = str(Path(__file__).with_name("ways_to_a_host.py"))
        environment |= {"NEAR": service.url.removeprefix("http://"), "FAR": far.url.removeprefix("http://")}
        return run_locust("-f", locustfile, "--users", "2", "--run-time", "30s", *options, **environment)

    return run


def test_no_request_gets_past_the_guard_of_a_worker(try_all_ways: Callable[..., Run], far: Service) -> None:
    run = try_all_ways("--processes", "1")
    assert far.seen == ["/without-a-user"]
    assert far.connections == 1
    assert "Traceback" not in run.output
    failed = {row["name"] for row in run.rows if row["num_failures"] == row["num_requests"]}
    assert {row["name"] for row in run.rows} - failed == {"arrived", "allowed proxy"}
    assert len(failed) > 50
    errors = dict(re.findall(r"^([\w.]+) failed: (.+)$", run.output, re.MULTILINE))
    assert errors.keys() == failed
    for name, error in errors.items():
        assert re.search(f"Load of {name} (on|through the proxy) {FAR} is rejected, .+LOCUST_ALLOWED_HOSTS", error)


def test_all_ways_lead_to_a_host_that_is_allowed(
    try_all_ways: Callable[..., Run], far: Service, service: Service
) -> None:
    run = try_all_ways(LOCUST_ALLOWED_HOSTS=FAR)
    tried = {row["name"].rpartition(".")[2] for row in run.rows} - {"arrived", "allowed proxy"}
    through_a_proxy = [path for path in service.seen if path.startswith("http")]
    arrived = {path.rpartition("/")[2] for path in [*far.seen, *through_a_proxy]}
    assert tried - arrived == {"tls_through_a_proxy_of_the_request"}
