"""Allowed hosts: load goes to the cluster and this machine, and to the hosts of --allowed-hosts (LOCUST_ALLOWED_HOSTS).

`guarded_clients` asks where a request goes, on every worker: it alone sees redirects, proxies and URLs in tasks. This module
rejects a host earlier where one is set: at the start, in the forms of the web UI, and in an edit of a user class. Both ask `decision`,
which finds out with `cluster_services` whether a name is a Service.
"""

from locust import User, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner
from locust.web import WebUI

import sys
from collections.abc import Iterable
from typing import Any

from .. import forms, option_values
from . import guarded_clients
from .decision import AllowedHosts


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
    if not environment.parsed_options:
        return
    # Read once, because Locust writes the values of the start form into its options, here and on the workers.
    try:
        hosts = AllowedHosts(environment.parsed_options.allowed_hosts)
    except ValueError as error:
        sys.exit(f"LOCUST_ALLOWED_HOSTS: {error}")
    guarded_clients.guard(hosts)
    if not isinstance(runner, WorkerRunner):
        reject_early(hosts, environment, web_ui)


def reject_early(hosts: AllowedHosts, environment: Environment, web_ui: WebUI | None) -> None:
    """Reject a host where it is set, before a request is made."""

    def first_problem(host: str | None, user_classes: Iterable[type[User]], *, or_later: bool = False) -> str | None:
        urls = [host] if host else [user_class.host for user_class in user_classes if user_class.host]
        return next(filter(None, (hosts.problem(url, or_later=or_later) for url in urls)), None)

    def first_problem_of_options() -> str | None:
        # Neither a DNS that does not answer nor a Service that comes after the swarm, as by `tilt up`, may end a process or
        # reject an edit. Each request is checked, too.
        return first_problem(environment.host, environment.user_classes, or_later=True)

    def problem_of_user(settings: Any) -> str | None:
        host = settings.get("host") if isinstance(settings, dict) else None
        # `form_fields` rejects what is no URL. An empty host is that of the start form.
        return hosts.problem(host) if host and option_values.is_url(host) else None

    if message := first_problem_of_options():
        sys.exit(message)
    if web_ui:
        forms.reject_start_if(
            web_ui, lambda form: first_problem(form.get("host", environment.host), environment.user_classes)
        )
        forms.reject_user_if(web_ui, problem_of_user)
    # Live sync calls each of these before an edit goes live.
    edit_checks = vars(environment).setdefault("edit_checks", {})
    edit_checks["allowed hosts"] = first_problem_of_options
