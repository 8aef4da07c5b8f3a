"""Checks the manifests of a bake with kubeconform and kube-score, which Go builds; .ci/lint runs it."""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import kubernetes_validate
import yaml

from tests.support.baking import bake

COMPONENTS = ["autoscaling", "headless", "live-sync", "network-policy"]

KUBECONFORM = "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0"
KUBE_SCORE = "github.com/zegl/kube-score/cmd/kube-score@v1.20.0"

EXCEPTIONS = [
    # Two masters at a time would divide the workers among themselves, so there is one, and a new one waits for its end.
    "--ignore-test=deployment-strategy",
    "--ignore-test=deployment-replicas",
    # The server begins with one pod, so that a pulse shows how it scales out.
    "--ignore-test=horizontalpodautoscaler-replicas",
    # A cluster on this machine has one node. The component shared-cluster spreads the workers.
    "--ignore-test=deployment-has-host-podantiaffinity",
    # The results of a throttled worker would measure the limit. The component shared-cluster sets one.
    "--ignore-container-cpu-limit",
    # Images that are built on this machine are in no registry that a node could pull them from at every start.
    "--ignore-test=container-image-pull-policy",
    # Containers write into volumes alone, each of which has a limit.
    "--ignore-test=container-ephemeral-storage-request-and-limit",
    # A budget for a Deployment of one pod would block the drain of its node.
    "--ignore-test=deployment-has-poddisruptionbudget",
]
"""Checks of kube-score that the manifests fail on purpose."""


def main() -> int:
    """Run both linters, and return 1 if one of them complains."""
    with TemporaryDirectory() as name:
        manifests, schemas = Path(name, "manifests.yaml"), Path(name, "schemas")
        manifests.write_bytes(rendered(Path(name)))
        copy_schemas(schemas)
        location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
        commands = [
            [KUBECONFORM, "-strict", "-summary", "-schema-location", location, str(manifests)],
            [KUBE_SCORE, "score", "--exit-one-on-warning", *EXCEPTIONS, str(manifests)],
        ]
        codes = [subprocess.run(["go", "run", *command], check=False).returncode for command in commands]
    return int(any(codes))


def rendered(folder: Path) -> bytes:
    """The manifests of the default project, with these components."""
    overlay = bake(folder) / "k8s/overlays/lint"
    overlay.mkdir()
    components = [f"../../components/{component}" for component in COMPONENTS]
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["../../base"], "components": components}))
    kubectl = Path(sys.executable).with_name("kubectl")
    return subprocess.run([kubectl, "kustomize", overlay], check=True, stdout=subprocess.PIPE).stdout


def copy_schemas(folder: Path) -> None:
    """Copy the schemas of the tests, with references that kubeconform finds without a network."""
    version = kubernetes_validate.latest_version()
    package = Path(kubernetes_validate.__file__).parent
    shutil.copytree(package / "kubernetes-json-schema" / f"v{version}-local-strict", folder)
    for file in folder.glob("*.json"):
        text = file.read_text().replace('"$id": "https:', '"x-id": "https:')
        file.write_text(text.replace('"/api/_definitions', '"_definitions'))


if __name__ == "__main__":
    sys.exit(main())
