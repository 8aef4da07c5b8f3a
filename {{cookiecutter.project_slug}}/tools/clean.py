"""Delete this project's namespace, and with it all that ran in it: `python3 tools/clean.py NAMESPACE [CONTEXT]`.

Images, reports and your virtual environment stay.
"""

from __future__ import annotations

import sys

from cluster import Problem, current_context, kubectl, last_line, require_allowed

LIMIT = 120  # seconds until the last pod has to be gone


def clean(namespace: str, context: str) -> str:
    """What was done, once the namespace is gone; raises Problem."""
    require_allowed(context)
    found = kubectl(context, "get", "namespace", namespace, "--ignore-not-found", "--output", "name")
    if found.returncode:
        raise Problem(f"Nothing was deleted, as the cluster of context {context} fails: {last_line(found.stderr)}")
    if not found.stdout:
        return f"Nothing to do: context {context} has no namespace {namespace}."
    deleted = kubectl(context, "delete", "namespace", namespace, "--wait", seconds=LIMIT)
    if deleted.returncode:
        raise Problem(f"Namespace {namespace} is not gone yet, look again in a minute: {last_line(deleted.stderr)}")
    return f"Deleted namespace {namespace} of context {context} with all that was in it."


def main(namespace: str, context: str | None = None) -> str | None:
    """Print what was done; what went wrong, if it did."""
    try:
        print(clean(namespace, context or current_context()))
    except Problem as problem:
        return str(problem)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
