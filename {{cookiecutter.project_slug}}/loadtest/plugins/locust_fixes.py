"""Fixes of Locust 2.47 for every run, with and without live sync. Each comment says when the fix can be removed."""

from locust import argument_parser, runners
from locust.rpc import Message, zmqrpc
from locust.runners import STATE_MISSING, MasterRunner
from locust.util.timespan import parse_timespan

import logging
import time
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import gevent
import zmq

logger = logging.getLogger(__name__)

LAST_REPORTS_TIMEOUT = 10
"""Seconds, besides the stop timeout, for which a master that quits waits for the last reports of its workers."""

# Each spawn message makes a worker build Locust's argument parser, during which it runs no user for 0.2 s.
# It can be removed once `default_args_dict` builds no parser any more. The template's docs/upstream has the report.
argument_parser.default_args_dict = lru_cache(maxsize=1)(argument_parser.default_args_dict)

# Locust measures time by the system clock: if it is set forward, workers exit; if it is set back, new users never start.
# It can be removed once locust/runners.py uses `time.monotonic()`.
_OFFSET = time.time() - time.monotonic()
vars(runners)["time"] = SimpleNamespace(**{**vars(time), "time": lambda: _OFFSET + time.monotonic()})

# If a worker starts before its node knows the master's Service, its first packets are lost, and so are TCP's repetitions, for
# two minutes. A timeout makes it connect again. It can be removed once locust/rpc/zmqrpc.py sets one.
#
# While its master is unreachable, a worker keeps up to 1000 messages, such as one for each exception of a task. The next one
# raises RPCSendError, which ends the greenlets that send heartbeats and statistics. The fix can be removed once runners.py
# handles that error. Without the limit the messages stay bounded: a worker ends after 60 s without its master's heartbeat.
_create_socket = zmqrpc.BaseSocket.__init__


def _create_socket_with_options(connection: zmqrpc.BaseSocket, kind: zmq.SocketType, *arguments: Any) -> None:
    _create_socket(connection, kind, *arguments)
    connection.socket.setsockopt(zmq.CONNECT_TIMEOUT, 1000)
    if kind == zmq.DEALER:  # a worker's
        connection.socket.setsockopt(zmq.SNDHWM, 0)  # no limit


zmqrpc.BaseSocket.__init__ = _create_socket_with_options  # type: ignore[method-assign]

# A master that quits waits half a second for the last reports of its workers. Later reports are lost, such as the requests
# of a slow `on_stop`. It can be removed once `MasterRunner.quit` waits for all workers.
_quit = MasterRunner.quit


def _quit_with_last_reports(master: MasterRunner) -> None:
    master.stop(send_stop_to_client=False)
    workers = master.clients.all
    for worker in workers:
        master.server.send_to_client(Message("quit", None, worker.id))
    with gevent.Timeout(master.environment.stop_timeout + LAST_REPORTS_TIMEOUT, exception=False):
        while any(worker.id in master.clients and worker.state != STATE_MISSING for worker in workers):
            gevent.sleep(0.1)
    if missing := [worker.id for worker in workers if worker.id in master.clients]:
        logger.warning(
            "The last reports of these workers did not arrive, so their results are incomplete: %s", ", ".join(missing)
        )
    _quit(master)


MasterRunner.quit = _quit_with_last_reports  # type: ignore[method-assign, assignment]


# With a run time of 99999999999h Locust fails with a traceback. It can be removed once `parse_timespan` raises ValueError.
def _parse_timespan(text: str) -> int:
    try:
        return parse_timespan(text)
    except OverflowError:
        raise ValueError(f"{text} is too long") from None


vars(argument_parser)["parse_timespan"] = _parse_timespan
