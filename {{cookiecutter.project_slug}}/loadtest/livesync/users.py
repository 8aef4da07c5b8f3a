"""Users: each running user takes the new code between two of its tasks, and restarts in place if its start changed."""

from locust import MarkovTaskSet, SequentialTaskSet, TaskSet, User
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from locust.runners import Runner
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_WAITING, DefaultTaskSet

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from difflib import SequenceMatcher
from functools import partial
from types import MethodType
from typing import Any

from .live_code import Live, changed_since

logger = logging.getLogger(__name__)

SHORT_WAIT = 0.2
"""Seconds; a shorter sleep is not interrupted."""

# What live sync notes on the users and task sets themselves.
COMMIT = "livesync_commit"
"""Number of the last commit that a user has taken up."""
STARTED_BY = "livesync_started_by"
"""The user's functions that ran in `__init__` and `on_start`."""
IN_START, HAS_STARTED = "livesync_in_start", "livesync_has_started"
RESTART, LEAVE, WAS_TASK, SEQUENCE = "livesync_restart", "livesync_leave", "livesync_was_task", "livesync_sequence"
WAIT_FAILED = "livesync_wait_failed"
"""Whether the last wait of a task set raised an exception."""


def release_removed(runner: Runner, live: Live) -> None:
    """Stop counting users whose class was removed; each ends at its next task."""
    for greenlet in list(runner.user_greenlets):
        if greenlet.args and live.class_now(type(greenlet.args[0])) not in runner.user_classes:
            runner.user_greenlets.discard(greenlet)


def make(live: Live, _original: object, user_class: type, *arguments: Any, **options: Any) -> Any:
    """Stands in for the call of a user class."""
    seen = live.commits
    called = live.modules.calls.begin()
    live.under_way.begin()
    try:
        user = type.__call__(user_class, *arguments, **options)
    finally:
        live.under_way.end()
        live.modules.calls.end()
    vars(user)[STARTED_BY] = called
    vars(user)[COMMIT] = seen
    return user


def run(live: Live, original: Callable[[User], None], user: User) -> None:
    """Stands in for `User.run`: run a user, again after each edit of its start; one that cannot start waits for an edit."""
    start = original
    while True:
        try:
            _run_once(live, start, user)
        except StopUser:  # its class is gone
            return
        except Exception as error:
            if RESTART in vars(user):
                logger.exception("on_stop of %s failed", type(user).__name__)
            elif HAS_STARTED in vars(user):
                raise
            else:
                logger.warning("%s failed to start; it is paused until the next edit: %r", type(user).__name__, error)
                user._state = LOCUST_STATE_WAITING  # so that Locust can stop it
                vars(user)[RESTART] = True
                live.committed_within(None)
        if RESTART not in vars(user):
            return
        start = partial(_restart_in_place, live, original)


def _run_once(live: Live, start: Callable[[User], None], user: User) -> None:
    if RESTART in vars(user):
        vars(user)[COMMIT] = live.commits
    vars(user)[IN_START] = live.modules.calls.begin()
    live.under_way.begin()
    try:
        start(user)
    finally:
        live.modules.calls.end()
        live.under_way.end()


def _restart_in_place(live: Live, original: Callable[[User], None], user: User) -> None:
    """Restart the user as the same object in the same greenlet, by which Locust knows it."""
    known_by = {name: vars(user)[name] for name in ("environment", "_greenlet", "_group", IN_START, COMMIT)}
    user.__class__ = user_class = _class_now(live, user)
    vars(user).clear()
    vars(user).update(known_by)
    user_class.__init__(user, user.environment)
    vars(user).update(known_by)
    original(user)


def execute_next_task(live: Live, original: Callable[[TaskSet], None], task_set: TaskSet) -> None:
    """Stands in for `TaskSet.execute_next_task`."""
    _stand_between_tasks(live, task_set)
    live.under_way.begin()
    try:
        original(task_set)
    finally:
        live.under_way.end()


def get_next_task(live: Live, original: Callable[[TaskSet], Any], task_set: TaskSet) -> Any:
    """Stands in for `TaskSet.get_next_task`, which raises where there are no tasks, again after each wait."""
    with suppress(Exception):
        return original(task_set)
    _stand_between_tasks(live, task_set)
    return original(task_set)


