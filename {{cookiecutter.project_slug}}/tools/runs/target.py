"""The target of a run: the host that LOCUST_HOST names, and what serves it if it is a Service of the cluster."""

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..problem import Problem
from ..setup.contexts import NAMESPACE, kubectl, last_line, overlay_folder

HOST, ALLOWED_HOSTS = "LOCUST_HOST", "LOCUST_ALLOWED_HOSTS"
TARGET_POLICY = ("NetworkPolicy", "locust-target")
Json = dict[str, Any]


class Service(NamedTuple):
    namespace: str
    name: str


def rendered(context: str) -> list[Json]:
    """The objects of the context's overlay. Raises Problem if it cannot be rendered."""
    folder = str(overlay_folder(context))
    shown = kubectl(context, "create", "--dry-run=client", "--output", "json", "--kustomize", folder, timeout=30)
    if shown.returncode:
        raise Problem(f"The overlay of context {context} cannot be rendered: {last_line(shown.stderr)}")
    return list(documents(shown.stdout))


def documents(text: str) -> Iterator[Json]:
    """The JSON documents that kubectl prints one after the other."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:]


def target_host(objects: list[Json]) -> str:
    """LOCUST_HOST from the environment, else from the rendered overlay; empty if the user classes have the host.

    Raises Problem for a host with a password.
    """
    host = setting(HOST, objects)
    require_no_password(host)
    return host


def setting(name: str, objects: list[Json]) -> str:
    """A variable of Locust from the environment, else from the rendered overlay; empty if neither has it."""
    data = [item.get("data", {}) for item in objects if item["kind"] == "ConfigMap"]
    return os.environ.get(name) or next((values[name] for values in data if name in values), "")


def require_no_password(host: str) -> None:
    """Raise Problem for a host with a user name or a password, which the output and the reports of a run would show."""
    if "@" in host:
        raise Problem(
            f"{HOST} has a user name or a password: remove the part up to the @, and send an Authorization header that "
            "the locustfile makes from a variable in loadtest/.env."
        )


def target_service(objects: list[Json]) -> Service | None:
    """The Service that is the target, or None if it is no Service of the cluster. Raises Problem for a host with a password.

    A host in LOCUST_ALLOWED_HOSTS is outside of the cluster, although `example.com` may also be the Service `example` in the
    namespace `com`.
    """
    host = target_host(objects)
    outside = {name.strip() for name in setting(ALLOWED_HOSTS, objects).split(",")}
    return None if hostname(host) in outside else service_of(host)


def hostname(host: str) -> str:
    """The name in a URL, or an empty one if there is none."""
    try:
        return urlsplit(host).hostname or ""
    except ValueError:  # half of an IPv6 address
        return ""


def service_of(host: str) -> Service | None:
    """The Service that a host names, in its short or its long form, or None if it is no Service of a cluster."""
    # With a full stop at its end, `shop.dev.` is a host of the Internet.
    match hostname(host).removesuffix(".").removesuffix(".cluster.local").split("."):
        case [name] if name and name != "localhost" and ":" not in name:
            return Service(NAMESPACE, name)
        case [name, namespace] if not hostname(host).endswith("."):
            return Service(namespace, name)
        case [name, namespace, "svc"]:
            return Service(namespace, name)
    return None


def require_target(context: str, service: Service | None) -> None:
    """Raise Problem if the target is a Service that the cluster does not have."""
    if not service:
        return
    found = kubectl(context, "--namespace", service.namespace, "get", "service", service.name)
    if "NotFound" in found.stderr:
        raise Problem(
            f"Service {service.name} in namespace {service.namespace} does not exist in context {context}: deploy this project by "
            f"`tilt up` or `skaffold run`, or set {HOST} to a Service that is there, such as http://name.namespace:8000. "
            f"If the host is outside of the cluster, add it to {ALLOWED_HOSTS}."
        )
    if found.returncode:
        raise Problem(
            f"Service {service.name} in namespace {service.namespace} of context {context} cannot be read: {last_line(found.stderr)}"
        )


def require_allowed_by_policy(objects: list[Json]) -> None:
    """Raise Problem if the rendered overlay has the component network-policy, which does not let the load pods reach the target."""
    host, service = target_host(objects), target_service(objects)
    policies = [item for item in objects if (item["kind"], item["metadata"]["name"]) == TARGET_POLICY]
    rules = [rule for policy in policies for rule in policy["spec"]["egress"]]
    if host and policies and not any(allows(rule, service) for rule in rules):
        raise Problem(
            f"The network policy does not let the load pods reach {host}: write its namespace, or its addresses if it is "
            "outside of the cluster, into k8s/components/network-policy/target-policy.yaml."
        )


def allows(rule: Json, service: Service | None) -> bool:
    """Whether a rule for egress may let pods reach a Service; without one, a host outside of the cluster."""
    peers = rule.get("to")
    if not peers:  # such a rule allows everything
        return True
    if not service:
        return any("ipBlock" in peer for peer in peers)
    selectors = [peer["namespaceSelector"] for peer in peers if "namespaceSelector" in peer]
    return any(
        not selector or "matchExpressions" in selector or service.namespace in selector.get("matchLabels", {}).values()
        for selector in selectors
    )


def deployment_behind(context: str, objects: list[Json]) -> Service:
    """Namespace and name of the Deployment whose pods serve the target. Raises Problem if it is not exactly one."""
    service = target_service(objects)
    if not service:
        raise Problem(
            f"{HOST} is {target_host(objects)!r}, which is no Service of the cluster: set WATCH=namespace/deployment."
        )
    selector = read(context, service.namespace, "service", service.name)["spec"].get("selector") or {}
    found = [
        item["metadata"]["name"]
        for item in read(context, service.namespace, "deployments")["items"]
        if selector and selector.items() <= item["spec"]["template"]["metadata"]["labels"].items()
    ]
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise Problem(
            f"Service {service.name} in namespace {service.namespace} selects the pods of these Deployments: {names}. "
            "Choose the one to watch with WATCH=namespace/deployment."
        )
    return Service(service.namespace, found[0])


def read(context: str, namespace: str, *words: str) -> Json:
    """What kubectl gets in a namespace. Raises Problem if it fails."""
    found = kubectl(context, "--namespace", namespace, "get", *words, "--output", "json")
    if found.returncode:
        raise Problem(f"{' '.join(words)} in namespace {namespace} cannot be read: {last_line(found.stderr)}")
    return dict(json.loads(found.stdout))
