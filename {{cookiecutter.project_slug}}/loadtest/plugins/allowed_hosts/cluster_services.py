"""Whether a name such as `shop` or `shop.production`, which may lead elsewhere, is a Service of this cluster."""

import os
import re
import secrets
import socket
from pathlib import Path

RESOLV_CONF = Path("/etc/resolv.conf")


class NoAnswer(OSError):
    """The DNS has said neither that a name exists nor that it does not, as one with too much load does."""


def is_service(name: str) -> bool | None:
    """Whether the DNS of the cluster in which this process runs knows the name as that of a Service.

    It is `name.namespace`, or the name alone in the namespace of this pod. There it is None, if no Service has it yet. Outside
    of a cluster there is none, whatever the DNS there answers. Raises NoAnswer if the DNS does not tell.
    """
    domain = _services_domain() if "." in name else _domain_of_namespace()
    if not domain or not _is_searched_first(name):
        return False
    if _is_known(f"{name}.{domain}") and not _knows_every_name(domain):
        return True
    return False if "." in name else None


def search_domains() -> list[str]:
    """The search domains that the kubelet gives to a pod, such as load-lab.svc.cluster.local; none outside of a cluster."""
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        return []
    return _values("search")


def _services_domain() -> str:
    """The domain of the cluster's Services, such as svc.cluster.local, which clients search second; empty outside of a cluster."""
    return next((domain for domain in search_domains()[:2] if domain.startswith("svc.")), "")


def _domain_of_namespace() -> str:
    """The domain of the Services in this pod's namespace, such as load-lab.svc.cluster.local, which clients search first."""
    return next((domain for domain in search_domains()[:1] if ".svc." in domain), "")


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
