"""A peer of the master's port 5557, which speaks Locust's protocol and that of live sync by itself."""

import hmac
from collections.abc import Callable
from importlib.metadata import version
from typing import Any
from uuid import uuid4

import msgpack
import zmq
from livesync.files import revision_of
from support.swarm import BASE, Swarm
from support.waiting import TIMEOUT, wait_until

CONTEXT: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
VERSION = version("locust")
NEWER = {"locustfile.py": BASE.replace("/base/", "/newer/").encode()}


class Peer:
    """Speaks Locust's protocol: msgpack over a DEALER socket."""

    def __init__(self, port: int, key: str = "", name: str = "") -> None:
        self.name, self.key, self.nonce = name or f"peer_{uuid4().hex}", key, ""
        self.seen: list[str] = []
        """Types of the messages that came."""
        self.socket = CONTEXT.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IDENTITY, self.name.encode())
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(f"tcp://127.0.0.1:{port}")

    def close(self) -> None:
        self.socket.close()

    def send(self, kind: Any, data: Any, name: Any = None) -> None:
        self.socket.send(msgpack.dumps((kind, data, self.name if name is None else name)))

    def proof(self, kind: str, data: dict[str, Any]) -> str:
        message = msgpack.dumps((kind, data, self.name))
        return hmac.new(self.key.encode(), message, "sha256").hexdigest() if self.key else ""

    def ask(self, kind: str, data: dict[str, Any]) -> Any:
        """Send a message with the nonce and its proof, and return the answer, whose nonce is for the next one."""
        data = data | {"nonce": self.nonce}
        self.send(kind, data | {"proof": self.proof(kind, data)})
        return self.answer("locustfile" if kind == "locustfile" else "livesync_current")

    def answer(self, kind: str) -> Any:
        """The content of the next message of this type."""
        while self.socket.poll(int(TIMEOUT) * 1000):
            name, content, _ = msgpack.loads(self.socket.recv())
            self.seen.append(name)
            if name == kind:
                self.nonce = (content or {}).get("nonce", "")
                return content
        raise AssertionError(f"no {kind} within {TIMEOUT:g} s, but {self.seen}")

    def join(self) -> None:
        self.send("client_ready", VERSION)
        self.answer("ack")

    def hand_back(self, past: str) -> Any:
        """Offer the newer code to a master whose revision is `past`."""
        return self.ask("livesync_status", newer(past))


def status(tree: Any = None, *past: str, **changes: Any) -> dict[str, Any]:
    """The content of a status, but for nonce and proof."""
    return {"revision": "abc1234", "tree": tree, "past": list(past), "options": None, **changes}


def newer(past: str, **files: bytes) -> dict[str, Any]:
    """The content of a status that offers the newer code, and more files, to a master whose revision is `past`."""
    return status(NEWER | files, past, revision=revision_of(NEWER | files))


def heartbeat(**changes: Any) -> tuple[str, dict[str, Any]]:
    return "heartbeat", {"state": "ready", "current_cpu_usage": 0.0, "current_memory_usage": 0, **changes}


def start(swarm: Swarm) -> None:
    """Start a master."""
    swarm.start_master()
    wait_until(lambda: swarm.get("/livesync"), swarm.log)


def assert_ignored(master: Swarm, peer: Peer, send: Callable[[], None], reason: str) -> None:
    """What is sent makes one line in the log with the reason; the master answers as before, and runs the same code."""
    before = len(master.log())
    send()
    wait_until(lambda: reason in master.log()[before:], master.log)
    assert peer.ask("locustfile", {"version": VERSION})["locustfiles"]["tree"] == {"locustfile.py": BASE.encode()}
    [line] = [line for line in master.log()[before:].splitlines() if "INFO" not in line]
    assert "WARNING" in line
    assert len(line) < 600
