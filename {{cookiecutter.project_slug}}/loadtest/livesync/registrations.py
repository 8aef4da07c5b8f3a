"""Registrations: records the listeners, messages and routes that user code adds, to remove them with their statement."""

from locust.event import EventHook
from locust.runners import Runner

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Flask

from .source import Registration, TopLevel


class Registrations:
    """Notes each registration in the effects of the statement that caused it."""

    def __init__(self, running: Callable[[], Iterator[tuple[TopLevel, bool]]]) -> None:
        """`running` yields the statements whose code runs, innermost first, and whether each is loading its module."""
        self._running = running
        self._removed_endpoints: set[str] = set()

    def add_listener(self, original: Callable[..., Any], hook: EventHook, handler: Any) -> Any:
        """Stands in for `EventHook.add_listener`."""
        result = original(hook, handler)
        self._note(handler, partial(_remove_item, hook._handlers, handler), hook)
        return result

    def register_message(
        self, original: Callable[..., None], runner: Runner, message: str, listener: Any, **options: Any
    ) -> None:
        """Stands in for `Runner.register_message`."""
        original(runner, message, listener, **options)
        self._note(listener, lambda: runner.custom_messages.pop(message, None))

    def add_url_rule(
        self,
        original: Callable[..., None],
        app: Flask,
        rule: str,
        endpoint: str | None = None,
        view_func: Any = None,
        *arguments: Any,
        **options: Any,
    ) -> None:
        """Stands in for `Flask.add_url_rule`; a route that was removed and is added again gets its new function."""
        name = endpoint or getattr(view_func, "__name__", "")
        if name in self._removed_endpoints:
            self._removed_endpoints.discard(name)
            app.view_functions[name] = view_func
        else:
            original(app, rule, endpoint, view_func, *arguments, **options)
        self._note(view_func, partial(self._remove_route, app, str(name)))

    def before_request(self, original: Callable[..., Any], app: Flask, function: Any) -> Any:
        """Stands in for `Flask.before_request`."""
        result = original(app, function)
        self._note(function, partial(_remove_item, app.before_request_funcs[None], function))
        return result

    def after_request(self, original: Callable[..., Any], app: Flask, function: Any) -> Any:
        """Stands in for `Flask.after_request`."""
        result = original(app, function)
        self._note(function, partial(_remove_item, app.after_request_funcs[None], function))
        return result

    def _remove_route(self, app: Flask, endpoint: str) -> None:
        self._removed_endpoints.add(endpoint)
        app.view_functions[endpoint] = _not_found

    def _note(self, handler: object, remove: Callable[[], object], hook: EventHook | None = None) -> None:
        """Note it in the statement whose code runs here: the innermost that loads its module, else the outermost."""
        if owners := list(self._running()):
            owner, while_loading = next((found for found in owners if found[1]), owners[-1])
            owner.effects.registered.append(Registration(handler, remove, while_loading, hook))


def _remove_item(items: list[Any], item: object) -> None:
    items[:] = [known for known in items if known is not item]


def _not_found(**_: object) -> tuple[str, int]:
    return "Not found", 404
