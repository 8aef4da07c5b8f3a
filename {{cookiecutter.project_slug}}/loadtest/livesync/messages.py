"""The messages between master and workers, sent over Locust's own connection, and the check of what arrives.

Whoever can connect to the master can send them, so nothing is used before it has been checked here.
"""

from locust.exception import StopTest
from locust.rpc import Message

import logging
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from . import locust_messages
from .errors import Rejected
from .file_scan import has_odd_name, is_synced, max_bytes
from .files import revision_of
from .live_code import PAST_LIMIT
from .locust_messages import is_text

logger = logging.getLogger(__name__)

LOCUSTFILE = "locustfile"
"""Worker that starts: asks for the live code, with a `nonce` and `proof` (`proof`). Locust's own name for it.

Master: the `locustfiles`, which hold CODE; or an `error`, with the `nonce` for the proof that is missing.
"""

CODE = "code"
"""The live `tree`, the revisions of its `past`, and the paths of its `locustfiles`."""

STAGE = "livesync_stage"
"""Master: stage the live tree with these `files` changed, or removed if None, and vote on this `revision`."""

VOTE = "livesync_vote"
"""Worker: `revision` is staged, or the `reason` why it cannot be."""

CURRENT = "livesync_current"
"""Master, once all have voted, and in answer to a status: the live `revision`.

With its `tree` and `past`, where the worker has not staged it. Also whether the worker is `known` here; one that is not
joins once more. The `nonce` is for the worker's next status, which has to come `again` if its nonce was not this one.
"""

STATUS = "livesync_status"
"""Worker: its live `revision`, with a `nonce` and `proof`. Sent on joining, after each commit, and while no heartbeat arrives.

To a master that did not know the worker, also the `tree` where it is newer than the master's, with the revisions of its
`past`, and the `options` of the test that ran, or None.
"""

LONGEST_PATH = 4096
"""Characters, as on Linux."""


def handle(handler: Callable[[], object], message: Message, sender: str | None = None) -> None:
    """Run the handler of a message that is valid. What is not, and what raises, is one line in the log.

    `sender` is the identity of a worker's connection. Locust would end the loop that reads messages.
    """
    try:
        _check_sender(message, sender)
        check(message.type, message.data)
        if sender is not None:
            locust_messages.check(message.type, message.data)
        handler()
    except StopTest:
        raise
    except Exception as error:  # noqa: BLE001 - Locust's own handlers fail in many ways
        reason = str(error) if isinstance(error, Rejected) else f"{type(error).__name__}: {error}"
        logger.warning("message %.40r from %r is ignored: %.300s", message.type, sender or "the master", reason)


def check(kind: str, data: Any) -> None:
    """Raise Rejected unless the data of a message of this kind is complete and valid; other kinds are not checked here."""
    fields = FIELDS.get(kind, {})
    if fields and (not isinstance(data, dict) or data.keys() != fields.keys()):
        raise Rejected(f"it must have the fields {', '.join(fields)}")
    for name, is_valid in fields.items():
        if not is_valid(data[name]):
            raise Rejected(f"its field {name} is not valid")
    if "revision" in fields and data.get("tree") and revision_of(data["tree"]) != data["revision"]:
        raise Rejected("its revision is not that of its tree")


def _check_sender(message: Message, sender: str | None) -> None:
    if not isinstance(message.type, str):
        raise Rejected("its type is not text")
    if sender is not None and message.node_id != sender:
        raise Rejected(f"it claims to be from {message.node_id!r}")


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_reason(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_revision(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{7}", value))


def _is_past(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= PAST_LIMIT and all(map(_is_revision, value))


def _are_options(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or not all(map(is_text, value)):
        return False
    numbers = [value.get(name, "") for name in ("num_users", "spawn_rate")]
    return all(number is None or type(number) in (int, float) for number in numbers)


def _are_paths(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_path, value))


def _are_files(value: Any) -> bool:
    return value is None or (_are_changes(value) and None not in value.values())


def _are_changes(value: Any) -> bool:
    """Whether it is a map from paths to contents, or to None."""
    if not isinstance(value, dict) or not all(isinstance(content, bytes | None) for content in value.values()):
        return False
    if odd := [path for path in value if not _is_path(path)]:
        raise Rejected(f"{odd[0]!r:.100} is not the path of a synced file")
    files = {path: len(content) for path, content in value.items() if content is not None}
    if folders := files.keys() & {str(parent) for path in files for parent in PurePosixPath(path).parents}:
        raise Rejected(f"{min(folders)!r:.100} is both a file and a folder")
    if sum(files.values()) > max_bytes():
        raise Rejected(f"its files have {sum(files.values()) / 1e6:,.2f} MB, more than LIVESYNC_MAX_MB")
    return True


def _is_path(value: Any) -> bool:
    """Whether live sync could have found it below a folder: relative, in its shortest form, and not left out."""
    if not isinstance(value, str) or len(value) > LONGEST_PATH or has_odd_name(value):
        return False
    path = PurePosixPath(value)
    return str(path) == value and not path.is_absolute() and is_synced(value)  # names that begin with a dot are not


FIELDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    CODE: {"tree": lambda value: value is not None and _are_files(value), "past": _is_past, "locustfiles": _are_paths},
    STAGE: {"revision": _is_revision, "files": _are_changes},
    VOTE: {"revision": _is_revision, "reason": _is_reason},
    CURRENT: {
        "known": _is_flag,
        "revision": _is_revision,
        "tree": _are_files,
        "past": _is_past,
        "nonce": is_text,
        "again": _is_flag,
    },
    STATUS: {
        "revision": _is_revision,
        "tree": _are_files,
        "past": _is_past,
        "options": _are_options,
        "nonce": is_text,
        "proof": is_text,
    },
}
