"""Registrations: records the listeners, messages and routes that user code adds, to remove them with their statement."""

from locust.event import EventHook
from locust.runners import Runner

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from .source import Registration, TopLevel


class Registrations:
    """Notes each registration in the effects of the statement that caused it."""

    def __init__(self, running: Callable[[], Iterator[tuple[TopLevel, bool]]]) -> None:
        """`running` yields the statements whose code runs, innermost first, and whether each is loading its module."""
        self._running = running
        self.undo: list[Callable[[], object]] | None = None
        """While an edit is being applied, what takes back its changes of messages and routes."""

    def add_listener(self, original: Callable[..., Any], hook: EventHook, handler: Any) -> Any:
        """Stands in for `EventHook.add_listener`."""
        result = original(hook, handler)
        self._note(handler, partial(_remove_item, hook._handlers, handler), hook)
        return result

    def register_message(
        self, original: Callable[..., None], runner: Runner, message: str, listener: Any, **options: Any
    ) -> None:
        """Stands in for `Runner.register_message`."""
        self._keep(runner.custom_messages)
        original(runner, message, listener, **options)
        self._note(listener, partial(self._remove_message, runner, message))

    def add_url_rule(self, original: Callable[..., None], app: Flask, *arguments: Any, **options: Any) -> None:
        """Stands in for `Flask.add_url_rule`."""
        known = set(map(id, app.url_map.iter_rules()))
        self._keep(app.view_functions)
        original(app, *arguments, **options)
        for rule in [rule for rule in app.url_map.iter_rules() if id(rule) not in known]:
            if self.undo is not None:
                self.undo.append(partial(setattr, rule, "methods", set()))
            self._note(app.view_functions.get(rule.endpoint), partial(self._remove_route, app, rule))

    def before_request(self, original: Callable[..., Any], app: Flask, function: Any) -> Any:
        """Stands in for `Flask.before_request`."""
        return self._add_function(original, app, function, app.before_request_funcs)

    def after_request(self, original: Callable[..., Any], app: Flask, function: Any) -> Any:
        """Stands in for `Flask.after_request`."""
        return self._add_function(original, app, function, app.after_request_funcs)

    def _add_function(
        self, original: Callable[..., Any], app: Flask, function: Any, functions: dict[Any, list[Any]]
    ) -> Any:
        known = functions.setdefault(None, [])
        self._keep(known)
        result = original(app, function)
        self._note(function, partial(self._remove_function, known, function))
        return result

    def _remove_message(self, runner: Runner, message: str) -> None:
        self._keep(runner.custom_messages)
        runner.custom_messages.pop(message, None)

    def _remove_route(self, app: Flask, rule: Rule) -> None:
        """Let the rule match no request any more, as Flask cannot remove one; its endpoint may get another function."""
        self._keep(vars(rule))
        self._keep(app.view_functions)
        rule.methods = set()
        if not any(known.methods for known in app.url_map.iter_rules(rule.endpoint)):
            app.view_functions.pop(rule.endpoint, None)

    def _remove_function(self, functions: list[Any], function: object) -> None:
        self._keep(functions)
        _remove_item(functions, function)

    def _keep(self, container: dict[Any, Any] | list[Any]) -> None:
        """Let `undo` restore the present content."""
        if self.undo is not None:
            fill: Callable[[Any], None] = container.update if isinstance(container, dict) else container.extend
            self.undo += [partial(fill, container.copy()), container.clear]

    def _note(self, handler: object, remove: Callable[[], object], hook: EventHook | None = None) -> None:
        """Note it in the statement whose code runs here: the innermost that loads its module, else the outermost."""
        if owners := list(self._running()):
            owner, while_loading = next((found for found in owners if found[1]), owners[-1])
            owner.effects.registered.append(Registration(handler, remove, while_loading, hook))


def _remove_item(items: list[Any], item: object) -> None:
    items[:] = [known for known in items if known is not item]
