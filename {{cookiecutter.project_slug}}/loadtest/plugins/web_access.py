"""Rejects requests whose header Host is not a name of the web UI, and requests from pages of other sites.

Otherwise any page in a developer's browser could start, stop and redirect a test: directly, or under a name that its DNS
server points to this machine (DNS rebinding). --web-hosts (LOCUST_WEB_HOSTS) adds names.
"""

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.web import WebUI

import re
import sys
from collections.abc import Iterable
from functools import partial
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Request, Response

from .allowed_hosts.cluster_services import search_domains

SERVICES = ("locust-master", "locust-web")
"""The Services in k8s that lead to the web UI."""

AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]+)?", re.IGNORECASE)
"""A host with an optional port, as in the header Host."""

DEFAULT_PORTS = {"http": 80, "https": 443}


def service_names(search_domains: list[str]) -> set[str]:
    """The names by which pods of the cluster reach the SERVICES.

    The search domain `load-lab.svc.cluster.local` gives `locust-master`, `locust-master.load-lab`,
    `locust-master.load-lab.svc` and `locust-master.load-lab.svc.cluster.local`.
    """
    names = set(SERVICES)
    for domain in search_domains:
        namespace, _, rest = domain.partition(".")
        if rest.startswith("svc."):
            suffixes = (namespace, f"{namespace}.svc", domain)
            names |= {f"{service}.{suffix}" for service in SERVICES for suffix in suffixes}
    return names


def names_of(setting: str) -> set[str]:
    """The names in LOCUST_WEB_HOSTS, without a port. Raises ValueError if one cannot be the name of a web UI."""
    entries = [entry.strip() for entry in setting.split(",") if entry.strip()]
    if wrong := next((entry for entry in entries if not AUTHORITY.fullmatch(entry)), None):
        raise ValueError(f"{wrong!r} is not a host: write it as lab.example, without a scheme, path or wildcard")
    return {_name_and_port(entry)[0] for entry in entries}


class WebAccess:
    """Wraps the WSGI application of the web UI, and answers rejected requests with status 403."""

    def __init__(self, app: WSGIApplication, own_names: set[str], web_hosts: set[str]) -> None:
        self._app = app
        self._names = own_names | web_hosts
        self._web_hosts = web_hosts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if message := self.problem(Request(environ)):
            return Response(f"{message}\n", status=403, mimetype="text/plain")(environ, start_response)
        return self._app(environ, partial(_start_same_origin_response, start_response))

    def problem(self, request: Request) -> str | None:
        """Why the request is rejected, or None if it is allowed."""
        authority = request.headers.get("Host", "")
        if not self._is_own(authority):
            name = _name_and_port(authority)[0] or authority
            return f"Request rejected: unknown host name {name!r}. If it is yours, add it to LOCUST_WEB_HOSTS."
        origin = request.headers.get("Origin")
        if origin is not None and not self._is_same_origin(origin, authority):
            return (
                f"Request rejected: it came from a page of {origin}. If that site is yours, add its host to LOCUST_WEB_HOSTS. "
                "If a proxy passes on the header Host, it must pass on the name with its port."
            )
        if not _is_own_page(request) and not _is_followed_link(request):
            return "Request rejected: it came from a page of another site. Open the web UI directly, or by a link."
        return None

    def _is_own(self, authority: str) -> bool:
        name, _ = _name_and_port(authority)
        try:
            return bool(ip_address(name))
        except ValueError:
            return name in self._names

    def _is_same_origin(self, origin: str, authority: str) -> bool:
        """Whether the page is of the web UI. A proxy may have replaced the header Host, but not the name in LOCUST_WEB_HOSTS."""
        try:
            page = urlsplit(origin)
            port = page.port or DEFAULT_PORTS.get(page.scheme)
        except ValueError:
            return False
        if page.netloc.lower() == authority.lower():
            return True
        # Under the same name, another port is another site.
        name = (page.hostname or "").removesuffix(".")
        own_name, own_port = _name_and_port(authority)
        return name in self._web_hosts and (name != own_name or own_port in ("", str(port)))


def _name_and_port(authority: str) -> tuple[str, str]:
    """The name in the form in which it is compared, and the port; each is empty if there is none."""
    match = AUTHORITY.fullmatch(authority)
    if not match:
        return "", ""
    return match[1].strip("[]").lower().removesuffix("."), (match[2] or "").removeprefix(":")


def _is_own_page(request: Request) -> bool:
    """Whether a page of the web UI made the request, by a header that browsers send to localhost and over TLS."""
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")


def _is_followed_link(request: Request) -> bool:
    headers = request.headers
    is_page = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    return is_page and request.method in ("GET", "HEAD")


def _start_same_origin_response(
    start_response: StartResponse, status: str, headers: list[tuple[str, str]], *exc_info: Any
) -> Any:
    """Start the response without Locust's headers that let every page read it, and forbid frames in other sites."""
    own = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
    return start_response(status, [*own, ("X-Frame-Options", "SAMEORIGIN")], *exc_info)


@events.init_command_line_parser.add_listener
def _add_argument(parser: LocustArgumentParser, **_: Any) -> None:
    parser.add_argument(
        "--web-hosts",
        default="",
        env_var="LOCUST_WEB_HOSTS",
        help="Further names of the web UI, such as that of a proxy, separated by commas",
        include_in_web_ui=False,
    )


@events.init.add_listener
def _guard(environment: Environment, web_ui: WebUI | None, **_: Any) -> None:
    if not web_ui or not environment.parsed_options:
        return
    own_names = {"localhost"} | service_names(search_domains())
    try:
        web_hosts = names_of(environment.parsed_options.web_hosts)
    except ValueError as error:
        sys.exit(f"LOCUST_WEB_HOSTS: {error}")
    app = cast(Flask, web_ui.app)
    app.wsgi_app = WebAccess(app.wsgi_app, own_names, web_hosts)  # type: ignore[method-assign] # as Flask documents it
