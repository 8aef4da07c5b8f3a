"""The target of a run: the Service that its host names."""

import pytest

from tools.runs.run_manifests import image_override
from tools.runs.target import Json, Service, documents, service_of, target_host
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
