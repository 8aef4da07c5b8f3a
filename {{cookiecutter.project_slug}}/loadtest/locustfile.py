"""What the users do: an ordinary locustfile. With live sync, a saved edit goes live in the running swarm."""

from locust import FastHttpUser, between, constant, run_single_user, task

import os

from plugins.csv_rows import CsvRows

VISITORS = CsvRows("data/users.csv")

# A secret comes from the environment, in the cluster as in `make local`: see .env.example.
HEADERS = {"Authorization": f"Bearer {token}"} if (token := os.environ.get("API_TOKEN")) else {}


class Visitor(FastHttpUser):
    """Requests /hello and nothing else. For another service, change the path."""

    wait_time = between(0.5, 1.5)

    def on_start(self) -> None:
        self.visitor = VISITORS.next_row(self)

    @task
    def hello(self) -> None:
        self.client.get("/hello", headers=HEADERS | {"X-Visitor": self.visitor["name"]})


class StressUser(FastHttpUser):
    """Stresses the server of this repository. `abstract = False` enables it."""

    abstract = True
    wait_time = constant(1)

    @task(3)
    def cpu(self) -> None:
        self.client.get("/cpu", params={"ms": 20}, name="/cpu")

    @task(2)
    def wait(self) -> None:
        self.client.get("/wait", params={"ms": 200}, name="/wait")

    @task
    def flaky(self) -> None:
        with self.client.get("/flaky", params={"rate": 0.1}, name="/flaky", catch_response=True) as response:
            if response.status_code == 503:
                response.success()  # the server fails on purpose here


if __name__ == "__main__":
    run_single_user(Visitor)  # for a debugger: see docs/debugging.md
