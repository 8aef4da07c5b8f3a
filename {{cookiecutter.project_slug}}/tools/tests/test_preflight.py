"""Which subcommand a call of Tilt or Skaffold has."""

import pytest

from tools.setup.preflight import subcommand


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("tilt up", "up"),
        ("tilt up --context dev", "up"),
        ("tilt --context dev down", "down"),
        ("tilt down --context dev", "down"),
        ("skaffold dev --profile minikube", "dev"),
        ("skaffold build --profile dev", "build"),
        ("skaffold -p gke build", "build"),
        ("skaffold --profile=dev delete", "delete"),
        ("/usr/local/bin/skaffold-linux-amd64 -v info --tail run", "run"),
        ("tilt", ""),
    ],
)
def test_the_subcommand_is_neither_an_option_nor_the_value_of_one(command: str, name: str) -> None:
    assert subcommand(command.split()) == name
