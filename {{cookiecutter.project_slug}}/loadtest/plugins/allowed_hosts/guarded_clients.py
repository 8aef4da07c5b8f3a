"""Asks before each request of a FastHttpUser or HttpUser whether it may go where its client is about to send it.

The client has parsed the host itself, so that redirects, proxies and unusual URLs need no rules here. A connection that is kept
open is asked about as well, because it may be that of another client.
"""

from locust import TaskSet, User
from locust.clients import HttpSession, LocustHttpAdapter
from locust.contrib.fasthttp import FastHttpSession

import inspect
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import gevent
from geventhttpclient.connectionpool import ConnectionPool
from urllib3 import HTTPConnectionPool
from urllib3.util import parse_url

from .decision import AllowedHosts, rejection

_IS_OF_A_USER = ContextVar("is of a user", default=False)
"""Whether the current greenlet sends a request of an HttpUser; urllib3 serves others, too."""


_CALLERS = {"User.run", "TaskSet.run", "TaskSet.execute_task", "DefaultTaskSet.execute_task"}
"""Functions of Locust that call tasks, `on_start` and `on_stop`."""


class HostRejected(OSError):
    """A request that is not sent. Locust counts it as failed, like one whose connection fails."""


def guard(hosts: AllowedHosts) -> None:
    """Let requests of users go to `hosts` alone, for the life of the process."""
    _guard_geventhttpclient(ConnectionPool, hosts)
    _guard_urllib3(HTTPConnectionPool, hosts)
    for client in (HttpSession, LocustHttpAdapter):
        _mark_requests_of(client)


def _guard_geventhttpclient(pools: Any, hosts: AllowedHosts) -> None:
    get_socket = pools.get_socket

    def get_socket_if_allowed(pool: ConnectionPool) -> Any:
        target, connected = pool._request_host, pool._connection_host  # noqa: SLF001 - they have no public names
        if connected != target:
            _require(hosts, connected, "through the proxy")
        _require(hosts, target, "on")
        return get_socket(pool)

    pools.get_socket = get_socket_if_allowed


def _guard_urllib3(pools: Any, hosts: AllowedHosts) -> None:
    urlopen = pools.urlopen

    def urlopen_if_allowed(pool: HTTPConnectionPool, method: str, url: str, *rest: Any, **options: Any) -> Any:
        if _IS_OF_A_USER.get():
            for proxy in (pool.proxy and pool.proxy.host, pool.conn_kw.get("_socks_options", {}).get("proxy_host")):
                if proxy:
                    _require(hosts, proxy, "through the proxy")
            _require(hosts, pool.host, "on")
            if not url.startswith("/"):  # a proxy gets the whole URL
                _require(hosts, parse_url(url).host or "", "on")
        return urlopen(pool, method, url, *rest, **options)

    pools.urlopen = urlopen_if_allowed


def _mark_requests_of(client: Any) -> None:
    def send(sender: Any, *arguments: Any, **options: Any) -> Any:
        token = _IS_OF_A_USER.set(True)
        try:
            # Looked up late, because OpenTelemetry replaces it.
            return super(client, sender).send(*arguments, **options)
        finally:
            _IS_OF_A_USER.reset(token)

    client.send = send


def _require(hosts: AllowedHosts, host: str, how: str) -> None:
    if hosts.allow(host):
        return
    # As a connection would: a task that repeats its request at once must not stop the other users.
    gevent.sleep()
    raise HostRejected(rejection(f"Load of {_requester()} {how} {host}"))


def _requester() -> str:
    """The user class and the task that makes the request, such as `Visitor.hello`, as far as the stack tells."""
    user = callee = ""
    for frame in _frames():
        known = getattr(frame, "f_locals", {})
        me = known.get("self")
        if isinstance(me, (User, TaskSet, HttpSession, FastHttpSession)):
            user = type(owner).__name__ if (owner := me if isinstance(me, User) else me.user) else ""
        if frame.f_code.co_qualname in _CALLERS:
            task = getattr(known.get("task"), "__name__", callee)
            return f"{user}.{task}" if user else task
        callee = frame.f_code.co_name
    return user or "a client"


def _frames() -> Iterator[Any]:
    """The stack of this greenlet, from the inside, and that of the task which has spawned it."""
    for innermost in (inspect.currentframe(), getattr(gevent.getcurrent(), "spawning_stack", None)):
        frame: Any = innermost
        while frame:
            yield frame
            frame = frame.f_back
