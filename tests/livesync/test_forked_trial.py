"""The child that tries an edit runs nothing but the edit."""

import subprocess
import sys
from pathlib import Path

from support.locust_process import LOADTEST
from support.waiting import TIMEOUT

SCRIPT = """
from gevent import monkey
monkey.patch_all()

import os
import posix
import socket
import sys
import threading
import time

import gevent
from livesync.forked_trial import trial

parent = posix.getpid()
found = os.open(sys.argv[1], os.O_WRONLY)

def note():
    if posix.getpid() != parent:
        os.write(found, b"x")

def sleep(seconds):
    while True:
        gevent.sleep(seconds)
        note()

def echo(connection):
    while True:
        connection.send(b"x")
        connection.recv(1)
        note()

def start_thread():
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    thread.join()

os.register_at_fork(after_in_child=start_thread)  # as the exporters of OpenTelemetry do
for _ in range(20):
    gevent.spawn(sleep, 0)
    gevent.spawn(sleep, 0.001)
    for connection in socket.socketpair():
        gevent.spawn(echo, connection)
for _ in range(10):
    gevent.sleep(0.002)
    trial(lambda: time.sleep(0.01))
    gevent.spawn(trial, lambda: time.sleep(0.01)).get()
os._exit(0)
"""


def test_no_greenlet_of_the_parent_runs_in_the_child(tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.touch()
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, found], cwd=LOADTEST, capture_output=True, text=True, timeout=TIMEOUT, check=True
    )
    assert (found.read_text(), ran.stderr) == ("", "")
