"""The order of all tests."""

import pytest

LONGEST = ["test_fresh_project.py", "test_oracle.py", "test_without_a_cluster.py", "test_swarm.py", "test_edits.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that processes which share the tests end at about the same time."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
