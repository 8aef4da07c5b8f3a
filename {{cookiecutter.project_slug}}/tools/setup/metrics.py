"""Checks that the cluster measures the CPU usage of pods, which the autoscaler needs. Tilt runs it."""

from __future__ import annotations

from ..problem import Problem
from .contexts import kubectl

INSTALL = {
    "minikube": "run minikube addons enable metrics-server",
    # The certificate of Docker Desktop's kubelet is self-signed.
    "docker-desktop": (
        "run kubectl apply -f https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml && "
        "kubectl patch deployment metrics-server --namespace kube-system --type json --patch "
        """'[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--kubelet-insecure-tls"}]'"""
    ),
}


def metrics(context: str) -> str:
    """A message if metrics-server answers. Raises Problem, with the command that installs it, if not."""
    path = 'jsonpath={.status.conditions[?(@.type=="Available")].status}'
    if kubectl(context, "get", "apiservice", "v1beta1.metrics.k8s.io", "--output", path).stdout != "True":
        install = INSTALL.get(context, "install it as described in the documentation of your cluster.")
        raise Problem(f"metrics-server does not answer, and the autoscaler cannot work without it: {install}")
    return "metrics-server answers"


def main(context: str) -> None:
    """Print the result. A missing metrics-server is not an error, because an error would end `tilt ci`."""
    try:
        print(metrics(context))
    except Problem as problem:
        print(problem)
