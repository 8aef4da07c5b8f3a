"""A locustfile for test_allowed_hosts.py: each task tries to reach the host FAR in another way. NEAR is allowed.

Requests have the name of their user class and task. FAR gets the name of the task as the last part of the path.
"""

from locust import FastHttpUser, HttpUser, SequentialTaskSet, events
from locust.contrib.fasthttp import LocustUserAgent
from locust.exception import StopUser

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import gevent
import requests
from geventhttpclient import HTTPClient
from geventhttpclient.client import HTTPClientPool
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager

NEAR, FAR = os.environ["NEAR"], os.environ["FAR"]
FAR_HOST, _, FAR_PORT = FAR.partition(":")
NEAR_HOST, _, NEAR_PORT = NEAR.partition(":")

FAST: list[Callable[[Any], None]] = []
PLAIN: list[Callable[[Any], None]] = []


def way(*tables: list[Callable[[Any], None]], name: str = "") -> Callable[[Callable[[Any, str], object]], None]:
    """Make a function a task of these user classes; it gets the user, and where to go without the scheme."""

    def add(function: Callable[[Any, str], object]) -> None:
        @wraps(function)
        def attempt(tasks: SequentialTaskSet) -> None:
            user: Any = tasks.user
            user.client.request_name = f"{type(user).__name__}.{attempt.__name__}"
            try:
                function(user, f"{FAR}/{attempt.__name__}")
            except OSError as error:  # of a call that Locust does not count
                user.environment.events.request.fire(
                    request_type="GET",
                    name=user.client.request_name,
                    response_time=0,
                    response_length=0,
                    exception=error,
                    context={},
                )

        attempt.__name__ = name or function.__name__
        for table in tables:
            table.append(attempt)

    return add


def path_of(url: str) -> str:
    """The path of a URL of FAR."""
    return "/" + url.rpartition("/")[2]


def another_user(user: Any, **settings: Any) -> Any:
    """A user of the same class, but for these settings, whose requests have the name of the task, too."""
    other = type(type(user).__name__, (type(user),), {"abstract": True, **settings})(user.environment)
    other.client.request_name = user.client.request_name
    return other


@way(FAST, PLAIN)
def absolute_url(user: Any, url: str) -> None:
    user.client.get(f"http://{url}")


@way(FAST, PLAIN)
def tls(user: Any, url: str) -> None:
    user.client.get(f"https://{url}")


@way(FAST, PLAIN)
def upper_case(user: Any, url: str) -> None:
    user.client.get(f"HTTP://{url}")


@way(FAST, PLAIN)
def user_in_the_url(user: Any, url: str) -> None:
    user.client.get(f"http://{NEAR}@{url}")


@way(FAST)
def backslash_before_the_host(user: Any, url: str) -> None:
    user.client.get(f"http://{NEAR}\\@{url}")


@way(PLAIN)
def backslash_after_the_host(user: Any, url: str) -> None:
    user.client.get(f"http://{FAR}\\@{NEAR}{path_of(url)}")


for status in (301, 302, 303, 307, 308):

    @way(FAST, PLAIN, name=f"redirect_{status}")
    def redirect(user: Any, url: str, status: int = status) -> None:
        user.client.get(f"/redirect/{status}/http://{url}")


@way(FAST, PLAIN)
def redirect_without_a_scheme(user: Any, url: str) -> None:
    user.client.get(f"/redirect/302///{url}")


@way(FAST, PLAIN)
def second_redirect(user: Any, url: str) -> None:
    user.client.get(f"/redirect/302//redirect/302/http://{url}")


@way(FAST, PLAIN)
def base_url_of_the_client(user: Any, url: str) -> None:
    client = another_user(user).client
    client.base_url = f"http://{FAR}"
    client.get(path_of(url))


@way(FAST, PLAIN)
def host_of_the_class(user: Any, url: str) -> None:
    another_user(user, host=f"http://{FAR}").client.get(path_of(url))


@way(FAST, PLAIN)
def rest(user: Any, url: str) -> None:
    client = another_user(user)
    with client.rest("GET", f"http://{url}"):
        pass


@way(FAST, PLAIN)
def client_of_the_task(user: Any, url: str) -> None:
    client = type(user.client)(f"http://{FAR}", user.environment.events.request, user)
    client.get(path_of(url), name=user.client.request_name)


@way(FAST)
def proxy_of_the_class(user: Any, url: str) -> None:
    proxied = another_user(user, proxy_host=FAR_HOST, proxy_port=int(FAR_PORT))
    proxied.client.get(path_of(url))


@way(FAST)
def tls_through_a_proxy(user: Any, _url: str) -> None:
    proxied = another_user(user, proxy_host=FAR_HOST, proxy_port=int(FAR_PORT))
    proxied.client.get(f"https://{NEAR}")


