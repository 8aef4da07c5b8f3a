"""Records which functions of the user's files a greenlet calls while it loads a module or starts a user."""

from locust.event import EventHook

import sys
from types import FrameType

import gevent
import greenlet

from .code_objects import frames
from .source import Definition

FIRE = EventHook.fire.__code__


class Calls:
    """Records calls of single greenlets; the others are not slowed down."""

    def __init__(self, definitions: dict[int, Definition]) -> None:
        """`definitions` are those to look for, by the id of their code object."""
        self._definitions = definitions
        self._recorded: dict[greenlet.greenlet, list[set[Definition]]] = {}

    def begin(self) -> set[Definition]:
        """Record what the current greenlet calls from now on; within another recording instead of that one."""
        called: set[Definition] = set()
        self._recorded.setdefault(gevent.getcurrent(), []).append(called)
        greenlet.settrace(self._on_switch)
        sys.setprofile(self._on_call)
        return called

    def end(self) -> None:
        """End the recording that the current greenlet began last, if any."""
        current = gevent.getcurrent()
        if current not in self._recorded:
            return
        self._recorded[current].pop()
        if not self._recorded[current]:
            del self._recorded[current]
            sys.setprofile(None)
        if not self._recorded:
            greenlet.settrace(None)

    def _on_switch(self, _event: str, greenlets: tuple[greenlet.greenlet, greenlet.greenlet]) -> None:
        # Profiling is a matter of the thread: without this it would slow down every greenlet.
        sys.setprofile(self._on_call if greenlets[1] in self._recorded else None)

    def _on_call(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and (definition := self._definitions.get(id(frame.f_code))) and not _is_listening(frame):
            self._recorded[gevent.getcurrent()][-1].add(definition)


def _is_listening(frame: FrameType) -> bool:
    """Whether it runs in a listener: what fires an event, such as a request in `on_start`, does not depend on its listeners."""
    for outer in frames(frame.f_back):
        if outer.f_code is FIRE:
            return True
        if outer.f_globals.get("__package__") == __package__:  # where live sync began to record
            return False
    return False
