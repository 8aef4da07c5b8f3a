"""The one exception that a command raises for what its user can solve."""


class Problem(Exception):
    """What prevents the command from working and how to solve it, in one sentence."""
