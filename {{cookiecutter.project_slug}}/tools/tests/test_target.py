"""The target of a run: the Service that its host names, and whether a network policy allows it."""

import os
from pathlib import Path

import pytest

from tools.problem import Problem
from tools.runs.run_manifests import image_override
from tools.runs.target import (
    Json,
    Service,
    documents,
    require_allowed_by_policy,
    require_target,
    service_of,
    target_host,
    target_service,
)
from tools.setup.contexts import NAMESPACE


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("http://server:8000", Service(NAMESPACE, "server")),
        ("http://shop.production:8000/v2", Service("production", "shop")),
        ("http://shop.production.svc", Service("production", "shop")),
        ("https://shop.production.svc.cluster.local.:8443", Service("production", "shop")),
        ("https://api.shop.example.com", None),
        ("https://shop.dev.", None),
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


@pytest.mark.parametrize("allowed", ["example.com", "staging.example.com, example.com"])
def test_an_allowed_host_of_two_labels_is_outside_of_the_cluster(monkeypatch: pytest.MonkeyPatch, allowed: str) -> None:
    monkeypatch.setenv("LOCUST_HOST", "https://example.com")
    monkeypatch.delenv("LOCUST_ALLOWED_HOSTS", raising=False)
    assert target_service([]) == Service("com", "example")
    objects: list[Json] = [{"kind": "ConfigMap", "data": {"LOCUST_ALLOWED_HOSTS": allowed}}]
    assert target_service(objects) is None
    require_target("minikube", target_service(objects))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ('Error from server (NotFound): services "shop" not found', "does not exist in context minikube: deploy"),
        ("Error from server (Forbidden): no access", r"cannot be read: Error from server \(Forbidden\): no access"),
    ],
)
def test_a_target_that_is_missing_or_cannot_be_read_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, problem: str
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\necho '{answer}' >&2\nexit 1\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(Problem, match=problem):
        require_target("minikube", Service("production", "shop"))


def target_policy(*peers: Json) -> list[Json]:
    return policy_with_rules({"to": list(peers)})


def policy_with_rules(*rules: Json) -> list[Json]:
    return [{"kind": "NetworkPolicy", "metadata": {"name": "locust-target"}, "spec": {"egress": list(rules)}}]


IN_PRODUCTION: Json = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "production"}}}
ADDRESSES: Json = {"ipBlock": {"cidr": "203.0.113.0/24"}}


@pytest.mark.parametrize(
    ("objects", "host"),
    [
        ([{"kind": "Namespace", "metadata": {"name": "production"}}], "https://shop.example.com"),
        (target_policy(IN_PRODUCTION), "http://shop.production:8000"),
        (target_policy(IN_PRODUCTION), ""),
        (target_policy(IN_PRODUCTION, ADDRESSES), "https://api.shop.example.com"),
        (policy_with_rules({}), "http://shop.production:8000"),
        (policy_with_rules({}), "https://api.shop.example.com"),
        (target_policy({"namespaceSelector": {}}), "http://shop.production:8000"),
        (target_policy({"namespaceSelector": {"matchExpressions": []}}), "http://shop.production:8000"),
    ],
)
def test_a_target_that_the_network_policy_allows_is_accepted(
    monkeypatch: pytest.MonkeyPatch, objects: list[Json], host: str
) -> None:
    monkeypatch.setenv("LOCUST_HOST", host)
    require_allowed_by_policy(objects)


@pytest.mark.parametrize(
    ("objects", "host"),
    [
        (target_policy(IN_PRODUCTION), "http://server:8000"),
        (target_policy(ADDRESSES), "http://shop.production:8000"),
        (target_policy(IN_PRODUCTION), "https://api.shop.example.com"),
        (target_policy({"namespaceSelector": {}}), "https://api.shop.example.com"),
    ],
)
def test_a_target_that_the_network_policy_does_not_allow_is_rejected(
    monkeypatch: pytest.MonkeyPatch, objects: list[Json], host: str
) -> None:
    monkeypatch.setenv("LOCUST_HOST", host)
    with pytest.raises(Problem, match=f"reach {host}: write its namespace.*target-policy.yaml"):
        require_allowed_by_policy(objects)


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
