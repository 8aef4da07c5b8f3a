"""The target of a run: the Service that its host names, and whether a network policy allows it."""

import pytest

from tools.problem import Problem
from tools.runs.run_manifests import image_override
from tools.runs.target import Json, Service, documents, require_allowed_by_policy, service_of, target_host
from tools.setup.contexts import NAMESPACE


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("http://server:8000", Service(NAMESPACE, "server")),
        ("http://shop.production:8000/v2", Service("production", "shop")),
        ("http://shop.production.svc", Service("production", "shop")),
        ("https://shop.production.svc.cluster.local.:8443", Service("production", "shop")),
        ("https://api.shop.example.com", None),
        ("http://localhost:8000", None),
        ("http://10.0.0.1:8000", None),
        ("http://[fd00::1]:8000", None),
        ("http://[fd00::1", None),
        ("", None),
    ],
)
def test_a_host_names_a_service_in_its_short_or_long_form(host: str, service: Service | None) -> None:
    assert service_of(host) == service


def test_the_environment_overrides_the_host_of_the_overlay(monkeypatch: pytest.MonkeyPatch) -> None:
    objects: list[Json] = [{"kind": "Namespace"}, {"kind": "ConfigMap", "data": {"LOCUST_HOST": "http://server:8000"}}]
    monkeypatch.delenv("LOCUST_HOST", raising=False)
    assert target_host(objects) == "http://server:8000"
    monkeypatch.setenv("LOCUST_HOST", "http://shop.production")
    assert target_host(objects) == "http://shop.production"


def target_policy(*peers: Json) -> list[Json]:
    return [{"kind": "NetworkPolicy", "metadata": {"name": "locust-target"}, "spec": {"egress": [{"to": list(peers)}]}}]


IN_PRODUCTION: Json = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "production"}}}
ADDRESSES: Json = {"ipBlock": {"cidr": "203.0.113.0/24"}}


@pytest.mark.parametrize(
    ("objects", "host"),
    [
        ([{"kind": "Namespace", "metadata": {"name": "production"}}], "https://shop.example.com"),
        (target_policy(IN_PRODUCTION), "http://shop.production:8000"),
        (target_policy(IN_PRODUCTION), ""),
        (target_policy(IN_PRODUCTION, ADDRESSES), "https://api.shop.example.com"),
    ],
)
def test_a_target_in_the_namespace_of_the_network_policy_is_accepted(objects: list[Json], host: str) -> None:
    require_allowed_by_policy(objects, host)


@pytest.mark.parametrize(
    ("objects", "host"),
    [
        (target_policy(IN_PRODUCTION), "http://server:8000"),
        (target_policy(ADDRESSES), "http://shop.production:8000"),
        (target_policy(IN_PRODUCTION), "https://api.shop.example.com"),
    ],
)
def test_a_target_that_the_network_policy_does_not_name_is_rejected(objects: list[Json], host: str) -> None:
    with pytest.raises(Problem, match=f"reach {host}: write its namespace.*target-policy.yaml"):
        require_allowed_by_policy(objects, host)


def test_a_host_with_a_password_is_rejected_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUST_HOST", "http://user:s3cret@shop.production")
    with pytest.raises(Problem, match=r"LOCUST_HOST has a user name or a password: .*loadtest/\.env") as raised:
        target_host([])
    assert "s3cret" not in str(raised.value)


def test_documents_come_one_after_the_other() -> None:
    assert list(documents('{"a": 1}\n{\n  "b": 2\n}\n')) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("image", "override"),
    [
        ("load-lab:12ab", {"newName": "load-lab", "newTag": "12ab"}),
        ("127.0.0.1:5000/team/load-lab:12ab", {"newName": "127.0.0.1:5000/team/load-lab", "newTag": "12ab"}),
        ("127.0.0.1:5000/load-lab@sha256:12ab", {"newName": "127.0.0.1:5000/load-lab", "digest": "sha256:12ab"}),
    ],
)
def test_an_image_is_named_by_its_tag_or_its_digest(image: str, override: dict[str, str]) -> None:
    assert image_override(image).items() >= override.items()
