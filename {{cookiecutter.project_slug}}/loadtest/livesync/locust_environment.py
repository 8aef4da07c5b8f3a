"""Updates Locust's environment after an edit: user classes, tasks, shapes, arguments and listeners."""

from locust import FastHttpUser, HttpUser, LoadTestShape, User, events
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING
from locust.util.load_locustfile import is_shape_class, is_user_class

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from . import running_shapes
from .classes import holders_of_tasks, tasks_of
from .errors import Rejected, rejecting_exits
from .modules import Module, Modules, Undo
from .source import Definition
from .transaction import Outcome

READ_LATER = {"weight", "fixed_count", "tasks", "abstract", "wait_time", "on_stop", "context"}
"""Attributes of user classes that a user does not read when it starts."""

USER_SETTINGS = "livesync_user_settings"
"""Attribute of the environment for the settings of `--config-users` and the web UI, by user class name."""

TEST_START = "livesync_test_start"
"""Attribute of the environment for the known `test_start` listeners."""

PARSED = "livesync_parsed"
"""Attribute of the environment for the `init_command_line_parser` listeners whose arguments are parsed."""

EDIT_CHECKS = "edit_checks"
"""Attribute of the environment, which plugins fill: functions by name that return why an edit is rejected, or None."""

SPAWNABLE = "livesync_spawnable"
"""Attribute of the environment for the names of the classes that could have users before an edit."""

INITIALISED = "livesync_initialised"
"""Attribute of the environment for the `init` listeners that have run."""


def update(environment: Environment, modules: Modules, locustfiles: list[Module], outcome: Outcome, undo: Undo) -> None:
    """Make Locust's environment fit the modules. Raises Rejected if Locust could not run them."""
    user_classes = _user_classes(locustfiles, outcome)
    _note_successors(environment, user_classes, outcome)
    _retask(outcome, undo, everything=_has_tags(environment))
    _check(environment, user_classes)
    _keep(environment, undo)
    _replace_user_classes(environment, user_classes)
    _override(environment)
    _run_edit_checks(environment)
    running_shapes.replace(environment, _shapes(environment, modules, locustfiles, outcome))
    _add_arguments(environment, outcome)
    _initialise(environment, modules, outcome)


def called_by_update(environment: Environment, definition_of: Callable[[object], Definition | None]) -> set[Definition]:
    """The user's functions that `update` calls again if they changed: constructors of shapes, and listeners that add arguments."""
    shapes = (environment.available_shape_classes or {}).values()
    listeners = map(definition_of, events.init_command_line_parser._handlers)
    return {d for shape in shapes for d in running_shapes.started_by(shape)} | {d for d in listeners if d}


def restarting_classes(outcome: Outcome) -> set[type]:
    """The classes whose users have to restart, because the code or settings of their start changed."""
    names = {name for name in (*dir(HttpUser), *dir(FastHttpUser)) if not name.startswith("__")}
    settings = names - READ_LATER | {"__init__", "on_start"}
    return {cls for cls, names in outcome.attributes.items() if names & settings} | {
        new for old, new in outcome.replaced.items() if issubclass(new, User) and not _starts_alike(old, new, settings)
    }


def _starts_alike(old: type, new: type, settings: set[str]) -> bool:
    return _library(old) == _library(new) and all(
        _alike(getattr(old, n, None), getattr(new, n, None)) for n in settings
    )


def _library(cls: type) -> list[type]:
    return [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "locust"]


def _alike(old: Any, new: Any) -> bool:
    code = getattr(old, "__code__", None)
    return code == getattr(new, "__code__", None) if code else type(old) is type(new) and bool(old == new)


def _user_classes(locustfiles: Iterable[Module], outcome: Outcome) -> dict[str, type[User]]:
    found: dict[str, type[User]] = {}
    for name, value in _names(locustfiles, outcome):
        if is_user_class(value):
            found.setdefault(name, value)
    return found


def _note_successors(environment: Environment, user_classes: dict[str, type[User]], outcome: Outcome) -> None:
    """Hand the users of a class that is gone to the one that has its name now, whatever statement made that.

    It may have been moved to another file, or be made by a function or inside of an `if`.
    """
    known: dict[str, Any] = environment.available_user_classes or {}
    for name, before in known.items():
        if name in user_classes and before not in user_classes.values():
            outcome.replaced.setdefault(before, user_classes[name])


def _names(locustfiles: Iterable[Module], outcome: Outcome) -> Iterator[tuple[str, Any]]:
    for locustfile in locustfiles:
        for name, value in locustfile.namespace.items():
            if (locustfile.path, name) not in outcome.removed:
                yield name, value


