"""What the users do. Locust reads this file; with live sync a saved edit goes live in the running swarm."""

from locust import FastHttpUser, between, constant, task

import os

# hosts, Shape and verdict give Locust options of their own; nothing below calls them.
import hosts
import verdict
from csv_rows import CsvRows
from shapes import Shape

VISITORS = CsvRows("data/users.csv")

# A secret comes from the environment, in the cluster as in `make local`: see .env.example.
HEADERS = {"Authorization": f"Bearer {token}"} if (token := os.environ.get("API_TOKEN")) else {}


class Visitor(FastHttpUser):
    """Says hello. This is all it needs of the target, so it runs against other services too."""

    wait_time = between(0.5, 1.5)

    def on_start(self) -> None:
        self.visitor = VISITORS.deal(self)

    @task
    def hello(self) -> None:
        self.client.get("/hello", headers=HEADERS | {"X-Visitor": self.visitor["name"]})


class Taskmaster(FastHttpUser):
    """Strains the server of this repository. `abstract = False` switches it on."""

    abstract = True
    wait_time = constant(1)

    @task(3)
    def keep_a_core_busy(self) -> None:
        self.client.get("/cpu", params={"ms": 20}, name="/cpu")

    @task(2)
    def wait_for_an_answer(self) -> None:
        self.client.get("/wait", params={"ms": 200}, name="/wait")

    @task
    def meet_a_failure(self) -> None:
        with self.client.get("/flaky", params={"rate": 0.1}, name="/flaky", catch_response=True) as response:
            if response.status_code == 503:
                response.success()  # asked for, so no fault of the server
