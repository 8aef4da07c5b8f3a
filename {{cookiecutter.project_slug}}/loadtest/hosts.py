"""Where load may go: into the cluster, to this machine, and to the hosts that --allowed-hosts names. Nowhere else."""

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner
from locust.web import WebUI

import socket
import sys
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import start_form

MACHINE = {"localhost", "host.docker.internal", "host.minikube.internal"}
CLUSTER = (".svc", ".svc.cluster.local")


def is_near(host: str) -> bool:
    """Whether it is this machine's or the cluster's: a Service by its name, `name.namespace` or either in full."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        pass
    if "." not in host:
        return host[:1].isalpha()  # a number is an address, too
    return host in MACHINE or host.endswith(CLUSTER) or _is_service(host)


def _is_service(host: str) -> bool:
    """Whether the DNS of the cluster that this runs in, if it does, knows `name.namespace`; example.com looks alike."""
    try:
        return bool(socket.getaddrinfo(f"{host}.svc", None))
    except OSError:
        return False


def problem(url: str, allowed: set[str]) -> str | None:
    """Why load must not go to this URL, if so."""
    host = urlsplit(url).hostname or ""
    if host in allowed or is_near(host):
        return None
    return (
        f"Load on {host or repr(url)} is refused, as it is neither in the cluster nor on this machine: write a Service "
        "as name.namespace.svc, and name any other host that is yours to load in LOCUST_ALLOWED_HOSTS."
    )


@events.init_command_line_parser.add_listener
def _add_argument(parser: LocustArgumentParser, **_: Any) -> None:
    parser.add_argument(
        "--allowed-hosts",
        default="",
        env_var="LOCUST_ALLOWED_HOSTS",
        help="Hosts beyond the cluster and this machine that may be loaded, separated by commas",
        include_in_web_ui=False,
    )


@events.init.add_listener
def _guard(environment: Environment, runner: Runner, web_ui: WebUI | None, **_: Any) -> None:
    if isinstance(runner, WorkerRunner) or not environment.parsed_options:
        return
    # Read once: what a form sends, Locust writes into its options.
    allowed = {host.strip() for host in environment.parsed_options.allowed_hosts.split(",")} - {""}

    def first_problem(form: dict[str, str]) -> str | None:
        host = form.get("host", environment.host)
        urls = [host] if host else [user_class.host for user_class in environment.user_classes if user_class.host]
        return next(filter(None, (problem(url, allowed) for url in urls)), None)

    if message := first_problem({}):
        sys.exit(message)
    if web_ui:
        start_form.check(web_ui, first_problem)
