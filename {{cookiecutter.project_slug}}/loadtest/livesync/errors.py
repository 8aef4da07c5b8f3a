"""Errors: the exceptions of live sync, and how errors and exits of user code become rejections."""

import contextlib
import io
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from gevent import GreenletExit


class Rejected(Exception):
    """A save that cannot go live; the message says why and what helps, in one sentence."""


class Misfit(Exception):
    """Live sync does not fit the installed Locust; the message says what is missing."""


@contextlib.contextmanager
def rejecting_exits() -> Iterator[None]:
    """Turn an exit, with the message on stderr, into a rejection, which a save can correct."""
    with contextlib.redirect_stderr(io.StringIO()) as message:
        try:
            yield
        except SystemExit as error:
            raise Rejected(message.getvalue().strip() or str(error)) from error


@contextlib.contextmanager
def rejecting_errors(folder: Path) -> Iterator[None]:
    """Turn whatever user code raises into a rejection, as nothing of it may end live sync."""
    try:
        yield
    except (GreenletExit, KeyboardInterrupt, Rejected):
        raise
    except BaseException as error:
        raise Rejected(_explain(error, folder)) from error


def why_not(action: Callable[[], object], folder: Path) -> str | None:
    """Run `action`, which may contain user code; return None, or the reason if it raised."""
    try:
        with rejecting_errors(folder):
            action()
    except Rejected as rejection:
        return str(rejection)
    except KeyboardInterrupt as interrupt:  # of user code, as Ctrl-C interrupts the main greenlet
        return _explain(interrupt, folder)
    return None


def _explain(error: BaseException, folder: Path) -> str:
    """One sentence: where in the user's files it happened, what kind of error, and what it says."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    what = str(error)
    if isinstance(error, SyntaxError):
        places.append((error.filename or "", error.lineno))
        what = error.msg
    own = [(Path(name).relative_to(folder), line) for name, line in places if name.startswith(f"{folder}/")]
    where = f"{own[-1][0]}:{own[-1][1]}: " if own else ""
    reason = f"{where}{type(error).__name__}: {what}".removesuffix(": ")
    return "; ".join([reason, *getattr(error, "__notes__", ())])
