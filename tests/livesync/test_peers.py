"""Whoever connects to the master's port 5557: what it may send, and what it needs to get code or to hand code back."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgpack
import pytest
import zmq
from livesync.files import revision_of
from support.swarm import BASE, Swarm, new_swarm
from support.waiting import TIMEOUT, wait_until

from tests.livesync.peer import CONTEXT, NEWER, VERSION, Peer, assert_ignored, heartbeat, newer, start, status

KEY = "a key of this test"


@pytest.fixture(scope="module")
def closed_master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """A master with the key, a worker that has it, and a plain Locust worker."""
    with pytest.MonkeyPatch.context() as patch, new_swarm(tmp_path_factory.mktemp("closed") / "loadtest") as swarm:
        patch.setenv("LIVESYNC_KEY", KEY)
        swarm.start(workers=1)
        swarm.start_worker(swarm.folder, module="locust")
        wait_until(lambda: len(swarm.workers()) == 2, "both workers")
        yield swarm


def save(swarm: Swarm, source: str) -> None:
    """Save the locustfile, and wait until the master runs it, whatever the peers do."""
    swarm.save(source)
    revision = revision_of({"locustfile.py": source.encode()})
    wait_until(lambda: swarm.get("/livesync")["revision"] == revision, swarm.log)


def status_message(**changes: Any) -> tuple[str, dict[str, Any]]:
    return "livesync_status", status() | {"nonce": "", "proof": ""} | changes


def tree_message(*paths: Any, content: Any = b"x = 1\n") -> tuple[str, dict[str, Any]]:
    return status_message(**status(NEWER | dict.fromkeys(paths, content)))


HOSTILE: dict[str, tuple[Any, Any, str]] = {
    "a path that leads out": (*tree_message("../../x.py"), "'../../x.py' is not the path of a synced file"),
    "a path that leads out further down": (*tree_message("data/../../x.py"), "is not the path of a synced file"),
    "an absolute path": (*tree_message("/tmp/x.py"), "'/tmp/x.py' is not the path of a synced file"),
    "a path with a backslash": (*tree_message("..\\x.py"), "is not the path of a synced file"),
    "a path with a drive": (*tree_message("c:/x.py"), "is not the path of a synced file"),
    "a path with a NUL": (*tree_message("x\0.py"), "is not the path of a synced file"),
    "a path in another form": (*tree_message("data//x.py"), "is not the path of a synced file"),
    "an empty path": (*tree_message(""), "is not the path of a synced file"),
    "a very long path": (*tree_message("a/" * 5000 + "x"), "is not the path of a synced file"),
    "a part of live sync": (*tree_message("livesync/master.py"), "is not the path of a synced file"),
    "a hidden file": (*tree_message("data/.ssh/x"), "is not the path of a synced file"),
    "a file that is a folder": (*tree_message("data", "data/x.csv"), "'data' is both a file and a folder"),
    "a number for a path": (*tree_message(5), "5 is not the path of a synced file"),
    "text for content": (*tree_message("x.py", content="x = 1"), "its field tree is not valid"),
    "a list for a tree": (*status_message(tree=["x.py"]), "its field tree is not valid"),
    "files above the limit": (*tree_message("x.csv", content=bytes(33_000_000)), "more than LIVESYNC_MAX_MB"),
    "a revision of another tree": (*status_message(tree=NEWER), "its revision is not that of its tree"),
    "a number for a revision": (*status_message(revision=5), "its field revision is not valid"),
    "a past of other things": (*status_message(past=[{}]), "its field past is not valid"),
    "a past without end": (*status_message(past=["abc1234"] * 1001), "its field past is not valid"),
    "options without users": (*status_message(options={"host": "http://x"}), "its field options is not valid"),
    "a field that is missing": ("livesync_status", {"revision": "abc1234"}, "it must have the fields revision, tree"),
    "a status that is none": ("livesync_status", None, "it must have the fields revision, tree"),
    "a vote without a reason": ("livesync_vote", {"revision": "abc1234"}, "it must have the fields revision, reason"),
    "a vote with another reason": ("livesync_vote", {"revision": "abc1234", "reason": 1}, "its field reason is not"),
    "a type that is none": (["x"], None, "its type is not text"),
}


UNREADABLE = {
    "no msgpack": b"\xc1",
    "half a message": msgpack.dumps(("quit", None, "x"))[:-1],
    "four parts": msgpack.dumps((1, 2, 3, 4)),
    "a time that is none": msgpack.dumps(("quit", {"__datetime__": True, "as_str": "now"}, "x")),
    "a key that is a list": b"\x81\x90\x00",
}


@pytest.mark.parametrize(("kind", "data", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_an_invalid_message_is_one_line_in_the_log(
    open_master: Swarm, connect: Callable[..., Peer], kind: Any, data: Any, reason: str
) -> None:
    peer = connect(open_master.port)
    peer.join()
    assert_ignored(open_master, peer, lambda: peer.send(kind, data), reason)


def test_a_message_in_the_name_of_another_peer_is_ignored(open_master: Swarm, connect: Callable[..., Peer]) -> None:
    peer, other = connect(open_master.port), connect(open_master.port)
    other.join()
    assert_ignored(open_master, peer, lambda: peer.send("quit", None, other.name), "it claims to be from")
    assert other.name in open_master.workers()


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_message_is_one_line_in_the_log(
    open_master: Swarm, connect: Callable[..., Peer], content: bytes
) -> None:
    peer = connect(open_master.port)
    peer.join()
    assert_ignored(open_master, peer, lambda: peer.socket.send(content), "a message that cannot be read is ignored")


DIGESTS = {"a list": ["x.py"], "a number for a digest": {"x.py": 5}, "a very long path": {"a/" * 5000: ""}}


@pytest.mark.parametrize("digests", DIGESTS.values(), ids=DIGESTS)
def test_digests_that_are_none_are_refused(open_master: Swarm, digests: Any) -> None:
    body, headers = json.dumps(digests).encode(), {"Content-Type": "application/json"}
    with pytest.raises(HTTPError, match="400"):
        urlopen(Request(f"{open_master.address}/livesync/differences", body, headers), timeout=TIMEOUT)


def test_a_worker_rejects_files_outside_of_its_folder(idle: Swarm, tmp_path: Path) -> None:
    with closing(CONTEXT.socket(zmq.ROUTER)) as master:
        master.bind(f"tcp://127.0.0.1:{idle.port}")
        worker = idle.start_worker()
        assert master.poll(int(TIMEOUT) * 1000)
        identity, _ = master.recv_multipart()
        tree = NEWER | {"../../outside.py": b""}
        code = {"tree": tree, "past": [], "locustfiles": ["locustfile.py"]}
        master.send_multipart([identity, msgpack.dumps(("locustfile", {"locustfiles": code}, identity.decode()))])
        wait_until(lambda: "'../../outside.py' is not the path of a synced file" in idle.log(worker), "the reason")
        assert idle.processes[worker].poll() is None
        idle.kill(worker)
    assert not list(tmp_path.rglob("outside.py"))


CLOSED: dict[str, Callable[[Swarm], object]] = {
    "after an edit": lambda swarm: save(swarm, BASE + "\n"),
    "after the start of a test": lambda swarm: swarm.post("/swarm", user_count=1, spawn_rate=1),
}


def test_without_a_key_a_new_master_takes_code_back(idle: Swarm, connect: Callable[..., Peer]) -> None:
    start(idle)
    peer = connect(idle.port)
    peer.join()
    peer.hand_back(idle.get("/livesync")["revision"])
    assert idle.get("/livesync")["revision"] == revision_of(NEWER)


WAITS = """
import pathlib, time, urllib.request
urllib.request.urlopen('TARGET/staging').read()
while not pathlib.Path('FILE').exists():
    time.sleep(0.01)
