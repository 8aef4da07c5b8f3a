"""Tasks and task sets are edited while users are in them."""

from support.swarm import BASE, Swarm, base

PATH = "/base/{os.getpid()}"


def test_a_task_can_be_added_reweighted_and_removed(swarm: Swarm) -> None:
    added = base(
        "/base",
        '\n    @task(WEIGHT)\n    def extra(self):\n        self.client.get(f"/extra/{os.getpid()}", name="/")\n',
    )
    swarm.edit(added.replace("WEIGHT", "1"))
    swarm.wait_for("/extra")
    swarm.edit(added.replace("WEIGHT", "100"))
    swarm.settle()
    swarm.forget()
    swarm.settle()
    assert len(swarm.requests("/extra")) > 5 * len(swarm.requests("/base"))
    swarm.edit(BASE)
    swarm.wait_for_end_of("/extra")


def test_private_tasks_stay_and_go_like_others(swarm: Swarm) -> None:
    private = base(
        "/base", '\n    @task\n    def __hide(self):\n        self.client.get(f"/hidden/{os.getpid()}", name="/")\n'
    )
    swarm.edit(private)
    swarm.wait_for("/hidden")
    more = '\n    @task\n    def more(self):\n        self.client.get(f"/more/{os.getpid()}", name="/")\n'
    swarm.edit(private + more)
    swarm.wait_for("/more")
    swarm.forget()
    swarm.wait_for("/hidden")
    swarm.edit(BASE + more)
    swarm.wait_for_end_of("/hidden")


def test_a_task_set_becomes_a_sequence_while_users_are_in_it(swarm: Swarm) -> None:
    """Its tasks are other ones than those that the users have picked."""
    tasks = """
from locust import SequentialTaskSet, TaskSet

class Tour(TaskSet):
    @task
    def first(self):
        self.client.get(f"/KIND1/{os.getpid()}", name="/")

    @task
    def second(self):
        self.client.get(f"/KIND2/{os.getpid()}", name="/")

class Visitor(FastHttpUser):
    wait_time = constant(0.2)
    tasks = [Tour]
"""
    source = BASE.partition("class Visitor")[0] + tasks
    swarm.edit(source.replace("KIND", "task"))
    swarm.wait_for("/task1")
    edited = source.replace("KIND", "step").replace("(TaskSet)", "(SequentialTaskSet)")
    swarm.edit(edited.replace("def first", "def start").replace("def second", "def end"))
    swarm.wait_for("/step2")


def test_tasks_that_a_module_adds_to_a_class_stay_when_the_class_is_edited(swarm: Swarm) -> None:
    added = """

def look(user):
    user.client.get(f"/look/{os.getpid()}", name="/")

Visitor.tasks.append(look)
"""
    swarm.edit(BASE + added)
    swarm.wait_for("/look")
    swarm.edit(BASE.replace("@task", "@task(2)").replace("/base/", "/edited/") + added)
    swarm.wait_for("/edited")
    swarm.forget()
    swarm.wait_for("/look")
    swarm.edit(BASE)
    swarm.wait_for_end_of("/look")


MADE_IN_A_LOOP = """
import os
from locust import FastHttpUser, constant, task

def asking_for(path):
    def ask(self):
        self.client.get(f"/{path}/{os.getpid()}", name="/")
    return ask

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    for path in ("one", "two"):
        locals()[f"ask_for_{path}"] = task(asking_for(path))
"""


def test_tasks_that_a_loop_makes_follow_its_edits(swarm: Swarm) -> None:
    swarm.edit(MADE_IN_A_LOOP)
    swarm.wait_for("/two")
    swarm.edit(MADE_IN_A_LOOP.replace('"two")', '"two", "three")'))
    swarm.wait_for("/three")
    swarm.forget()
    swarm.wait_for("/two")
    swarm.edit(MADE_IN_A_LOOP.replace('("one", "two")', '("one", "three")'))
    swarm.wait_for_end_of("/two")
    swarm.wait_for("/three")


NESTED = """
import os
from locust import FastHttpUser, SequentialTaskSet, TaskSet, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    @task
    class Browse(TaskSet):
        def path(self, name):
            return f"/{name}/{os.getpid()}"

        @task
        class Steps(SequentialTaskSet):
            @task
            def first(self):
                self.client.get(self.parent.path("first"), name="/")

            @task
            def last(self):
                self.client.get(self.parent.path("last"), name="/")
"""


MIDDLE = """
            @task
            def middle(self):
                self.client.get(self.parent.path("middle"), name="/")
"""


def test_nested_and_sequential_task_sets_are_edited_in_place(swarm: Swarm) -> None:
    swarm.edit(NESTED)
    swarm.wait_for("/last")
    before, step, after = NESTED.rpartition("\n            @task")
    swarm.edit(before + MIDDLE + step + after)
    swarm.wait_for("/middle")
    swarm.settle()
    swarm.forget()
    swarm.settle()
    counts = [len(swarm.requests(f"/{name}")) for name in ("first", "middle", "last")]
    assert max(counts) - min(counts) <= 10, "in turn, for each of 10 users"


MARKOV = """
import os
from locust import FastHttpUser, MarkovTaskSet, constant, task, transition

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    @task
    class Walk(MarkovTaskSet):
        @transition("two")
        def one(self):
            self.client.get(f"/PATH-one/{os.getpid()}", name="/")

        @transition("one")
        def two(self):
            self.client.get(f"/PATH-two/{os.getpid()}", name="/")
"""


def test_a_markov_chain_goes_on(swarm: Swarm) -> None:
    swarm.edit(MARKOV.replace("PATH", "old"))
    swarm.wait_for("/old-two")
    swarm.edit(MARKOV.replace("PATH", "new"))
    swarm.wait_for("/new-one")
    swarm.settle()
    assert abs(len(swarm.requests("/new-one")) - len(swarm.requests("/new-two"))) <= 10, "in turn, for each of 10 users"


def test_a_task_set_that_is_gone_is_left(swarm: Swarm) -> None:
    swarm.edit(NESTED)
    swarm.wait_for("/last")
    swarm.edit(base("/outside"))
    swarm.wait_for("/outside")
    swarm.wait_for_end_of("/first")
    swarm.wait_for_end_of("/last")


def test_a_task_can_be_renamed(swarm: Swarm) -> None:
    swarm.edit(base("/renamed").replace("def visit", "def look"))
    swarm.wait_for("/renamed")
    swarm.wait_for_end_of("/base")


def test_an_edit_of_tags_changes_who_is_chosen(idle: Swarm) -> None:
    tagged = BASE.replace("import FastHttpUser", "import FastHttpUser, tag").replace(
        "    @task",
        """    @tag("other")
    @task
    def other(self):
        self.client.get(f"/other/{os.getpid()}", name="/")

    @tag("chosen")
    @task""",
    )
    idle.save(tagged)
    idle.options += ["--tags", "chosen"]
    idle.start()
    idle.swarm()
    idle.wait_for("/base")
    assert not idle.requests("/other")
    idle.edit(tagged.replace('"other"', '"third"').replace('"chosen"', '"other"').replace('"third"', '"chosen"'))
    idle.wait_for("/other")
    idle.wait_for_end_of("/base")
