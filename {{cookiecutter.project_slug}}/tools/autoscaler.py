"""A HorizontalPodAutoscaler and what its spec says, with Kubernetes' defaults, for `make pulse`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cluster import Problem, kubectl

Json = dict[str, Any]


def find(context: str, namespace: str, deployment: str) -> Json:
    """The HorizontalPodAutoscaler (autoscaling/v2) that scales the Deployment; raises Problem without one."""
    answer = kubectl(context, "--namespace", namespace, "get", "hpa", "--output", "json")
    if answer.returncode:
        raise Problem(f"The autoscalers of namespace {namespace} cannot be read: {answer.stderr.strip()}")
    for hpa in json.loads(answer.stdout)["items"]:
        target = hpa["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) == ("Deployment", deployment):
            return dict(hpa)
    raise Problem(
        f"No HorizontalPodAutoscaler scales Deployment {deployment} in namespace {namespace}: "
        "deploy one, or name another Deployment with WATCH=namespace/deployment."
    )


@dataclass(frozen=True)
class Policy:
    type: str
    value: int
    period: int
    """Seconds within which no more than the value may change."""

    def step(self, replicas: int) -> float:
        return self.value if self.type == "Pods" else replicas * self.value / 100


@dataclass(frozen=True)
class Rules:
    """How to scale in one direction; the defaults are the documented ones."""

    window: int
    """Seconds of stabilization."""
    policies: tuple[Policy, ...]
    select: str = "Max"
    tolerance: float = 0.1

    def furthest(self, steps: list[int]) -> int:
        """The change that the policies together allow, where each allows one of the steps."""
        if self.select == "Disabled":
            return 0
        return max(0, min(steps) if self.select == "Min" else max(steps))


UP = Rules(window=0, policies=(Policy("Pods", 4, 15), Policy("Percent", 100, 15)))
DOWN = Rules(window=300, policies=(Policy("Percent", 100, 15),))


@dataclass(frozen=True)
class Spec:
    minimum: int
    maximum: int
    target: int
    """Average per cent of the CPU request."""
    up: Rules
    down: Rules

    @classmethod
    def of(cls, hpa: Json) -> Spec:
        """The spec in an autoscaling/v2 object; raises Problem for one that goes by anything but CPU utilization."""
        spec = hpa["spec"]
        metrics = [metric.get("resource", {}) for metric in spec.get("metrics", [])]
        if [(m.get("name"), m.get("target", {}).get("type")) for m in metrics] != [("cpu", "Utilization")]:
            raise Problem(
                f"HorizontalPodAutoscaler {hpa['metadata']['name']} goes by something else than CPU utilization, which "
                "is all that is understood here: give it one metric, of type Resource, cpu, with averageUtilization."
            )
        behavior = spec.get("behavior") or {}
        return cls(
            minimum=spec.get("minReplicas", 1),
            maximum=spec["maxReplicas"],
            target=metrics[0]["target"]["averageUtilization"],
            up=rules(behavior.get("scaleUp") or {}, UP),
            down=rules(behavior.get("scaleDown") or {}, DOWN),
        )


def rules(given: Json, default: Rules) -> Rules:
    policies = tuple(Policy(item["type"], item["value"], item["periodSeconds"]) for item in given.get("policies") or [])
    return Rules(
        window=given.get("stabilizationWindowSeconds", default.window),
        policies=policies or default.policies,
        select=given.get("selectPolicy", default.select),
        tolerance=number(given.get("tolerance", default.tolerance)),
    )


def number(quantity: str | float) -> float:
    """The value of a Kubernetes quantity without a unit, such as "0.05" or "50m"."""
    text = str(quantity)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)
