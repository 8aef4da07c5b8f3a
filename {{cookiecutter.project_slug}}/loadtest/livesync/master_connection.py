"""Connection: socket options with which a worker finds a restarted master within seconds."""

from locust.rpc.zmqrpc import BaseSocket

from collections.abc import Callable

import zmq

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
