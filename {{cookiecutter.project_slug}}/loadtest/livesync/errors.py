"""The errors that live sync raises, and what Locust says before it exits as one of them."""

import contextlib
import io
from collections.abc import Iterator


class Rejected(Exception):
    """A save that cannot go live; the message says why and what helps, in one sentence."""


class Misfit(Exception):
    """Live sync does not fit the installed Locust; the message says what is missing."""


@contextlib.contextmanager
def rejecting_exits() -> Iterator[None]:
    """Turn an exit within, with what is said on stderr before it, into a rejection: a save can mend it."""
    with contextlib.redirect_stderr(io.StringIO()) as message:
        try:
            yield
        except SystemExit as error:
            raise Rejected(message.getvalue().strip() or str(error)) from error
