"""Repairs of Locust 2.47 for every run, with and without live sync. Each one says how to see that it can be removed."""

from locust import argument_parser, runners
from locust.rpc import zmqrpc
from locust.util.timespan import parse_timespan

import time
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import zmq

# Each spawn message makes a worker build Locust's argument parser, during which it runs no user for 0.2 s.
# It can be removed once `default_args_dict` builds no parser any more. The template's docs/upstream has the report.
argument_parser.default_args_dict = lru_cache(maxsize=1)(argument_parser.default_args_dict)

# Locust compares wall clocks: after a step forward workers exit, after a step back new users never start.
# It can be removed once locust/runners.py uses `time.monotonic()`.
_OFFSET = time.time() - time.monotonic()
vars(runners)["time"] = SimpleNamespace(**{**vars(time), "time": lambda: _OFFSET + time.monotonic()})

# Packets of a worker that starts before its node knows the master's Service get lost, and so do all that TCP repeats, for
# two minutes. A timeout makes it connect anew. It can be removed once locust/rpc/zmqrpc.py sets one.
_create_socket = zmqrpc.BaseSocket.__init__


def _create_socket_with_timeout(connection: zmqrpc.BaseSocket, *arguments: Any) -> None:
    _create_socket(connection, *arguments)
    connection.socket.setsockopt(zmq.CONNECT_TIMEOUT, 1000)


zmqrpc.BaseSocket.__init__ = _create_socket_with_timeout  # type: ignore[method-assign]


# A run time of 99999999999h ends the start with a traceback. It can be removed once `parse_timespan` raises ValueError for it.
def _parse_timespan(text: str) -> int:
    try:
        return parse_timespan(text)
    except OverflowError:
        raise ValueError(f"{text} is too long") from None


vars(argument_parser)["parse_timespan"] = _parse_timespan
