"""The recipe for debugging a user class, and the settings of editors."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port
from support.service import Service
from support.waiting import TIMEOUT, wait_until

from tests.support import json_with_comments

Message = dict[str, Any]


class Debugger:
    """A client of debugpy, which speaks the Debug Adapter Protocol as an editor does."""

    def __init__(self, port: int) -> None:
        # Nothing else may connect to see whether it listens: debugpy takes the first connection for the editor.
        connection = wait_until(lambda: connected(port), "debugpy")
        assert connection
        self.connection = connection
        self.stream = self.connection.makefile("rb")
        self.requests = 0

    def close(self) -> None:
        self.stream.close()
        self.connection.close()

    def send(self, command: str, **arguments: Any) -> int:
        self.requests += 1
        request = {"seq": self.requests, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self.connection.sendall(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return self.requests

    def receive(self) -> Message:
        length = int(self.stream.readline().split()[1])
        self.stream.readline()
        message: Message = json.loads(self.stream.read(length))
        return message

    def event(self, name: str) -> Message:
        """The next event of this name."""
        while (message := self.receive()).get("event") != name:
            assert message.get("success", True), message
        body: Message = message.get("body", {})
        return body

    def ask(self, command: str, **arguments: Any) -> Message:
        """The answer to a request."""
        number = self.send(command, **arguments)
        while (message := self.receive()).get("request_seq") != number:
            pass
        assert message["success"], message
        body: Message = message["body"]
        return body


def connected(port: int) -> socket.socket | None:
    with suppress(ConnectionRefusedError):
        return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    return None


@contextmanager
def debugged(project: Path, launch: Message, target: str) -> Iterator[Debugger]:
    """The program of a launch configuration, waiting for the debugger."""
    port = free_port()
    program = launch["program"].replace("${workspaceFolder}", str(project))
    folder = launch["cwd"].replace("${workspaceFolder}", str(project))
    # What VS Code sets for "gevent": true.
    environment = os.environ | launch["env"] | {"LOCUST_HOST": target, "GEVENT_SUPPORT": "True"}
    command = [sys.executable, "-m", "debugpy", "--listen", f"127.0.0.1:{port}", "--wait-for-client", program]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        with closing(Debugger(port)) as debugger:
            yield debugger
    finally:
        process.kill()
        process.wait()


def test_a_breakpoint_in_a_task_stops_the_one_user_there(project: Path) -> None:
    service = Service()
    configurations = json_with_comments.parse((project / ".vscode/launch.json").read_text())["configurations"]
    launch = next(configuration for configuration in configurations if "program" in configuration)
    assert launch["gevent"] is True
    locustfile = project / "loadtest/locustfile.py"
    before, _, _ = locustfile.read_text().partition("self.client.get(")
    line = before.count("\n") + 1
    with debugged(project, launch, service.url) as debugger:
        debugger.ask("initialize", adapterID="test")
        debugger.send("attach", justMyCode=True)
        debugger.event("initialized")
        debugger.ask("setBreakpoints", source={"path": str(locustfile)}, breakpoints=[{"line": line}])
        debugger.send("configurationDone")
        stopped = debugger.event("stopped")
        assert stopped["reason"] == "breakpoint"
        assert service.seen == []
        [frame, *_] = debugger.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"]
        assert (frame["name"], frame["line"]) == ("hello", line)
        evaluated = debugger.ask("evaluate", expression="self.visitor['name']", frameId=frame["id"])
        assert evaluated["result"] == "'Ada'"
        debugger.send("continue", threadId=stopped["threadId"])
        debugger.event("stopped")
        assert service.seen == ["/hello"]
    service.close()


@pytest.mark.parametrize("name", [".vscode/settings.json", ".vscode/launch.json", ".devcontainer/devcontainer.json"])
def test_paths_in_settings_of_editors_exist(project: Path, name: str) -> None:
    text = json.dumps(json_with_comments.parse((project / name).read_text()))
    paths = re.findall(r"\$\{workspaceFolder\}/([\w./-]+)", text) + re.findall(r'"((?:\w+/)+tests)"', text)
    assert [path for path in paths if not (project / path).exists() and not path.startswith(".venv/")] == []
