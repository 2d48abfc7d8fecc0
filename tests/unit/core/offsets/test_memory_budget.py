"""What is held in memory has a bound."""

from __future__ import annotations

import pytest

from tests.support.builders import interaction
from worker.core.batching.session_queues import SessionQueues
from worker.core.model.records import SESSION_BYTES, text_bytes
from worker.core.offsets.memory_budget import MemoryBudget


def backlog_of(
    records: int, *, max_records: int = 1000, max_bytes: int = 1_000_000, each: int = 10
) -> MemoryBudget:
    memory = MemoryBudget(max_records, max_bytes)
    for _ in range(records):
        memory.add(each)
    return memory


def test_there_is_room_for_as_many_as_are_missing_to_the_bound() -> None:
    assert backlog_of(400).room() == 600


def test_there_is_no_room_once_the_bytes_are_at_their_bound() -> None:
    memory = backlog_of(2, max_bytes=100, each=50)
    assert memory.room() == 0
    assert memory.is_full()


def test_a_bound_below_the_least_room_still_lets_records_in() -> None:
    assert not backlog_of(9, max_records=10).is_full()
    assert backlog_of(10, max_records=10).is_full()


@pytest.mark.parametrize("max_records", [10, 11, 100, 999, 1000, 100_000])
def test_what_has_eased_is_not_full(max_records: int) -> None:
    for records in range(0, max_records + 1, max(1, max_records // 200)):
        memory = backlog_of(records, max_records=max_records)
        assert not (memory.is_full() and memory.has_eased())


def test_it_has_eased_well_below_the_bound() -> None:
    assert not backlog_of(900).has_eased()
    assert backlog_of(800).has_eased()


def test_sessions_take_memory_too() -> None:
    sessions = SessionQueues(linger_seconds=1, max_events=10)
    for session_id in ("one", "two"):
        sessions.add(interaction(session_id, user_id=None), 0)
    of_ids = text_bytes("one") + text_bytes("two")
    memory = MemoryBudget(1000, 10 + 2 * SESSION_BYTES + of_ids, sessions)
    memory.add(10)
    assert memory.room() == 0
    sessions.seal(2)
    sessions.release("one", 2)
    assert memory.bytes == 10 + SESSION_BYTES + text_bytes("two")
    assert memory.room() == 999


def test_what_is_removed_leaves_room() -> None:
    memory = backlog_of(1000)
    memory.remove(10)
    assert (memory.records, memory.bytes, memory.room()) == (999, 9990, 1)