"""


def test_a_new_master_that_two_workers_hand_code_keeps_the_newest(idle: Swarm, connect: Callable[..., Peer]) -> None:
    start(idle)
    revision, file = idle.get("/livesync")["revision"], idle.folder / ".continue"
    waits = WAITS.replace("TARGET", idle.service.url).replace("FILE", str(file))
    newest = {"locustfile.py": (BASE + waits).encode()}
    behind, ahead = connect(idle.port), connect(idle.port)
    for peer, offer in [
        (ahead, status(newest, revision, revision_of(NEWER), revision=revision_of(newest))),
        (behind, newer(revision)),
    ]:
        peer.join()
        peer.send("livesync_status", offer | {"nonce": "", "proof": ""})
        wait_until(lambda: "/staging" in idle.service.seen, "the trial of the newest code")
    assert behind.ask("locustfile", {"version": VERSION}), "what answers it has read the status before"
    file.touch()
    assert behind.answer("livesync_current")["revision"] == revision_of(newest)


@pytest.mark.parametrize("begin", CLOSED.values(), ids=CLOSED)
def test_without_a_key_no_other_master_takes_code_back(
    idle: Swarm, connect: Callable[..., Peer], begin: Callable[[Swarm], object]
) -> None:
    start(idle)
    peer = connect(idle.port)
    peer.join()
    begin(idle)
    assert_nothing_is_taken_back(idle, peer)


def test_without_a_key_no_code_is_taken_back_after_half_a_minute(idle: Swarm, connect: Callable[..., Peer]) -> None:
    module = idle.folder / "livesync/master.py"
    module.write_text(module.read_text().replace("TAKE_BACK = 30\n", "TAKE_BACK = 0\n"))
    start(idle)
    peer = connect(idle.port)
    peer.join()
    assert_nothing_is_taken_back(idle, peer)


def assert_nothing_is_taken_back(master: Swarm, peer: Peer) -> None:
    revision = master.get("/livesync")["revision"]
    answer = peer.hand_back(revision)
    assert answer["revision"] == revision
    assert f"revision {revision_of(NEWER)} of worker {peer.name!r} is refused: without LIVESYNC_KEY" in master.log()


def test_with_a_key_code_goes_to_workers_that_have_it(closed_master: Swarm, connect: Callable[..., Peer]) -> None:
    swarm = closed_master
    strangers = [connect(swarm.port), connect(swarm.port, "another key")]
    for peer in strangers:
        peer.join()
        for _ in range(3):
            answer = peer.ask("locustfile", {"version": VERSION})
            assert "locustfiles" not in answer
            assert "its LIVESYNC_KEY" in answer["error"]
            assert peer.ask("livesync_status", status(revision=swarm.get("/livesync")["revision"]))["tree"] is None
            assert peer.ask("livesync_status", status())["tree"] is None
        assert f"{peer.name!r} is refused, because it does not have the LIVESYNC_KEY of this master" in swarm.log()
    assert set(map(swarm.workers().get, (peer.name for peer in strangers))) == {None}
    save(swarm, BASE + "\n")
    wait_until(lambda: "live on 1 of " in swarm.log(), swarm.log)
    for peer in strangers:
        assert peer.ask("livesync_status", status())["tree"] is None
        assert "livesync_stage" not in peer.seen
        peer.send("quit", None)
    friend = connect(swarm.port, KEY)
    assert "error" in friend.ask("locustfile", {"version": VERSION})
    assert friend.ask("locustfile", {"version": VERSION})["locustfiles"]["tree"]


def test_with_a_key_code_is_taken_back_with_its_proof_alone(closed_master: Swarm, connect: Callable[..., Peer]) -> None:
    swarm, peer = closed_master, connect(closed_master.port, KEY)
    peer.join()
    revision = swarm.get("/livesync")["revision"]
    assert peer.hand_back(revision)["again"], "without a nonce"
    other = newer(revision, other=b"") | {"nonce": peer.nonce}
    signed = newer(revision) | {"nonce": peer.nonce}
    peer.send("livesync_status", other | {"proof": peer.proof("livesync_status", signed)})
    assert not peer.answer("livesync_current")["again"], "the proof of another tree"
    signed = newer(revision) | {"nonce": peer.nonce}
    signed["proof"] = peer.proof("livesync_status", signed)
    assert swarm.get("/livesync")["revision"] == revision
    peer.send("livesync_status", signed)
    assert peer.answer("livesync_current")["revision"] == revision_of(NEWER)
    save(swarm, BASE + "\n\n")
    save(swarm, BASE + "\n")
    assert swarm.get("/livesync")["revision"] == revision
    peer.send("livesync_status", signed)
    while not peer.answer("livesync_current")["again"]:
        pass  # these are the answers to the edits
    assert swarm.get("/livesync")["revision"] == revision
    peer.send("quit", None)


def test_who_takes_the_name_of_a_worker_gets_what_a_save_changes_and_no_other_code(
    idle: Swarm, connect: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESYNC_KEY", KEY)
    monkeypatch.setenv("LIVESYNC_IMPORT_TIMEOUT", "1")
    idle.save("secret", "data.csv")
    start(idle)
    worker = connect(idle.port, KEY)
    worker.join()
    revision = idle.get("/livesync")["revision"]
    assert worker.ask("livesync_status", status(revision=revision))["again"]
    assert not worker.ask("livesync_status", status(revision=revision))["again"]
    worker.close()
    thief = connect(idle.port, name=worker.name)
    thief.send(*heartbeat())
    thief.answer("heartbeat")
    idle.save(BASE + "\n")
    stage = thief.answer("livesync_stage")
    assert set(stage["files"]) == {"locustfile.py"}
    thief.send("livesync_vote", {"revision": stage["revision"], "reason": None})
    assert thief.answer("livesync_current")["tree"] is None, "the commit"
    wait_until(lambda: "live on 0 of 1" in log_after_heartbeat(idle, thief), idle.log)
    current = thief.answer("livesync_current")
    assert (current["again"], current["tree"]) == (True, None)
    assert thief.ask("livesync_status", status(revision=revision))["tree"] is None


def log_after_heartbeat(master: Swarm, peer: Peer) -> str:
    """The log of the master, for which the peer stays connected."""
    peer.send(*heartbeat())
    return master.log()
