"""Proof: shows a master that a worker has the key of its deployment, LIVESYNC_KEY.

Each proof is an HMAC over the whole message and a nonce of the master's, which is valid for one message of one worker.
A master without a key needs no proof.
"""

from locust.rpc import Message

import hmac
import logging
import os
import secrets
from enum import Enum
from typing import Any

logger = logging.getLogger(__name__)

MISSING = (
    "this master sends its code only to workers with live sync and its LIVESYNC_KEY: give this worker the same key"
)

NONCES_LIMIT = 10_000
"""Nonces that are kept; after that, all peers need new ones."""


def key() -> bytes:
    """The key of the deployment, or nothing."""
    return os.fsencode(os.environ.get("LIVESYNC_KEY", ""))


def signed(kind: str, data: dict[str, Any], sender: str, nonce: str) -> Message:
    """A message with the master's nonce and, where there is a key, the proof."""
    data = data | {"nonce": nonce}
    return Message(kind, data | {"proof": _proof(kind, data, sender)}, sender)


def _proof(kind: str, data: dict[str, Any], sender: str) -> str:
    return hmac.new(key(), Message(kind, data, sender).serialize(), "sha256").hexdigest() if key() else ""


class ProofResult(Enum):
    """Whether a message has the proof."""

    PROVEN = "it has the proof, or there is no key"
    AGAIN = "it has another nonce, so that it has to be sent again"
    REFUSED = "its proof is wrong"


class Challenges:
    """The nonces that a master has sent, and that no message has used yet."""

    def __init__(self) -> None:
        self._nonces: dict[str, str] = {}

    def nonce(self, peer: str) -> str:
        """The nonce for the next message of this peer; empty if it needs no proof."""
        if not key():
            return ""
        if len(self._nonces) >= NONCES_LIMIT:
            self._nonces.clear()
        return self._nonces.setdefault(peer, secrets.token_hex(16))

    def check(self, message: Message) -> ProofResult:
        """Check the proof of a message, and use up its nonce."""
        if not key():
            return ProofResult.PROVEN
        nonce, proof = (str(message.data.get(name, "")) for name in ("nonce", "proof"))
        if not nonce or self._nonces.get(message.node_id) != nonce:
            return ProofResult.AGAIN
        del self._nonces[message.node_id]
        signed = {name: value for name, value in message.data.items() if name != "proof"}
        if hmac.compare_digest(os.fsencode(proof), _proof(message.type, signed, message.node_id).encode()):
            return ProofResult.PROVEN
        logger.warning(
            "%r is refused, because it does not have the LIVESYNC_KEY of this master%s",
            message.node_id,
            "" if proof else ": it has no key",
        )
        return ProofResult.REFUSED
