"""A fresh project passes its own checks, and its tests with a load test of its owner's in place of the template's."""

from pathlib import Path

from tests.support.commands import run

# As people write them: without type hints, with a request that the template's service levels do not name.
OWN_FILES = {
    "locustfile.py": """from locust import HttpUser, task


class Shopper(HttpUser):
    host = "http://shop.prod:8000"

    @task
    def buy(self):
        self.client.post("/buy", json={"sku": 1})
""",
    "data/users.csv": "sku,price\n1,9.99\n",
    "slo.toml": "[total]\np95 = 200\n",
}


def passes(command: str, project: Path) -> None:
    made = run("make", command, cwd=project, seconds=1500)
    assert made.returncode == 0, made.stdout
    assert "warning" not in made.stdout.lower(), made.stdout


def test_a_fresh_project_passes_its_own_checks(workshop: Path) -> None:
    passes("check", workshop)


def test_a_project_with_a_load_test_of_its_own_passes_its_tests(workshop: Path) -> None:
    loadtest = workshop / "loadtest"
    before = {name: (loadtest / name).read_text() for name in OWN_FILES}
    shapes = (loadtest / "shapes.py").read_text()
    for name, text in OWN_FILES.items():
        (loadtest / name).write_text(text)
    (loadtest / "shapes.py").write_text(shapes + '\n\nSHAPES["flat"] = lambda second, settings: settings.low\n')
    try:
        passes("test", workshop)
    finally:
        for name, text in {**before, "shapes.py": shapes}.items():
            (loadtest / name).write_text(text)
