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
    # An emulator each.
    "tests/contract/kinesis/test_streams.py::test_a_stream_does_what_is_stated[kinesis_local-",
    "tests/contract/kinesis/test_streams.py::test_a_stream_does_what_is_stated[kinesalite-",
    "tests/contract/kinesis/test_tables.py::test_a_table_does_what_is_stated[moto-",
    "tests/contract/kinesis/test_tables.py::test_a_table_does_what_is_stated[dynalite-",
    # Several workers at emulators take a core themselves; the operators' have one worker each.
    "tests/integration/kinesis/test_operators.py::",
    "tests/integration/kinesis/",
    # Three brokers, which are killed.
    "tests/integration/test_lost_by_kafka.py::",
    # One broker that wants a login.
    "tests/integration/secured/",
    # One broker, which is killed.
    "tests/integration/test_broker_away.py::",
)


# What takes longest goes first, or all would wait for it at the end; then what waits for others.
LONGEST: Final = (
    "tests/security/test_marked_values.py::test_what_records_hold",
    "tests/integration/test_crashes_under_load.py::",
    "tests/integration/test_replay.py::test_killed_in_the_middle",
    "tests/integration/test_commits.py::",
    "tests/security/test_commands.py::test_no_command_prints_a_secret_or_a_user_s_data[demo",
    "tests/unit/sources/kafka/test_pausing.py::",
    "tests/integration/",
    "tests/security/",
    "tests/unit/sources/",
    "tests/unit/commands/",
)


def rank_of(node_id: str) -> int:
    """Return the place of a test in the order in which they are sent out; groups go before all others."""
    ranks = (rank for rank, beginning in enumerate(LONGEST) if node_id.startswith(beginning))
    return next(ranks, len(LONGEST))


def group_of(node_id: str) -> str:
    """Return what all tests of its group have in common; of a test in no group its own id."""
    return next((group for group in GROUPS if node_id.startswith(group)), node_id)


class SideBySide(LoadScopeScheduling):
    """Sends a group to one process, and the longest groups first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
