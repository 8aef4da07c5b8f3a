"""Whether the cluster measures CPU, which the autoscaler goes by: `python3 tools/metrics.py CONTEXT`, as Tilt calls it."""

from __future__ import annotations

import sys

from cluster import Problem, kubectl

INSTALL = {
    "minikube": "minikube addons enable metrics-server",
    # Docker Desktop's kubelet has a certificate that nobody signed.
    "docker-desktop": (
        "kubectl apply -f https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml && "
        "kubectl patch deployment metrics-server --namespace kube-system --type json --patch "
        """'[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--kubelet-insecure-tls"}]'"""
    ),
}


def metrics(context: str) -> str:
    """What to say where metrics-server answers; raises Problem where it does not."""
    path = 'jsonpath={.status.conditions[?(@.type=="Available")].status}'
    if kubectl(context, "get", "apiservice", "v1beta1.metrics.k8s.io", "--output", path).stdout != "True":
        install = INSTALL.get(context, "install it as your cluster wants it.")
        raise Problem(f"The server does not scale without metrics-server, all else works: {install}")
    return "metrics-server answers"


if __name__ == "__main__":
    try:
        print(metrics(sys.argv[1]))
    except Problem as problem:
        print(problem)  # not an error: it would end `tilt ci`
