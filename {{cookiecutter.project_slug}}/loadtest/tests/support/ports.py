"""Ports of this machine."""

import socket

_RESERVED: list[socket.socket] = []
"""Sockets that keep a port bound, so that the system chooses it for nothing else."""


def free_port() -> int:
    """A port of the loopback interface on which a server that sets SO_REUSEADDR may listen, and that nothing else gets.

    A port that is merely free might become the local port of another test's connection before the server listens.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    _RESERVED.append(reserved)
    port: int = reserved.getsockname()[1]
    return port


def is_taken(port: int) -> bool:
    """Whether something listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError as error:
        return isinstance(error, TimeoutError)
    return True
