"""Connection: a worker finds its master again within seconds, whatever became of it or of the clock meanwhile."""

from locust.rpc.zmqrpc import BaseSocket

import time
from collections.abc import Callable
from types import SimpleNamespace

import zmq

SOCKET_OPTIONS = {
    # Milliseconds. A replaced pod does not say goodbye: its address swallows whatever is sent there, for a minute.
    zmq.DEALER: {zmq.CONNECT_TIMEOUT: 1000, zmq.HEARTBEAT_IVL: 1000, zmq.HEARTBEAT_TIMEOUT: 3000},
    # A worker that connects once more is the same worker.
    zmq.ROUTER: {zmq.ROUTER_HANDOVER: 1},
}
"""By the kind of socket: DEALER is a worker's, ROUTER the master's."""

_OFFSET = time.time() - time.monotonic()

STEADY_TIME = SimpleNamespace(**{**vars(time), "time": lambda: _OFFSET + time.monotonic()})
"""The module `time` with a `time()` that a step of the system's clock does not change."""


def with_options(original: Callable[..., None], connection: BaseSocket, kind: zmq.SocketType, *options: bool) -> None:
    """Stands in for the constructor of Locust's sockets: let either end notice that the other one is gone."""
    original(connection, kind, *options)
    for option, value in SOCKET_OPTIONS[kind].items():
        connection.socket.setsockopt(option, value)
