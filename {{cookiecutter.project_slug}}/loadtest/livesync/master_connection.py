"""Connection: finds a restarted master within seconds, skips unreadable messages, and downloads the code of the master."""

from locust import __version__
from locust.exception import RPCError
from locust.rpc.zmqrpc import BaseSocket, Client

import logging
import socket
from collections.abc import Callable
from contextlib import closing
from itertools import count
from typing import Any, cast
from uuid import uuid4

import zmq

from .errors import Rejected
from .messages import CODE, LOCUSTFILE, check
from .proof import signed

logger = logging.getLogger(__name__)

SOCKET_OPTIONS = {
    # Milliseconds. A replaced pod closes no connection: for a minute, packets to its address are dropped.
    zmq.DEALER: {zmq.CONNECT_TIMEOUT: 1000, zmq.HEARTBEAT_IVL: 1000, zmq.HEARTBEAT_TIMEOUT: 3000},
    # A worker that connects again keeps its identity.
    zmq.ROUTER: {zmq.ROUTER_HANDOVER: 1},
}
"""By the kind of socket: DEALER is a worker's, ROUTER the master's."""


def with_options(original: Callable[..., None], connection: BaseSocket, kind: zmq.SocketType, *options: bool) -> None:
    """Stands in for the constructor of Locust's sockets: sets options that detect a lost connection."""
    original(connection, kind, *options)
    for option, value in SOCKET_OPTIONS[kind].items():
        connection.socket.setsockopt(option, value)


def receive(original: Callable[..., Any], connection: BaseSocket) -> Any:
    """Stands in for `BaseSocket.recv` and `BaseSocket.recv_from_client`: skip messages that cannot be read."""
    while True:
        try:
            return original(connection)
        except RPCError:
            raise
        except Exception as error:  # noqa: BLE001 - what msgpack and Locust make of it has many types
            logger.warning("a message that cannot be read is ignored: %s: %.300s", type(error).__name__, error)


def download_code(host: str, port: int) -> dict[str, Any]:
    """The live code of the master, once it answers. Raises Rejected if it does not send it to this worker."""
    identity, nonce = f"{socket.gethostname()}_livesync_{uuid4().hex}", ""
    with closing(Client(host, port, identity)) as client:
        for attempt in count(1):
            client.send(signed(LOCUSTFILE, {"version": __version__}, identity, nonce))
            answer = (client.socket.poll(1000) and client.recv().data) or {}
            if "locustfiles" in answer:
                check(CODE, answer["locustfiles"])
                return cast(dict[str, Any], answer["locustfiles"])
            if nonce and answer.get("nonce", nonce) != nonce:  # it has used up the nonce for a proof that is wrong
                break
            nonce = answer.get("nonce", nonce)
            if attempt % 60 == 10:
                logger.warning("the master at %s:%d does not answer yet", host, port)
    raise Rejected(f"{answer.get('error')}")
