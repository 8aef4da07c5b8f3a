"""Live sync: user classes are edited while users run, and a user restarts only if an edit changes how it starts."""

from support.swarm import BASE, Swarm, base
from support.waiting import wait_until

NEW_CLASS = """
class Buyer(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def buy(self):
        self.client.get(f"/buy/{os.getpid()}", name="/")
"""


def test_a_user_class_can_be_added_and_removed(swarm: Swarm) -> None:
    swarm.edit(base("/base", NEW_CLASS))
    swarm.wait_for("/buy", workers=1)  # Locust may put all users of one class on one worker
    wait_until(lambda: swarm.users() == 10, "10 users")
    swarm.edit(BASE)
    swarm.wait_for_end_of("/buy")


def test_a_renamed_user_class_takes_over_all_users(swarm: Swarm) -> None:
    swarm.edit(base("/renamed").replace("Visitor", "Guest"))
    swarm.wait_for("/renamed")
    wait_until(lambda: swarm.users() == 10, "10 users")
    swarm.wait_for_end_of("/base")


def test_user_class_weights_change_the_mix(swarm: Swarm) -> None:
    swarm.edit(base("/base", NEW_CLASS.replace("wait_time", "weight = 0\n    wait_time")))
    swarm.edit(base("/base", NEW_CLASS.replace("wait_time", "weight = 9\n    wait_time")))
    swarm.wait_for("/buy", workers=1)  # Locust may put all users of one class on one worker
    swarm.settle()
    swarm.forget()
    swarm.settle()
    assert len(swarm.requests("/buy")) > 4 * len(swarm.requests("/base"))


START = """
    def on_start(self):
        self.client.get(f"/started/{os.getpid()}", name="/")
        self.token = "fresh"
"""


def test_an_edited_on_start_starts_every_user_anew(swarm: Swarm) -> None:
    use = START + '\n    @task\n    def use(self):\n        self.client.get(f"/{self.token}/{os.getpid()}", name="/")\n'
    swarm.edit(base("/base", use))
    swarm.wait_for("/fresh")
    wait_until(lambda: len(swarm.requests("/started")) == 10, "10 users started")


def test_an_edit_elsewhere_keeps_the_users_as_they_are(swarm: Swarm) -> None:
    swarm.edit(base("/base", START))
    wait_until(lambda: len(swarm.requests("/started")) == 10, "10 users started")
    swarm.edit("# A comment that moves every line.\n" + base("/moved", START))
    swarm.wait_for("/moved")
    swarm.settle()
    assert len(swarm.requests("/started")) == 10


def test_another_base_class_gives_the_users_its_client(swarm: Swarm) -> None:
    swarm.edit(base("/other").replace("FastHttpUser", "HttpUser"))
    swarm.wait_for("/other")


def test_an_edited_on_stop_is_what_a_user_leaves_by(swarm: Swarm) -> None:
    leaves = base("/{id(self)}", START + STOP)
    swarm.edit(leaves)
    wait_until(lambda: len(swarm.requests("/started")) == 10, "10 users started again")
    swarm.forget()
    swarm.edit(leaves.replace("/{id", "/edited/{id").replace("/bye/", "/farewell/"))
    wait_until(lambda: len(user_ids(swarm, "/edited/")) == 10, "10 users on the edited code")
    swarm.edit(leaves.replace("/bye/", "/farewell/").replace("fresh", "other"))
    wait_until(lambda: len(swarm.requests("/farewell")) == 10, "10 users that left by the new way")
    assert not swarm.requests("/bye")


STOP = """
    def on_stop(self):
        self.client.get(f"/bye/{os.getpid()}", name="/")
"""


def user_ids(swarm: Swarm, path: str) -> set[str]:
    return {seen for seen in list(swarm.service.seen) if seen.startswith(path)}


def test_a_fixed_count_takes_its_users_from_the_others(swarm: Swarm) -> None:
    swarm.edit(base("/base", NEW_CLASS.replace("wait_time", "fixed_count = 3\n    wait_time")))
    swarm.wait_for("/buy", workers=1)
    wait_until(lambda: users_of(swarm, "Buyer") == 3, "three buyers")
    swarm.edit(base("/base", NEW_CLASS.replace("wait_time", "fixed_count = 8\n    wait_time")))
    wait_until(lambda: users_of(swarm, "Buyer") == 8, "eight buyers")


def users_of(swarm: Swarm, user_class: str) -> int:
    tasks = swarm.get("/tasks")["per_class"]
    return round(float(tasks.get(user_class, {}).get("ratio", 0)) * 10)


def test_a_class_that_becomes_abstract_has_no_users(swarm: Swarm) -> None:
    swarm.edit(base("/base", NEW_CLASS))
    swarm.wait_for("/buy", workers=1)
    swarm.edit(base("/base", NEW_CLASS.replace("wait_time", "abstract = True\n    wait_time")))
    swarm.wait_for_end_of("/buy")
