"""Whether a name such as `shop.production`, which looks like one of the Internet, is a Service of this cluster."""

import os
import re
import secrets
import socket
from pathlib import Path

RESOLV_CONF = Path("/etc/resolv.conf")


class NoAnswer(OSError):
    """The DNS has said neither that a name exists nor that it does not, as one with too much load does."""


def is_service(name: str) -> bool:
    """Whether the DNS of the cluster in which this process runs knows the name as `name.namespace` of a Service.

    Outside of a cluster there is none, whatever the DNS there answers. Raises NoAnswer if the DNS does not tell.
    """
    domain = _services_domain()
    if not domain or not _is_searched_first(name):
        return False
    return _is_known(f"{name}.{domain}") and not _knows_every_name(domain)


def search_domains() -> list[str]:
    """The search domains that the kubelet gives to a pod, such as load-lab.svc.cluster.local; none outside of a cluster."""
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        return []
    return _values("search")


def _services_domain() -> str:
    """The domain of the cluster's Services, such as svc.cluster.local; empty outside of a cluster."""
    return next((domain for domain in search_domains() if domain.startswith("svc.")), "")


def _is_searched_first(name: str) -> bool:
    """Whether a client tries the search domains before the name itself, which may be one of the Internet."""
    ndots = [int(option[6:]) for option in _values("options") if re.fullmatch("ndots:[0-9]+", option)]
    return not name.endswith(".") and name.count(".") < (ndots or [1])[-1]


def _values(keyword: str) -> list[str]:
    """The values of a keyword in the settings of the resolver."""
    try:
        lines = [line.split() for line in RESOLV_CONF.read_text().splitlines()]
    except OSError:
        return []
    return [value for words in lines if words[:1] == [keyword] for value in words[1:]]


def _knows_every_name(domain: str) -> bool:
    """Whether the DNS answers for any name, so that its answers mean nothing."""
    return _is_known(f"{secrets.token_hex(8)}.{secrets.token_hex(8)}.{domain}")


def _is_known(name: str) -> bool:
    try:
        # With a full stop at the end, no search domain is added.
        return bool(socket.getaddrinfo(f"{name}.", None))
    except UnicodeError:
        return False
    except OSError as error:
        if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
            return False
        raise NoAnswer from error
