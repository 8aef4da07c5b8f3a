"""Names that are Services of the cluster, and with that hosts that load may go to: the DNS of the cluster decides."""

from locust.env import Environment

import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from plugins.allowed_hosts import cluster_services, decision, reject_early
from plugins.allowed_hosts.decision import PERIOD, SOON, AllowedHosts


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    """Be in a cluster whose DNS knows these names, or every name; the list has what it is asked for."""

    def answer(
        *known: str, search: str = "shop.svc.cluster.local svc.cluster.local cluster.local", options: str = "ndots:5"
    ) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(name: str, _port: None) -> list[str]:
            asked.append(name)
            if "*" in known or name in known:
                return ["an address"]
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
        (tmp_path / "resolv.conf").write_text(f"nameserver 10.96.0.10\nsearch {search}\noptions {options}\n")
        monkeypatch.setattr(cluster_services, "RESOLV_CONF", tmp_path / "resolv.conf")
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return answer


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass for the decisions."""
    passed = 0.0

    def wait(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    clock = SimpleNamespace(monotonic=lambda: 1000.0 + passed)
    monkeypatch.setattr(decision, "time", clock)
    return wait


def fail_for_a_time(monkeypatch: pytest.MonkeyPatch, code: int = socket.EAI_AGAIN) -> None:
    """Let the DNS give no answer, as one that is under load."""

    def getaddrinfo(_name: str, _port: None) -> None:
        raise socket.gaierror(code, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_is_a_service_if_the_dns_of_the_cluster_knows_it_as_one(resolver: Callable[..., list[str]]) -> None:
    resolver("shop.production.svc.cluster.local.")
    assert AllowedHosts("").allow("shop.production")
    assert not AllowedHosts("").allow("example.com")
    resolver("shop.production.svc.k8s.example.", search="shop.svc.k8s.example svc.k8s.example k8s.example")
    assert AllowedHosts("").allow("shop.production")


def test_a_name_without_a_full_stop_is_a_service_of_the_namespace(resolver: Callable[..., list[str]]) -> None:
    # The office has a host jira, and another namespace a Service payments.
    asked = resolver("server.shop.svc.cluster.local.", "payments.svc.cluster.local.", "jira.office.example.", "jira.")
    hosts = AllowedHosts("")
    assert hosts.problem("http://server:8000") is None
    for host in ("jira", "payments", "server."):
        assert not hosts.allow(host)
        assert "LOCUST_ALLOWED_HOSTS" in (hosts.problem(f"http://{host}/") or "")
    assert {name.partition(".")[2] for name in asked if name[0] in "jps"} == {"shop.svc.cluster.local."}


def test_a_search_domain_ahead_of_those_of_the_cluster_makes_no_services(resolver: Callable[..., list[str]]) -> None:
    known = ("server.shop.svc.cluster.local.", "shop.dev.svc.cluster.local.")
    resolver(*known, search="office.example shop.svc.cluster.local svc.cluster.local")
    assert not AllowedHosts("").allow("server")
    assert not AllowedHosts("").allow("shop.dev")


def test_a_service_of_the_namespace_may_be_created_after_the_start(
    resolver: Callable[..., list[str]], later: Callable[[float], None]
) -> None:
    resolver()
    hosts = AllowedHosts("")
    assert not hosts.allow("server")
    assert hosts.problem("http://server:8000", or_later=True) is None
    assert hosts.problem("http://shop.dev", or_later=True) is not None
    resolver("server.shop.svc.cluster.local.")
    later(SOON)
    assert hosts.allow("server")
    # It may also be deleted, and the name then lead elsewhere.
    resolver()
    later(PERIOD)
    assert not hosts.allow("server")


def test_the_start_and_an_edit_wait_for_no_service(
    resolver: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver()
    with pytest.raises(SystemExit, match=r"Load on shop\.dev is rejected"):
        reject_early(AllowedHosts(""), Environment(host="http://shop.dev"), None)
    environment = Environment(host="http://server:8000")
    reject_early(AllowedHosts(""), environment, None)
    assert vars(environment)["edit_checks"]["allowed hosts"]() is None
    fail_for_a_time(monkeypatch)
    reject_early(AllowedHosts(""), Environment(host="http://shop.dev"), None)


def test_outside_of_a_cluster_no_service_is_waited_for() -> None:
    assert AllowedHosts("").problem("http://server:8000", or_later=True) is not None


@pytest.mark.parametrize(
    ("host", "options"), [("shop.dev.", "ndots:5"), ("shop.dev.", "ndots:1"), ("shop.dev", "ndots:1"), ("shop.dev", "")]
)
def test_a_name_that_the_client_looks_up_in_the_internet_first_is_no_service(
    resolver: Callable[..., list[str]], host: str, options: str
) -> None:
    asked = resolver("shop.dev.svc.cluster.local.", options=options)
    assert AllowedHosts("").problem(f"http://{host}/") is not None
    assert asked == []


def test_a_name_with_few_full_stops_is_searched_in_the_cluster_first(resolver: Callable[..., list[str]]) -> None:
    resolver("shop.dev.svc.cluster.local.", options="timeout:1 ndots:2")
    assert AllowedHosts("").problem("http://shop.dev/") is None


def test_a_dns_that_answers_for_every_name_makes_no_service_of_them(resolver: Callable[..., list[str]]) -> None:
    asked = resolver("*")
    for host in ("example.com", "shop.production"):
        assert not AllowedHosts("").allow(host)
    assert asked


def test_outside_of_a_cluster_no_dns_is_asked(
    resolver: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolver("*", search="office.example svc.example")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    assert not AllowedHosts("").allow("example.com")
    assert asked == []


def test_a_host_is_looked_up_once_for_all_requests(resolver: Callable[..., list[str]]) -> None:
    asked, hosts = resolver("shop.production.svc.cluster.local."), AllowedHosts("")
    for _ in range(3):
        assert hosts.allow("shop.production")
        assert not hosts.allow("example.com")
    assert asked.count("shop.production.svc.cluster.local.") == 1
    assert asked.count("example.com.svc.cluster.local.") == 1


def test_a_dns_that_fails_for_a_time_keeps_the_decision(
    resolver: Callable[..., list[str]], later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = AllowedHosts("")
    resolver("shop.production.svc.cluster.local.")
    assert hosts.allow("shop.production")
    assert not hosts.allow("example.com")
    for code in (socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM):
        fail_for_a_time(monkeypatch, code)
        later(PERIOD)
        assert hosts.allow("shop.production")
        assert not hosts.allow("example.com")
    resolver()
    later(SOON)
    assert not hosts.allow("shop.production")


def test_a_first_decision_without_an_answer_is_a_rejection_and_is_soon_asked_again(
    resolver: Callable[..., list[str]], later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = AllowedHosts("")
    resolver("shop.production.svc.cluster.local.")
    fail_for_a_time(monkeypatch)
    assert not hosts.allow("shop.production")
    assert hosts.problem("http://shop.production") is not None
    assert hosts.problem("http://shop.production", or_later=True) is None
    assert hosts.problem("http://shop.production\\@8.8.8.8", or_later=True) is not None
    resolver("shop.production.svc.cluster.local.")
    assert not hosts.allow("shop.production")
    later(SOON)
    assert hosts.allow("shop.production")


def test_a_name_is_no_service_while_it_is_open_whether_the_dns_knows_every_name(
    resolver: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver()

    def getaddrinfo(name: str, _port: None) -> list[str]:
        if name == "shop.production.svc.cluster.local.":
            return ["an address"]
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert not AllowedHosts("").allow("shop.production")
