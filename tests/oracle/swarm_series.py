"""Random edits of random load tests on a real swarm; master and workers compare themselves with a fresh load.

.venv/bin/python -m tests.oracle.swarm_series --sequences 300 --seed 7
"""

import argparse
import builtins
import copy
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from gevent import socket
from livesync.files import revision_of
from support.service import Service
from support.swarm import BASE, Swarm
from support.waiting import wait_until

from tests.oracle.author import Author
from tests.oracle.comparison import fresh
from tests.oracle.generated import LoadTest, ran
from tests.oracle.one_process import encoded
from tests.oracle.rendering import files_of
from tests.oracle.sequence import is_expected, story

TEMPLATE = Path(__file__).parents[2]
PROCESSES = ("master", "worker1", "worker2")
USERS = 20


class ObservedSwarm:
    """A swarm on generated files, and a file beside them whose users make requests all the time."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.service = Service()
        folder = home / "loadtest"
        folder.mkdir()
        # The processes run in folders of their own, and import this package.
        os.environ["PYTHONPATH"] = str(TEMPLATE)
        self.swarm = Swarm(
            folder, self.service, "-f", "locustfile.py,visitor.py", module="tests.oracle.observed_process"
        )
        self.swarm.save(BASE, "visitor.py")
        self.files: dict[str, str] = {}

    def start(self, test: LoadTest) -> None:
        self.write(test)
        for name in PROCESSES:
            os.environ["OBSERVED"] = str(self.home / name)
            if name == "master":
                self.swarm.start_master()
            else:
                self.swarm.start_worker()
        wait_until(lambda: len(self.swarm.workers()) == 2 and self.swarm.agrees(), self.swarm.log_tails)
        self.swarm.swarm(users=USERS)

    def write(self, test: LoadTest) -> None:
        files = files_of(test)
        for path, content in files.items():
            if self.files.get(path) != content:
                self.swarm.save(content, path)
        self.files = files

    def publish(self, test: LoadTest) -> str:
        """Save a load test and return why it is rejected, or nothing once it is live everywhere.

        A half of the save may be seen first, and go live or be rejected for a moment.
        """
        self.write(test)
        revision = revision_of({**encoded(self.files), "visitor.py": BASE.encode()})

        def outcome() -> list[str]:
            [table] = self.swarm.get("/stats/requests")["extended_stats"]
            now = self.swarm.get("/livesync")
            if not now["refused"] and {now["revision"], *now["workers"].values()} == {revision}:
                return [""]
            return [row["what"] for row in table["data"] if (row["code"], row["revision"]) == ("rejected", revision)]

        return str(wait_until(outcome, self.swarm.log_tails)[0])

    def take_back(self, test: LoadTest) -> None:
        """After a rejection, bring the files back to what is live."""
        self.write(test)
        wait_until(self.swarm.agrees, self.swarm.log_tails)

    def ask(self, method: str, *arguments: Any) -> None:
        """Ask master and workers; what one of them has to complain of is an AssertionError."""
        for name in PROCESSES:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self.home / name))
                with connection.makefile("rwb") as stream:
                    pickle.dump((method, arguments), stream)
                    stream.flush()
                    if complaint := pickle.load(stream):
                        raise AssertionError(f"{name}: {complaint}")

    def check_users(self) -> None:
        wait_until(lambda: self.swarm.users() == USERS, lambda: f"{USERS} users\n{self.swarm.log_tails()}")
        rows = self.swarm.get("/stats/requests")["stats"]
        assert not any(row["num_failures"] for row in rows), rows

    def close(self) -> None:
        self.swarm.stop()
        self.service.close()


class Sequences:
    """Load tests one after the other; each is an edit of the one before, and is then edited a few times."""

    def __init__(self, swarm: ObservedSwarm, random: Random) -> None:
        self.swarm, self.random, self.author = swarm, random, Author(random)
        self.saved: list[LoadTest] = []
        """Since the present load test took the place of another one, and that one."""
        self.edits = self.rejections = 0

    def run(self, count: int) -> None:
        past = [self.loading(self.author.write)]
        self.saved = past[:]
        self.swarm.start(past[0])
        for _ in range(count):
            self.swarm.ask("begin", past[-1])
            for _ in range(self.random.randint(1, 4)):
                self.edit(past)
            self.swarm.check_users()
            self.saved = past[-1:]
            past = [self.next_load_test(past[-1])]

    def next_load_test(self, old: LoadTest) -> LoadTest:
        """Put another load test in the place of the one that runs."""
        while True:
            new = self.loading(self.author.write)
            if not self.is_rejected(new, old):
                return new

    def is_rejected(self, new: LoadTest, old: LoadTest) -> bool:
        """Save `new`, and `old` again if it is rejected for a reason that live sync has and Python has not."""
        self.saved.append(new)
        reason = self.swarm.publish(new)
        if not reason:
            return False
        assert is_expected(reason), reason
        self.rejections += 1
        self.saved.append(old)
        self.swarm.take_back(old)
        return True

    def loading(self, write: Callable[[], LoadTest]) -> LoadTest:
        """The first that Locust can run; chance may write one that makes no sense."""
        while True:
            test = write()
            try:
                fresh(files_of(test))
            except Exception:
                continue
            return test

    def edit(self, past: list[LoadTest]) -> None:
        old = past[-1]
        new = self.loading(lambda: self.author.edit(old, past))
        self.swarm.ask("expect_edit")
        if self.author.chance(10):
            broken = copy.deepcopy(new)
            broken.broken = self.random.choice(["raise ValueError", "1 +", "undefined_name"])
            assert self.swarm.publish(broken), "an edit that fails is live"
            self.swarm.take_back(old)
        self.edits += 1
        if not self.is_rejected(new, old):
            self.swarm.ask("check_edit", new)
            past.append(new)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    vars(builtins)["_ran"] = ran
    with tempfile.TemporaryDirectory() as home:
        swarm = ObservedSwarm(Path(home))
        sequences = Sequences(swarm, Random(options.seed))
        try:
            sequences.run(options.sequences)
        except BaseException:
            print(story(sequences.saved), swarm.swarm.log_tails(), sep="\n", file=sys.stderr)
            raise
        finally:
            swarm.close()
    print(f"{options.sequences} sequences of {sequences.edits} edits agree with a fresh load in master and workers")
    print(f"{sequences.rejections} edits were rejected")


if __name__ == "__main__":
    main()