def _check(environment: Environment, user_classes: dict[str, type[User]]) -> None:
    """Reject what Locust would not start with, and a class that lost its tasks."""
    if not user_classes:
        raise Rejected("there is no user class left: define at least one, such as a FastHttpUser with a task")
    known: dict[str, Any] = environment.available_user_classes or {}
    known_tasks = environment.available_user_tasks or {}
    for name, user_class in user_classes.items():
        is_base = any(other is not user_class and issubclass(other, user_class) for other in user_classes.values())
        if not user_class.tasks and not is_base and (name not in known or known_tasks.get(name)):
            raise Rejected(f"{name} has no tasks: mark a method with @task, or the class as abstract = True")
        if user_class.wait_time is not None and not callable(user_class.wait_time):
            raise Rejected(f"{name}.wait_time is not a function: use constant(1), between(1, 2) or a method")
    if not any(_can_spawn(user_class) for user_class in user_classes.values()):
        raise Rejected("no user class has a weight or a fixed_count above 0: set one of them")
    names = [user_class.__name__ for user_class in user_classes.values() if _can_spawn(user_class)]
    if len(set(names)) < len(names):
        raise Rejected(f"two user classes have the same name ({', '.join(sorted(names))}): rename one")


def _keep(environment: Environment, undo: Undo) -> None:
    names = ["available_user_classes", "available_user_tasks", "available_shape_classes", "shape_class", SPAWNABLE]
    names += [INITIALISED, PARSED, TEST_START, running_shapes.KNOWN]
    before = {name: vars(environment).get(name) for name in names}
    classes = environment.user_classes[:]
    undo.append(lambda: (vars(environment).update(before), environment.user_classes.__setitem__(slice(None), classes)))


def _replace_user_classes(environment: Environment, available: dict[str, type[User]]) -> None:
    chosen = _chosen(environment, _spawnable(available))
    vars(environment).update(available_user_classes=available)  # Locust's annotation says instances
    vars(environment)[SPAWNABLE] = _spawnable(available)
    environment.available_user_tasks = {name: list(user_class.tasks) for name, user_class in available.items()}
    environment.user_classes[:] = [user_class for name, user_class in available.items() if name in chosen]


def _spawnable(user_classes: dict[str, type[User]]) -> set[str]:
    return {name for name, user_class in user_classes.items() if _can_spawn(user_class)}


def _chosen(environment: Environment, spawnable: set[str]) -> set[str]:
    """Names of the classes that have users: all, or those that the command line or the class picker has chosen.

    A class that the edit adds takes the place of a chosen one that it removes, so that a class can be renamed.
    """
    options: Any = environment.parsed_options
    known: dict[str, Any] = environment.available_user_classes or {}
    chosen = {name for name, user_class in known.items() if user_class in environment.user_classes}
    is_picked_at_start = options and options.class_picker and not _is_running(environment)
    if chosen == vars(environment)[SPAWNABLE] or is_picked_at_start:
        return spawnable
    left = chosen & spawnable
    if left != chosen:
        left |= spawnable - vars(environment)[SPAWNABLE]
    if not left:
        raise Rejected(f"the edit removes all selected user classes ({', '.join(sorted(chosen))}): keep at least one")
    return left


def _override(environment: Environment) -> None:
    """Apply the overrides of the command line and the web UI again; they have precedence over an edit."""
    options: Any = environment.parsed_options
    for user_class in environment.user_classes:
        if environment.host:
            user_class.host = environment.host
    for settings in vars(environment).get(USER_SETTINGS, {}).values():
        if settings["user_class_name"] in (environment.available_user_classes or {}):
            _apply_settings(environment, settings)
    environment._tasks_filtered = False
    if _has_tags(environment):
        environment._filter_tasks_by_tags()
    if options and options.equal_weights:
        environment.assign_equal_weights()


def _run_edit_checks(environment: Environment) -> None:
    for check in vars(environment).get(EDIT_CHECKS, {}).values():
        if reason := check():
            raise Rejected(reason)


def _apply_settings(environment: Environment, settings: dict[str, Any]) -> None:
    runner, environment.runner = environment.runner, None  # so that the master does not send them once more
    try:
        Environment.update_user_class(environment, settings)
    finally:
        environment.runner = runner


def remember_settings(original: Any, environment: Environment, settings: dict[str, Any]) -> None:
    """Stands in for `Environment.update_user_class`."""
    known = vars(environment).setdefault(USER_SETTINGS, {})
    known.setdefault(settings.get("user_class_name"), {}).update(settings)
    original(environment, settings)


