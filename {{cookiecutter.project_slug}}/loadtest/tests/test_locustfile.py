"""The load test against a real server: the default user class asks for nothing but GET /hello."""

from collections.abc import Callable

from running import LOADTEST, Run, Service


def test_the_default_users_need_nothing_but_hello(run_locust: Callable[..., Run]) -> None:
    code, said, rows = run_locust()
    assert code == 0, said
    assert {row["name"] for row in rows} == {"/hello"}
    assert sum(row["num_requests"] for row in rows) > 4
    assert sum(row["num_failures"] for row in rows) == 0


def test_no_two_users_share_a_row_across_workers(service: Service, run_locust: Callable[..., Run]) -> None:
    run_locust("--processes", "2")
    names = [line.split(",")[0] for line in (LOADTEST / "data/users.csv").read_text().splitlines()[1:5]]
    assert set(service.visitors) == set(names)


def test_a_secret_reaches_the_requests(service: Service, run_locust: Callable[..., Run]) -> None:
    run_locust(API_TOKEN="from-env")  # noqa: S106 - it opens nothing
    assert service.tokens == {"Bearer from-env"}
