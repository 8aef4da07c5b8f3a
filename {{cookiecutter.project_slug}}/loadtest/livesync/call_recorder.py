"""Records which functions of the user's files a greenlet calls while it loads a module or starts a user."""

from locust.event import EventHook

import sys
from types import FrameType

import gevent
import greenlet

from .code_objects import frames, is_function
from .source import Definition

FIRE = EventHook.fire.__code__


class Called(set[Definition]):
    """What was called while something was recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.by_line: dict[int, set[Definition]] = {}
        """What class bodies called, by the line there."""


class Calls:
    """Records calls of single greenlets; the others are not slowed down."""

    def __init__(self, definitions: dict[int, Definition]) -> None:
        """`definitions` are those to look for, by the id of their code object."""
        self._definitions = definitions
        self._recorded: dict[greenlet.greenlet, list[Called]] = {}

    def begin(self) -> Called:
        """Record what the current greenlet calls from now on; within another recording instead of that one."""
        called = Called()
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
        if event != "call" or not (definition := self._definitions.get(id(frame.f_code))):
            return
        if frame.f_back and frame.f_back.f_code is frame.f_code:
            return  # endless recursion would walk a thousand frames for each of its calls
        if (line := _line_of_class(frame)) is not None:
            called = self._recorded[gevent.getcurrent()][-1]
            called.add(definition)
            if line:
                called.by_line.setdefault(line, set()).add(definition)


def _line_of_class(frame: FrameType) -> int | None:
    """The line of the class body that called this, else 0; None in a listener.

    What fires an event, such as a request in `on_start`, does not depend on its listeners.
    """
    line = 0
    for outer in frames(frame.f_back):
        if outer.f_code is FIRE:
            return None
        if outer.f_globals.get("__package__") == __package__:  # where live sync began to record
            break
        if not line and not is_function(outer.f_code) and outer.f_code.co_name != "<module>":
            line = outer.f_lineno
    return line
