"""Rejects load on hosts outside of the cluster and this machine, unless --allowed-hosts (LOCUST_ALLOWED_HOSTS) names them.

It also rejects a URL with a password, because the web UI and the reports show the host. It checks the hosts at the start, in
the start form, and those that an edit gives to a user class.
"""

from locust import User, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner
from locust.web import WebUI

import socket
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from . import start_form

MACHINE = {"localhost", "host.docker.internal", "host.minikube.internal"}
CLUSTER = (".svc", ".svc.cluster.local")


def is_local(host: str) -> bool:
    """Whether the host is this machine or a Service of the cluster, by its name, `name.namespace` or its full name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        pass
    if "." not in host:
        return host[:1].isalpha()  # a number is an IP address, too
    return host in MACHINE or host.endswith(CLUSTER) or _is_service(host)


def _is_service(host: str) -> bool:
    """Whether the cluster's DNS knows `name.namespace` as a Service, which looks like example.com."""
    try:
        return bool(socket.getaddrinfo(f"{host}.svc", None))
    except OSError:
        return False


def problem(url: str, allowed: set[str]) -> str | None:
    """Why load on this URL is rejected, or None if it is allowed."""
    if "@" in url:
        return (
            "A host with a user name or a password is rejected, because the web UI and the reports show it: leave out all "
            "that ends with @, and send an Authorization header that the locustfile makes of a variable in loadtest/.env."
        )
    host = urlsplit(url).hostname or ""
    if host in allowed or is_local(host):
        return None
    return (
        f"Load on {host or repr(url)} is rejected, because it is neither in the cluster nor on this machine: write a Service "
        "as name.namespace.svc, and allow any other host that you may test with LOCUST_ALLOWED_HOSTS."
    )


@events.init_command_line_parser.add_listener
def _add_argument(parser: LocustArgumentParser, **_: Any) -> None:
    parser.add_argument(
        "--allowed-hosts",
        default="",
        env_var="LOCUST_ALLOWED_HOSTS",
        help="Hosts outside of the cluster and this machine that may be tested, separated by commas",
        include_in_web_ui=False,
    )


@events.init.add_listener
def _guard(environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
    if isinstance(runner, WorkerRunner) or not environment.parsed_options:
        return
    # Read once, because Locust writes the values of the start form into its options.
    allowed = {host.strip() for host in environment.parsed_options.allowed_hosts.split(",")} - {""}

    def first_problem(host: str | None, user_classes: Iterable[type[User]]) -> str | None:
        urls = [host] if host else [user_class.host for user_class in user_classes if user_class.host]
        return next(filter(None, (problem(url, allowed) for url in urls)), None)

    if message := first_problem(environment.host, environment.user_classes):
        sys.exit(message)
    if web_ui:
        start_form.reject_if(
            web_ui, lambda form: first_problem(form.get("host", environment.host), environment.user_classes)
        )
    # Live sync calls each of these before an edit goes live.
    edit_checks = vars(environment).setdefault("edit_checks", {})
    edit_checks["allowed hosts"] = lambda: first_problem(environment.host, environment.user_classes)