@way(FAST)
def behind_an_allowed_proxy(user: Any, url: str) -> None:
    another_user(user, proxy_host=NEAR_HOST, proxy_port=int(NEAR_PORT)).client.get(f"http://{url}")


@way(FAST)
def other_settings_of_the_class(user: Any, url: str) -> None:
    another_user(user, insecure=False, max_retries=2, concurrency=1).client.get(f"http://{url}")


@way(FAST)
def pool_of_the_class(user: Any, url: str) -> None:
    another_user(user, client_pool=HTTPClientPool(concurrency=5)).client.get(f"http://{url}")


@way(FAST)
def user_agent(_user: Any, url: str) -> None:
    LocustUserAgent(max_retries=0).urlopen(f"http://{url}")


@way(FAST)
def client_of_geventhttpclient(_user: Any, url: str) -> None:
    HTTPClient.from_url(f"http://{url}").get(path_of(url)).read()


@way(PLAIN)
def proxy_of_the_request(user: Any, url: str) -> None:
    user.client.get(path_of(url), proxies={"http": f"http://{FAR}"})


@way(PLAIN)
def proxy_of_the_session(user: Any, url: str) -> None:
    client = another_user(user).client
    client.proxies = {"all": f"http://{FAR}"}
    client.get(path_of(url))


@way(PLAIN)
def proxy_of_the_environment(user: Any, url: str) -> None:
    client = another_user(user).client
    client.trust_env = True
    os.environ["http_proxy"] = f"http://{FAR}"
    client.get(path_of(url))
    del os.environ["http_proxy"]


@way(PLAIN)
def proxy_of_the_pools(user: Any, url: str) -> None:
    another_user(user, pool_manager=ProxyManager(f"http://{FAR}")).client.get(path_of(url))


@way(PLAIN)
def tls_through_a_proxy_of_the_request(user: Any, _url: str) -> None:
    user.client.get(f"https://{NEAR}", proxies={"https": f"http://{FAR}"})


@way(PLAIN)
def behind_an_allowed_proxy_of_the_request(user: Any, url: str) -> None:
    # The connection to the proxy is there, and stays open.
    proxies = {"http": f"http://{NEAR}"}
    user.client.get("/", proxies=proxies, name="allowed proxy")
    user.client.get(f"http://{url}", proxies=proxies)


@way(PLAIN)
def adapter_with_retries(user: Any, url: str) -> None:
    client = another_user(user).client
    client.mount("http://", HTTPAdapter(max_retries=2))
    client.get(f"http://{url}")


@way(PLAIN)
def prepared_request(user: Any, url: str) -> None:
    user.client.send(requests.Request("GET", f"http://{url}").prepare())


@way(PLAIN)
def send_of_requests(user: Any, url: str) -> None:
    requests.Session.send(user.client, requests.Request("GET", f"http://{url}").prepare())


@way(PLAIN)
def adapter_of_the_client(user: Any, url: str) -> None:
    user.client.get_adapter("http://").send(requests.Request("GET", f"http://{url}").prepare())


@way(PLAIN)
def connection_of_another_client(user: Any, url: str) -> None:
    client, other, adapter = another_user(user).client, requests.Session(), HTTPAdapter()
    other.mount("http://", adapter)
    client.mount("http://", adapter)
    # Requests that the locustfile makes without the client of a user are not checked.
    other.get(f"http://{FAR}/without-a-user")
    client.get(f"http://{url}")


def greenlet_of_the_task(tasks: Any) -> None:
    tasks.user.client.request_name = f"{type(tasks.user).__name__}.greenlet_of_the_task"
    gevent.spawn(tasks.user.client.get, f"http://{FAR}/greenlet_of_the_task").join()


def redirect_that_stays(tasks: Any) -> None:
    tasks.user.client.get("/redirect/302//arrived", name="arrived")


def leave(tasks: Any) -> None:
    runner = tasks.user.environment.runner
    if runner.user_count == 1:
        runner.send_message("the last user leaves")
    raise StopUser


@events.request.add_listener
def say_why_it_failed(name: str, exception: Exception | None, **_: Any) -> None:
    if exception:
        print(f"{name} failed: {exception}", flush=True)


@events.init.add_listener
def end_with_the_last_user(runner: Any, **_: Any) -> None:
    runner.register_message("the last user leaves", lambda **_: gevent.spawn(runner.quit))


class Fast(FastHttpUser):
    fixed_count = 1

    class Ways(SequentialTaskSet):
        tasks = [*FAST, greenlet_of_the_task, redirect_that_stays, leave]  # noqa: RUF012 - so does Locust

    tasks = [Ways]  # noqa: RUF012


class Plain(HttpUser):
    fixed_count = 1

    class Ways(SequentialTaskSet):
        tasks = [*PLAIN, greenlet_of_the_task, redirect_that_stays, leave]  # noqa: RUF012

    tasks = [Ways]  # noqa: RUF012
