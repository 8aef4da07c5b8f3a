"""The spec of a HorizontalPodAutoscaler: how to find it, and its rules with Kubernetes' defaults."""

from dataclasses import dataclass

from ..problem import Problem
from ..runs.target import Json, read


def find(context: str, namespace: str, deployment: str) -> Json:
    """The HorizontalPodAutoscaler (autoscaling/v2) that scales the Deployment. Raises Problem if there is none."""
    for hpa in read(context, namespace, "hpa")["items"]:
        target = hpa["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) == ("Deployment", deployment):
            return dict(hpa)
    raise Problem(
        f"No HorizontalPodAutoscaler scales Deployment {deployment} in namespace {namespace}: "
        "deploy one, or name another Deployment with WATCH=namespace/deployment."
    )


@dataclass(frozen=True)
class Policy:
    """How far one step may go within a period."""

    type: str
    value: int
    period: int
    """Seconds for which the value limits all changes together."""

    def step(self, replicas: int) -> float:
        return self.value if self.type == "Pods" else replicas * self.value / 100


@dataclass(frozen=True)
class Rules:
    """How to scale in one direction, with the documented defaults."""

    window: int
    """Stabilization window in seconds."""
    policies: tuple[Policy, ...]
    select: str = "Max"
    tolerance: float = 0.1

    def furthest(self, steps: list[int]) -> int:
        """The largest change that the policies allow together, when each one allows one of `steps`."""
        if self.select == "Disabled":
            return 0
        return max(0, min(steps) if self.select == "Min" else max(steps))


UP = Rules(window=0, policies=(Policy("Pods", 4, 15), Policy("Percent", 100, 15)))
DOWN = Rules(window=300, policies=(Policy("Percent", 100, 15),))


@dataclass(frozen=True)
class Spec:
    """What an autoscaler is configured to do."""

    minimum: int
    maximum: int
    target: int
    """Average CPU usage in per cent of the request."""
    up: Rules
    down: Rules

    @classmethod
    def of(cls, hpa: Json) -> "Spec":
        """Read an autoscaling/v2 object. Raises Problem if its metric is another one than CPU utilization."""
        spec = hpa["spec"]
        metrics = [metric.get("resource", {}) for metric in spec.get("metrics", [])]
        if [(m.get("name"), m.get("target", {}).get("type")) for m in metrics] != [("cpu", "Utilization")]:
            raise Problem(
                f"HorizontalPodAutoscaler {hpa['metadata']['name']} has other metrics than CPU utilization, the only one "
                "that is supported here: give it one metric, of type Resource, cpu, with averageUtilization."
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
