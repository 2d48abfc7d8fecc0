"""Which tests go to the same process when pytest-xdist runs them side by side.

Most are sent one by one to whichever process is free. Those that share what takes long to start, or what they
break, stay together. xdist's own groups do nothing under pytest 9.2, so they are told from the tests' names.
"""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling

# How a node id of the group begins.
GROUPS: Final = (
    # All trials of a subject are made at once.
    "tests/contract/consumer/test_consumer.py::test_a_consumer_does_what_is_stated[brokers-",
    "tests/contract/consumer/test_consumer.py::test_a_consumer_does_what_is_stated[mock-",
    "tests/contract/consumer/test_consumer.py::test_a_consumer_does_what_is_stated[simulated-",
    # Three brokers, which are killed.
    "tests/integration/test_lost_by_kafka.py::",
    # One broker, which is killed.
    "tests/integration/test_broker_away.py::",
)


def group_of(node_id: str) -> str:
    """Return what all tests of its group have in common; of a test in no group its own id."""
    return next((group for group in GROUPS if node_id.startswith(group)), node_id)


class SideBySide(LoadScopeScheduling):
    """Sends a group to one process, and the longest groups first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
