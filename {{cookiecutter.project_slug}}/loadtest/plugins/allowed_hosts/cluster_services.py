"""Whether a name such as `shop.production`, which looks like one of the Internet, is a Service of this cluster."""

import os
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
    return bool(domain) and _is_known(f"{name}.{domain}") and not _knows_every_name(domain)


def search_domains() -> list[str]:
    """The search domains that the kubelet gives to a pod, such as load-lab.svc.cluster.local; none outside of a cluster."""
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        return []
    try:
        lines = [line.split() for line in RESOLV_CONF.read_text().splitlines()]
    except OSError:
        return []
    return [domain for words in lines if words[:1] == ["search"] for domain in words[1:]]


def _services_domain() -> str:
    """The domain of the cluster's Services, such as svc.cluster.local; empty outside of a cluster."""
    return next((domain for domain in search_domains() if domain.startswith("svc.")), "")


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