def _stand_between_tasks(live: Live, task_set: TaskSet) -> None:
    """The point at which a user takes new code. Ends the user or its task set if that was removed."""
    live.modules.calls.end()
    live.under_way.end()
    live.is_settled.wait()
    noted = vars(task_set.user)
    if IN_START in noted:
        noted[STARTED_BY] = noted.get(STARTED_BY, set()) | noted.pop(IN_START)
        noted[HAS_STARTED] = True
    if noted[COMMIT] != live.commits:
        _take_new_code(live, task_set)
    if LEAVE in vars(task_set):
        task_set.interrupt()


def run_task_set(live: Live, original: Callable[[TaskSet], None], task_set: TaskSet) -> None:
    """Stands in for `TaskSet.run`."""
    if isinstance(task_set, DefaultTaskSet):
        original(task_set)
        return
    vars(task_set)[WAS_TASK] = type(task_set) in task_set.parent.tasks
    vars(task_set)[STARTED_BY] = live.modules.calls.begin()
    try:
        original(task_set)
    finally:
        live.modules.calls.end()


def _take_new_code(live: Live, task_set: Any) -> None:
    user = task_set.user
    seen = vars(user)[COMMIT]
    vars(user)[COMMIT] = live.commits
    user_class = _class_now(live, user)
    nest = _nest(task_set)
    started_by = [*vars(user).get(STARTED_BY, ()), *(d for inner in nest for d in vars(inner)[STARTED_BY])]
    if any(definition.changed_at > seen for definition in started_by) or live.starts_since(user_class, seen):
        vars(user)[RESTART] = True
        raise StopUser
    user.__class__ = user_class
    leave = False
    for inner in nest:
        task_set_class: Any = live.class_now(type(inner))
        leave = leave or (vars(inner)[WAS_TASK] and task_set_class not in inner.parent.tasks)
        if leave:
            vars(inner)[LEAVE] = True
        elif task_set_class is not type(inner):
            inner.__class__ = task_set_class
            if issubclass(task_set_class, MarkovTaskSet):
                name = vars(inner).get("current", task_set_class.current).__name__
                inner.current = getattr(inner, name, task_set_class.current)
    if not leave:
        _renew_queue(task_set)


def _renew_queue(task_set: Any) -> None:
    """Replace a task that was chosen but has not started, if the edit removed or replaced it."""
    if not task_set._task_queue:
        return
    picked: Any = task_set._task_queue[0]
    tasks: list[Any] = task_set.user.tasks if isinstance(task_set, DefaultTaskSet) else task_set.tasks
    if picked in tasks or "locust_task_weight" not in dir(picked):
        return
    task_set._task_queue.popleft()
    is_sequence = issubclass(type(task_set), SequentialTaskSet)
    if is_sequence and SEQUENCE in vars(task_set):  # else an edit has just made it a sequence
        known, last = vars(task_set)[SEQUENCE]
        vars(task_set)[SEQUENCE] = known, last - 1
    name: str = picked.__name__
    same_name = [task for task in tasks if task.__name__ == name]
    task_set.schedule_task(same_name[0] if same_name and not is_sequence else task_set.get_next_task(), first=True)


def _class_now(live: Live, user: User) -> type[User]:
    """The present class of this user; a user whose class was removed ends."""
    user_class: Any = live.class_now(type(user))
    if user_class not in user.environment.user_classes:
        raise StopUser
    return user_class  # type: ignore[no-any-return]


def _nest(task_set: Any) -> list[Any]:
    """The task sets that a user is in, outermost first, without Locust's own root."""
    nest: list[Any] = []
    while isinstance(task_set, TaskSet) and not isinstance(task_set, DefaultTaskSet):
        nest.insert(0, task_set)
        task_set = task_set.parent
    return nest


def get_next_in_sequence(original: Callable[[Any], Any], task_set: Any) -> Any:
    """Stands in for `SequentialTaskSet.get_next_task`: an edited sequence goes on after the task that ran last."""
    tasks = tuple(task_set.tasks)
    if not tasks:
        return original(task_set)
    known, last = vars(task_set).get(SEQUENCE, (tasks, -1))
    if known != tasks:
        last = _position_after_edit(known, last, tasks)
    position = (last + 1) % len(tasks)
    vars(task_set)[SEQUENCE] = tasks, position
    return tasks[position]


