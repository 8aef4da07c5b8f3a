"""Patches: the table of everything that live sync replaces in Locust and Python: what, by what, why, and until when.

Repairs that plain runs need as well are in plugins/locust_fixes.py.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from . import (
    classes,
    loader,
    locust_environment,
    locust_internals,
    master_connection,
    running_shapes,
    user_dispatch,
    users,
    web,
)
from .live_code import Live
from .locust_internals import Patch, Setting

Replacement = Callable[..., Any]


def check(live: Live) -> None:
    """Raise Misfit if this Locust lacks a name that live sync needs, on the master or on a worker."""
    shared = [*of_every_process(live), *of_locustfiles(live, [])]
    locust_internals.check([*shared, *of_master(live, _nothing, _nothing), *of_worker(live, _nothing, _nothing)])


def _nothing(*_: object) -> None:
    pass


def of_every_process(live: Live) -> list[Patch]:
    """What master and workers have in common."""
    modules = live.modules
    return [
        Patch(
            "locust.rpc.zmqrpc.BaseSocket.__init__",
            master_connection.with_options,
            "to find a replaced master in seconds",
        ),
        *(
            Patch(f"locust.rpc.zmqrpc.BaseSocket.{name}", master_connection.receive, "it ends at an unreadable message")
            for name in ("recv", "recv_from_client")
        ),
        Patch("importlib.machinery.SourceFileLoader.exec_module", modules.exec_module, "to run single statements"),
        Patch(
            "locust.event.EventHook.add_listener",
            modules.registrations.add_listener,
            "to remove a listener with its statement",
        ),
        Patch(
            "locust.runners.Runner.register_message",
            modules.registrations.register_message,
            "to remove it with its statement",
        ),
        Patch("flask.Flask._check_setup_finished", _nothing, "an edit may add a route after the first request"),
        Patch("flask.Flask.before_request", modules.registrations.before_request, "to remove it with its statement"),
        Patch("flask.Flask.after_request", modules.registrations.after_request, "to remove it with its statement"),
        Patch("flask.Flask.add_url_rule", modules.registrations.add_url_rule, "to remove a route with its statement"),
        Patch("locust.user.users.UserMeta.__new__", classes.remember_tasks, "Locust overrides the tasks of a class"),
        Patch("locust.user.task.TaskSetMeta.__new__", classes.remember_tasks, "the same"),
        Patch("locust.user.sequential_taskset.SequentialTaskSetMeta.__new__", classes.remember_tasks, "the same"),
        Patch(
            "locust.env.Environment.update_user_class", locust_environment.remember_settings, "an edit must not undo it"
        ),
    ]


def of_locustfiles(live: Live, paths: list[str]) -> list[Patch]:
    """What makes Locust load the files of these paths, and as live sync loads them."""
    load = partial(loader.load, live)
    return [
        Setting("locust.main.get_locustfiles_locally", lambda _: paths, "user code is loaded from a folder of its own"),
        Patch("locust.main.load_locustfile", load, "the same, and a file that fails is waited for"),
        Patch("locust.main.load_locustfile_pytest", loader.reject_pytest_files, "they have no user classes"),
    ]


def of_master(live: Live, answer: Replacement, with_changes: Replacement) -> list[Patch]:
    """What the master alone replaces."""
    spread = "docs/upstream of the template: users lost while workers come and go"
    return [
        Patch("locust.runners.MasterRunner.handle_message", answer, "a worker that starts gets the live code; an invalid message ends the loop"),
        Setting("locust.runners.MasterRunner.rebalancing_enabled", lambda _: False, "it blocks the message loop for up to 1 s", spread),
        Setting("locust.dispatch.UsersDispatcher.dispatch_in_progress", True, "the same, without --enable-rebalancing", spread),
        Patch("locust.dispatch.UsersDispatcher.add_worker", user_dispatch.add_worker, "a worker may say twice that it is ready", spread),
        Setting("locust.runners.HEARTBEAT_DEAD_INTERNAL", float("-inf"), "forgetting a worker begins the ramp-up anew", spread),
        Patch("locust.runners.Runner.shape_worker", partial(running_shapes.run, partial(live.committed_within, None)), "an error of a shape ends the test"),
        Patch("locust.web.WebUI.update_template_args", web.add_tab, "a locustfile may have tabs of its own"),
        Patch("locust.web.get_html_report", with_changes, "a row counts the requests of several revisions"),
        Patch("locust.main.get_html_report", with_changes, "the same"),
    ]  # fmt: skip


def of_worker(live: Live, start_worker: Replacement, handle: Replacement) -> list[Patch]:
    """What a worker alone replaces."""
    return [
        Patch("locust.user.users.UserMeta.__call__", partial(users.make, live), "to know what ran in `__init__`"),
        Patch("locust.user.users.User.run", partial(users.run, live), "a user starts again in its greenlet"),
        Patch("locust.user.task.TaskSet.run", partial(users.run_task_set, live), "to know what ran in `on_start`"),
        Patch("locust.user.task.TaskSet.execute_next_task", partial(users.execute_next_task, live), "the point between two tasks"),
        *(
            Patch(f"locust.user.{task_set}.get_next_task", partial(users.get_next_task, live), "without tasks there is no such point")
            for task_set in ("task.TaskSet", "task.DefaultTaskSet", "sequential_taskset.SequentialTaskSet")
        ),
        Patch("locust.user.task.TaskSet.wait", partial(users.wait, live), "an error of the wait time ends the user"),
        Patch("locust.user.task.TaskSet._sleep", partial(users.sleep, live), "an edited wait time wakes who sleeps"),
        Patch("locust.user.sequential_taskset.SequentialTaskSet.get_next_task", users.get_next_in_sequence, "an edited sequence goes on where it was"),
        Patch("locust.runners.Runner.stop_users", partial(users.stop_users, live), "it compares classes by identity"),
        Setting("locust.runners.WORKER_REPORT_INTERVAL", 1.0, "the web UI shows an edit soon"),
        Setting("locust.runners.CONNECT_RETRY_COUNT", 1_000_000, "a worker waits for its master"),
        Patch("locust.runners.WorkerRunner.start_worker", start_worker, "users start on the live code alone"),
        Patch("locust.runners.WorkerRunner.handle_message", handle, "to tell a new master which test ran; an invalid message ends the loop"),
    ]  # fmt: skip
