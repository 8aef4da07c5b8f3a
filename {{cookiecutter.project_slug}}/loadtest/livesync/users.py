"""Users: every running user takes the new code between two of its tasks.

A task that runs during a commit ends on the old code in every respect: its functions, `super()`, `isinstance`,
module globals. Only then its user and task sets are given their new classes.
"""

from locust import MarkovTaskSet, SequentialTaskSet, TaskSet, User
from locust.exception import StopUser
from locust.runners import Runner
from locust.user.task import LOCUST_STATE_WAITING, DefaultTaskSet

import logging
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle, zip_longest
from typing import Any

from .compare import starts_alike, waits_alike
from .internals import wrap
from .live import Live

logger = logging.getLogger(__name__)

SHORT_WAIT = 0.2
"""Seconds; a shorter sleep is not worth being woken from."""

# What live sync notes on the users and task sets themselves.
COMMIT, BORN_AGAIN, LEAVE = "livesync_commit", "livesync_born_again", "livesync_leave"


def follow_commits(live: Live) -> None:
    """Let the users of this process take up what is committed to `live`."""
    wrap(TaskSet, "execute_next_task", partial(_execute_next_task, live))
    wrap(TaskSet, "_sleep", partial(_sleep, live))
    wrap(User, "run", partial(_run, live))
    wrap(Runner, "stop_users", _stop_users)


def release_removed(runner: Runner) -> None:
    """Count no user whose class is gone any more; each ends at its next task."""
    for greenlet in list(runner.user_greenlets):
        if greenlet.args and type(greenlet.args[0]).__name__ not in runner.user_classes_by_name:
            runner.user_greenlets.discard(greenlet)


def _execute_next_task(live: Live, stock: Callable[[TaskSet], None], task_set: TaskSet) -> None:
    if vars(task_set.user).get(COMMIT) != live.commits:
        _take_new_code(live, task_set)
    if LEAVE in vars(task_set):
        task_set.interrupt()
    stock(task_set)


def _take_new_code(live: Live, task_set: TaskSet) -> None:
    user = task_set.user
    vars(user)[COMMIT] = live.commits
    user_class = _class_now(user)
    if not starts_alike(type(user), user_class):
        vars(user)[BORN_AGAIN] = True
        raise StopUser
    nest = _nest(task_set)
    were_tasks = [type(inner) in inner.parent.tasks for inner in nest]
    running = [type(inner).__name__ for inner in nest[1:]]
    picked = task_set._task_queue.popleft().__name__
    user.__class__ = user_class
    leave = False
    for inner, was_task, task in zip_longest(nest, were_tasks, running):
        task_set_class = live.class_now(type(inner))
        leave = leave or task_set_class is None or (was_task and task_set_class not in inner.parent.tasks)
        if leave:
            vars(inner)[LEAVE] = True
        elif task_set_class is not type(inner):
            inner.__class__ = task_set_class
            _go_on(inner, after=task, at=picked)
    task_set._task_queue.clear()
    if not leave:
        task_set.schedule_task(task_set.get_next_task())


def _class_now(user: User) -> type[User]:
    """The user class that has the name of this user's; a user without one ends."""
    user_class: type[User] | None = user.environment.user_classes_by_name.get(type(user).__name__)
    if user_class is None:
        raise StopUser
    return user_class


def _nest(task_set: Any) -> list[Any]:
    """The task sets that a user is in, outermost first, without Locust's own root."""
    nest: list[Any] = []
    while isinstance(task_set, TaskSet) and not isinstance(task_set, DefaultTaskSet):
        nest.insert(0, task_set)
        task_set = task_set.parent
    return nest


def _go_on(task_set: Any, after: str | None, at: str) -> None:
    """Let a task set that has an order go on where it was: `after` the task set that it runs, else `at` a task."""
    if issubclass(type(task_set), SequentialTaskSet):
        tasks = task_set.tasks
        names = [task.__name__ for task in tasks]
        upcoming = [after or at, *(next(task_set._task_cycle).__name__ for _ in names)]
        name = next((name for name in upcoming if name in names), names[0])
        place = names.index(name) + (name == after)
        task_set._task_cycle = cycle(tasks[place:] + tasks[:place])
    elif issubclass(type(task_set), MarkovTaskSet):
        name = task_set.current.__name__ if after else at
        task_set.current = getattr(task_set, name, type(task_set).current)


def _sleep(live: Live, stock: Callable[[TaskSet, float], None], task_set: TaskSet, seconds: float) -> None:
    if seconds < SHORT_WAIT:
        stock(task_set, seconds)
        return
    start = time.monotonic()
    until = start + seconds
    while live.committed_within(until - time.monotonic()):
        if wait := _edited_wait(live, task_set):
            until = min(until, start + wait())


def _edited_wait(live: Live, task_set: TaskSet) -> Callable[[], float] | None:
    """The wait_time that the user would have now, if it is another function than the one it sleeps by."""
    user = task_set.user
    user_class: Any = _class_now(user)
    task_set_class: Any = live.class_now(type(task_set)) or type(task_set)
    if waits_alike(type(user), user_class) and waits_alike(type(task_set), task_set_class):
        return None
    if task_set_class.wait_time is TaskSet.wait_time:
        return partial(user_class.wait_time, user)
    return partial(task_set_class.wait_time, task_set)


def _run(live: Live, stock: Callable[[User], None], user: User) -> None:
    """Run a user through as many lives as edits of its start give it; one that cannot start waits for an edit."""
    life = stock
    while True:
        try:
            life(user)
        except StopUser:  # its class is gone
            return
        except Exception as error:  # noqa: BLE001 - whatever the user's own code raises
            logger.warning("A %s cannot start and waits for the next edit: %r", type(user).__name__, error)
            user._state = LOCUST_STATE_WAITING  # so that Locust can stop it
            vars(user)[BORN_AGAIN] = True
            live.committed_within(None)
        if BORN_AGAIN not in vars(user):
            return
        life = partial(_next_life, stock)


def _next_life(stock: Callable[[User], None], user: User) -> None:
    """Begin as a new user of the same class name, as the object and greenlet by which Locust knows the old one."""
    known_by = {name: vars(user)[name] for name in ("environment", "_greenlet", "_group")}
    user.__class__ = user_class = _class_now(user)
    vars(user).clear()
    vars(user).update(known_by)
    user_class.__init__(user, user.environment)
    vars(user).update(known_by)
    stock(user)


def _stop_users(stock: Callable[[Runner, dict[str, int]], None], runner: Runner, counts: dict[str, int]) -> None:
    """Locust stops users of the current class objects only: hand it as many that still have the old one as it lacks."""
    for name, count in counts.items():
        user_class = runner.user_classes_by_name[name]
        users = [greenlet.args[0] for greenlet in runner.user_greenlets if greenlet.args]
        outdated = [user for user in users if type(user).__name__ == name and type(user) is not user_class]
        current = sum(type(user) is user_class for user in users)
        for user in outdated[: max(count - current, 0)]:
            user.__class__ = user_class
    stock(runner, counts)
