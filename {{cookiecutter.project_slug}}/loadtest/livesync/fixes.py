"""Two defects of Locust 2.47 that live sync would run into, repaired."""

from locust import argument_parser
from locust.dispatch import UsersDispatcher

from collections.abc import Callable, Iterator
from functools import lru_cache

from .internals import wrap

Dispatched = dict[str, dict[str, int]]


def apply() -> None:
    """Repair both."""
    wrap(UsersDispatcher, "_dispatcher", _dispatcher)
    # A worker builds the whole argument parser once per option for every spawn message: 0.2 s in which no user runs.
    argument_parser.default_args_dict = lru_cache(maxsize=1)(argument_parser.default_args_dict)


def _dispatcher(
    stock: Callable[[UsersDispatcher], Iterator[Dispatched]], self: UsersDispatcher
) -> Iterator[Dispatched]:
    """A dispatch that ends early after a rebalance leaves its flag set, and the next worker's users are lost."""
    try:
        yield from stock(self)
    finally:
        self._dispatch_in_progress = False