def _retask(outcome: Outcome, undo: Undo, everything: bool) -> None:
    """Update Locust's list of tasks of classes that stayed and whose tasks were edited."""
    holders = holders_of_tasks()
    for cls in holders:
        if cls in outcome.tasks and cls.tasks != outcome.tasks[cls]:
            continue  # a statement after the class has changed the list
        # Locust takes task sets without tasks out of those around them, which are not marked as edited.
        if everything or not cls.tasks or not outcome.retasked.isdisjoint(cls.__mro__):
            undo.append(partial(type.__setattr__, cls, "tasks", cls.tasks))
            cls.tasks = tasks_of(cls)
    # A replaced nested class is still in the lists of tasks of those around it.
    for cls in holders:
        if not outcome.replaced.keys().isdisjoint(cls.tasks):
            undo.append(partial(type.__setattr__, cls, "tasks", cls.tasks))
            cls.tasks = [outcome.replaced.get(task, task) for task in cls.tasks]


def _has_tags(environment: Environment) -> bool:
    options: Any = environment.parsed_options
    return bool(environment.tags or environment.exclude_tags or (options and (options.tags or options.exclude_tags)))


def _shapes(
    environment: Environment, modules: Modules, locustfiles: Iterable[Module], outcome: Outcome
) -> dict[str, LoadTestShape]:
    """The available shapes; known ones keep their state, unless the code or the globals of their constructor changed."""

    def has_changed(definition: Definition) -> bool:
        return definition in outcome.changed or not modules.names_read(definition).isdisjoint(outcome.rebound)

    known = {type(instance): instance for instance in (environment.available_shape_classes or {}).values()}
    shapes = {}
    for _, value in _names(locustfiles, outcome):
        if is_shape_class(value) and value.__name__ not in shapes:
            before = known.get(value)
            if before is None or any(map(has_changed, running_shapes.started_by(before))):
                before = running_shapes.make(modules.calls, value)
            shapes[value.__name__] = before
    return shapes


def _add_arguments(environment: Environment, outcome: Outcome) -> None:
    """Give a custom argument that the edit added its default value."""
    listeners = events.init_command_line_parser._handlers
    if vars(environment).get(PARSED) == listeners and not outcome.changed:
        return
    vars(environment)[PARSED] = listeners[:]
    if not environment.parsed_options or not listeners:
        return
    try:
        with rejecting_exits():
            options = vars(get_parser().parse_args())
    except Rejected as reason:
        raise Rejected(
            f"Locust's command line is invalid with the edited arguments ({reason}): give new arguments a default, and "
            "keep those that the command line has"
        ) from reason
    for name, value in options.items():
        if not hasattr(environment.parsed_options, name):
            setattr(environment.parsed_options, name, value)


def note_initialised(environment: Environment) -> None:
    """Remember that Locust runs the `init` listeners that there are now."""
    vars(environment)[INITIALISED] = list(events.init._handlers)
    vars(environment)[PARSED] = list(events.init_command_line_parser._handlers)
    vars(environment)[SPAWNABLE] = _spawnable(vars(environment)["available_user_classes"] or {})
    note_test_start(environment)
    vars(environment)[running_shapes.KNOWN] = set(environment.available_shape_classes or {})


def _initialise(environment: Environment, modules: Modules, outcome: Outcome) -> None:
    """Run the `init` listeners that are new; the others have done their work."""
    ran = vars(environment).setdefault(INITIALISED, []) + outcome.initialised
    _note_edited_init(ran, modules, outcome)
    new = [listener for listener in events.init._handlers if not any(listener is known for known in ran)]
    vars(environment)[INITIALISED] = ran + new
    for listener in new:
        listener(environment=environment, runner=environment.runner, web_ui=environment.web_ui)
    _note_next_start(environment, outcome)


def _note_edited_init(ran: list[Any], modules: Modules, outcome: Outcome) -> None:
    """Add a note if the edited code of an `init` listener does not run any more."""
    edited = {(home.module.__name__, d.code.co_qualname) for d in outcome.changed if (home := modules.home(d))}
    still = [listener for listener in ran if any(listener is known for known in events.init._handlers)]
    if any((getattr(known, "__module__", ""), getattr(known, "__qualname__", "")) in edited for known in still):
        outcome.notes.append("the init listener has run: its new code runs when Locust restarts")


def note_test_start(environment: Environment, **_: object) -> None:
    """Remember the `test_start` listeners that a test starts with."""
    vars(environment)[TEST_START] = list(events.test_start._handlers)


def _note_next_start(environment: Environment, outcome: Outcome) -> None:
    """Add a note if a new `test_start` listener does not apply to the running test."""
    before, now = vars(environment).get(TEST_START, []), list(events.test_start._handlers)
    vars(environment)[TEST_START] = now
    if _is_running(environment) and any(not any(listener is known for known in before) for listener in now):
        outcome.notes.append("the new test_start listener runs from the next start of a test")


def _is_running(environment: Environment) -> bool:
    return environment.runner is not None and environment.runner.state in (STATE_RUNNING, STATE_SPAWNING)


def _can_spawn(user_class: type[User]) -> bool:
    return user_class.weight > 0 or user_class.fixed_count > 0
