"""Dispatch: after an edit of the user classes or their weights the master rebalances the same number of users."""

from locust.env import Environment
from locust.runners import MasterRunner

from operator import attrgetter


def class_weights(environment: Environment) -> list[tuple[str, float, int]]:
    """What decides how many users of which class there are."""
    return sorted((cls.__name__, cls.weight, cls.fixed_count) for cls in environment.user_classes)


def rebalance(runner: MasterRunner) -> None:
    """Do what Locust does when a worker joins: all users at once, at the same total, by the new weights."""
    dispatcher = runner._users_dispatcher
    if dispatcher:
        classes = sorted(runner.user_classes, key=attrgetter("__name__"))
        dispatcher._user_classes = dispatcher._original_user_classes = classes
        dispatcher._prepare_rebalance()
