"""The registry that the nodes of a context pull images from, if its overlay has one."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from ..problem import Problem
from .contexts import overlay_folder

FILE = "registry.env"
NAME = "REGISTRY"


def registry_of(context: str) -> str:
    """The registry in the overlay of the context, such as europe-docker.pkg.dev/project/repository; empty without one."""
    file = overlay_folder(context) / FILE
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((line.partition("=")[2].strip() for line in lines if line.startswith(f"{NAME}=")), "")


def write_registry(context: str, registry: str) -> Path:
    """Write the registry of a context into the folder of its overlay, and return the file."""
    comment = "# The registry that the nodes of this context pull from. Tilt and Make read it, and push images there."
    file = overlay_folder(context) / FILE
    file.write_text(f"{comment}\n{NAME}={registry}\n", encoding="utf-8")
    return file


def require_reachable(registry: str) -> None:
    """Raise Problem if the registry does not answer. Any answer will do, because only Docker has the credentials."""
    host = registry.partition("/")[0]
    if not any(_answers(f"{scheme}://{host}/v2/") for scheme in ("https", "http")):
        raise Problem(f"Registry {host} does not answer: check the network, and {FILE} in the overlay of the context.")


def _answers(url: str) -> bool:
    try:
        urllib.request.build_opener().open(url, timeout=5).close()
    except (urllib.error.HTTPError, http.client.HTTPException):
        return True
    except urllib.error.URLError as error:
        # A certificate that only Docker trusts counts as an answer.
        return isinstance(error.reason, ssl.SSLCertVerificationError)
    except OSError:
        return False
    return True
