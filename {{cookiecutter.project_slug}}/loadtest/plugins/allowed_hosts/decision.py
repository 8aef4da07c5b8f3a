"""Decides whether load may go to a host, and rejects a URL with a password. All checks of hosts use it."""

import re
import time
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from urllib3.util import parse_url

from .cluster_services import NoAnswer, is_service

MACHINE = {"localhost", "host.docker.internal", "host.minikube.internal"}
CLUSTER = (".svc", ".svc.cluster.local")
NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")

USER_INFO_REJECTED = (
    "A host with a user name or a password is rejected, because the web UI and the reports show it: remove the part up to "
    "the @, and send an Authorization header that the locustfile makes from a variable in loadtest/.env."
)

PERIOD = 10.0
"""Seconds for which a decision holds: Services come and go."""

SOON = 1.0
"""Seconds until the DNS is asked again, if it has not told, or if a Service may yet be created."""

MOST = 1000
"""Decisions to keep, so that a test with random hosts does not fill the memory."""


class AllowedHosts:
    """The hosts that load may go to: the cluster, this machine, and those that are named."""

    def __init__(self, names: str) -> None:
        """`names` are hosts, separated by commas. Raises ValueError if one cannot be a host."""
        entries = [entry.strip() for entry in names.split(",")]
        self._named = {_canonical(entry).removesuffix(".") for entry in entries if entry}
        self._decisions: dict[str, tuple[float, bool | None]] = {}

    def allow(self, host: str) -> bool:
        """Whether a connection to this host may be made: a name or an IP address, as the client has parsed it."""
        return bool(self._decision(host))

    def problem(self, url: str, *, or_later: bool = False) -> str | None:
        """Why load on this URL is rejected, or None if it is allowed; with `or_later`, also if the DNS may yet allow it."""
        if "@" in url:
            return USER_INFO_REJECTED
        accepted = (True, None) if or_later else (True,)
        host = next((host for host in _hosts(url) if self._decision(host) not in accepted), None)
        return None if host is None else rejection(f"Load on {host or repr(url)}")

    def _decision(self, host: str) -> bool | None:
        """Whether the host is allowed, or None while that is open."""
        until, decision = self._decisions.get(host, (0.0, None))
        return decision if time.monotonic() < until else self._decide(host, decision)

    def _decide(self, host: str, before: bool | None) -> bool | None:
        if len(self._decisions) >= MOST:
            self._decisions.clear()
        # Until the DNS has answered, the other users go on with the decision before.
        if host in self._decisions:
            self._decisions[host] = time.monotonic() + PERIOD, before
        decision, period = before, SOON
        with suppress(NoAnswer):
            decision = self._is_allowed(host)
            period = SOON if decision is None else PERIOD
        self._decisions[host] = time.monotonic() + period, decision
        return decision

    def _is_allowed(self, host: str) -> bool | None:
        try:
            name = _canonical(host)
        except ValueError:
            return False
        return name.removesuffix(".") in self._named or _is_local(name)


def rejection(what: str) -> str:
    """The sentence that rejects `what`, with the remedy."""
    return (
        f"{what} is rejected, because it is neither in the cluster nor on this machine: write a Service as "
        "name.namespace.svc, or add a host that you may test to LOCUST_ALLOWED_HOSTS."
    )


def _hosts(url: str) -> list[str]:
    """The hosts that FastHttpUser and HttpUser would connect to; with a backslash in the URL they may differ."""
    try:
        return [urlsplit(url).hostname or "", parse_url(url).host or ""]
    except ValueError:
        return [""]


def _canonical(host: str) -> str:
    """The host as it is looked up: an IP address, or a name in ASCII. Raises ValueError if it is neither."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return str(ip_address(bare))
    except ValueError:
        pass
    try:
        # As the resolver does, which takes the full stops and digits of other scripts for these.
        name = host.encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    if not NAME.fullmatch(name):
        raise ValueError(f"{host!r} is not a host: write it as staging.example.com, without a scheme, port or path")
    return name


def _is_local(host: str) -> bool | None:
    """Whether the host is this machine or a Service of the cluster; None if the Service may yet be created."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        pass
    # An IP address may also be written as one number, or as fewer than four.
    if not host[0].isalpha():
        return False
    name = host.removesuffix(".")
    return name in MACHINE or name.endswith(CLUSTER) or is_service(host)