def _position_after_edit(old: tuple[Any, ...], last: int, new: tuple[Any, ...]) -> int:
    """Position in the new sequence of the task that ran last, or of the nearest earlier one that is left."""
    old_names, new_names = ([task.__name__ for task in tasks] for tasks in (old, new))
    blocks = SequenceMatcher(None, old_names, new_names, autojunk=False).get_matching_blocks()
    left = [(i + n, j + n) for i, j, size in blocks for n in range(size) if i + n <= last]
    return left[-1][1] if left else -1


def wait(live: Live, original: Callable[[TaskSet], None], task_set: TaskSet) -> None:
    """Stands in for `TaskSet.wait`: a user whose wait time fails, also when Locust asks again, waits for the next edit.

    In Locust the second exception ends the user, and no edit could bring it back.
    """
    try:
        original(task_set)
    except (StopUser, StopTest, InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately):
        raise
    except Exception as error:
        if not vars(task_set).get(WAIT_FAILED):
            vars(task_set)[WAIT_FAILED] = True
            raise  # Locust reports it, and waits again
        logger.warning(
            "wait_time of %s failed; the user is paused until the next edit: %r", type(task_set.user).__name__, error
        )
        live.committed_within(None)
        # Before its next task it takes the new code, and with that its wait time.
        task_set.user._state = LOCUST_STATE_RUNNING
    else:
        vars(task_set)[WAIT_FAILED] = False


def sleep(live: Live, original: Callable[[TaskSet, float], None], task_set: TaskSet, seconds: float) -> None:
    """Stands in for `TaskSet._sleep`: an edit of the wait time reaches the users that sleep."""
    if seconds < SHORT_WAIT:
        original(task_set, seconds)
        return
    start, seen = time.monotonic(), live.commits
    until = start + seconds
    _, wait = _wait_time(live, task_set)
    while live.committed_within(until - time.monotonic()):
        holder, now = _wait_time(live, task_set)
        definition = live.definition_of(_function(now))
        if _function(now) is not _function(wait) or (definition and changed_since(live, definition, seen)):
            wait, seen = now, live.commits
            until = min(until, start + _wait_time_at_start(now, holder, time.monotonic() - start))


def _wait_time_at_start(wait_time: Callable[[], float], holder: Any, slept: float) -> float:
    """What an edited wait time would have been when the sleep began.

    Those of `constant_pacing` and `constant_throughput` count from the last wait, as if it had been slept to its end.
    """
    holder._cp_last_wait_time = slept
    seconds = wait_time()
    holder._cp_last_run -= slept
    return seconds


def _wait_time(live: Live, task_set: TaskSet) -> tuple[Any, Any]:
    """The task set, or else its user, and the `wait_time` that it has by its present class."""
    holders: list[Any] = [task_set, task_set.user]
    for holder in holders:
        cls = live.class_now(type(holder))
        if own := vars(holder).get("wait_time"):
            return holder, own
        # This runs before every wait, and `inspect.getattr_static` would take three times as long.
        found = next((vars(base)["wait_time"] for base in cls.__mro__ if "wait_time" in vars(base)), None)
        if found is not None and found is not TaskSet.wait_time:
            return holder, found.__get__(holder, cls) if hasattr(type(found), "__get__") else found
    return task_set, MethodType(TaskSet.wait_time, task_set)


def _function(method: Any) -> Any:
    """What is called by a bound method, else by itself."""
    return getattr(method, "__func__", method)


def stop_users(
    live: Live, original: Callable[[Runner, dict[str, int]], None], runner: Runner, counts: dict[str, int]
) -> None:
    """Stands in for `Runner.stop_users`, which stops users of the current class objects only.

    As many users as it lacks get the new class first.
    """
    for name, count in counts.items():
        user_class = runner.user_classes_by_name[name]
        users = [greenlet.args[0] for greenlet in runner.user_greenlets if greenlet.args]
        outdated = [u for u in users if type(u) is not user_class and live.class_now(type(u)) is user_class]
        current = sum(type(user) is user_class for user in users)
        for user in outdated[: max(count - current, 0)]:
            user.__class__ = user_class
    original(runner, counts)
