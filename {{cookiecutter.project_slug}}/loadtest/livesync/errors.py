"""The one error that live sync raises about a save."""


class Rejected(Exception):
    """A save that cannot go live; the message says why and what helps, in one sentence."""
