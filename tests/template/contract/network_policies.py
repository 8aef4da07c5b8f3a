"""What network policies allow, as Kubernetes defines it, between pods on different nodes."""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from tests.template.contract.objects import Object, of_kind


@dataclass(frozen=True)
class Endpoint:
    """A pod; an address outside of the cluster has neither namespace nor labels."""

    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    address: str = "10.244.0.1"


def pods(objects: list[Object]) -> dict[str, Endpoint]:
    """One pod of each Deployment and Job, by the name of that."""
    workloads = of_kind("Deployment", objects) | of_kind("Job", objects)
    return {
        name: Endpoint(workload["metadata"]["namespace"], workload["spec"]["template"]["metadata"]["labels"])
        for name, workload in workloads.items()
    }


def is_allowed(policies: list[Object], source: Endpoint, destination: Endpoint, protocol: str, port: int) -> bool:
    """Whether the policies let the source out, and into the destination."""
    return passes(policies, "Egress", source, destination, protocol, port) and passes(
        policies, "Ingress", destination, source, protocol, port
    )


def passes(policies: list[Object], direction: str, pod: Endpoint, peer: Endpoint, protocol: str, port: int) -> bool:
    """Whether no policy restricts the pod in this direction, or one of those that do has a rule for the peer."""
    restricting = [
        policy
        for policy in policies
        if direction in policy["spec"]["policyTypes"]
        and policy["metadata"]["namespace"] == pod.namespace
        and matches(policy["spec"]["podSelector"], pod.labels)
    ]
    return not restricting or any(
        names_port(rule, protocol, port) and names_peer(rule, policy, peer)
        for policy in restricting
        for rule in policy["spec"].get(direction.lower(), [])
    )


def names_port(rule: Object, protocol: str, port: int) -> bool:
    ports = [(entry.get("protocol", "TCP"), entry["port"]) for entry in rule.get("ports", [])]
    return not ports or (protocol, port) in ports


def names_peer(rule: Object, policy: Object, peer: Endpoint) -> bool:
    """Whether the rule names no peer at all, or this one."""
    entries = rule.get("from", []) + rule.get("to", [])
    return not entries or any(is_peer(entry, policy, peer) for entry in entries)


def is_peer(entry: Object, policy: Object, peer: Endpoint) -> bool:
    """Whether an entry is this peer. Without a selector of namespaces, it is in the namespace of the policy."""
    if "ipBlock" in entry:
        return not peer.namespace and ip_address(peer.address) in ip_network(entry["ipBlock"]["cidr"])
    own = {"matchLabels": {"kubernetes.io/metadata.name": policy["metadata"]["namespace"]}}
    return (
        bool(peer.namespace)
        and matches(entry.get("namespaceSelector", own), {"kubernetes.io/metadata.name": peer.namespace})
        and matches(entry.get("podSelector", {}), peer.labels)
    )


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether the labels match, by the two kinds of requirements that the policies use."""
    expressions = selector.get("matchExpressions", [])
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    assert all(expression["operator"] == "In" for expression in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(expression["key"]) in expression["values"] for expression in expressions
    )
