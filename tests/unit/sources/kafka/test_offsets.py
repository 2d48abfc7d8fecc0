"""What is shown of a partition are figures of one moment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.model.boundary import Before, Boundary, Through
from worker.core.model.partition import Partition
from worker.core.offsets.assignment import Assignment
from worker.sources.kafka.offsets import Offsets, offset_of
from worker.sources.kafka.statistics import PartitionStatistics

KEY = Partition("t", 0)
EARLIEST = {"auto.offset.reset": "earliest"}


def assignment_with(*offsets: int, settled: int = 0) -> Assignment:
    assignment = Assignment(KEY, 1)
    for offset in offsets:
        assignment.track(offset)
    for offset in offsets[:settled]:
        assignment.settle(offset)
    return assignment


def offsets(known: PartitionStatistics | None = None, settings: dict[str, Any] = EARLIEST) -> Offsets:
    made = Offsets(settings, lambda: 0.0)
    if known is not None:
        made.note_known({KEY: known})
    return made


def test_lag_is_from_the_first_unsettled_record_to_the_end() -> None:
    gauges = offsets(PartitionStatistics(hi_offset=9, ls_offset=9)).gauges(
        assignment_with(2, 3, 4, settled=1), 5
    )
    assert (gauges.end_offset, gauges.lag_records) == (9, 6)


def test_the_end_is_never_below_what_was_received() -> None:
    """The statistics are seconds old, and while paused they stand still."""
    gauges = offsets(PartitionStatistics(hi_offset=3, ls_offset=3)).gauges(assignment_with(*range(10)), 10)
    assert (gauges.end_offset, gauges.lag_records) == (10, 10)


def test_what_was_asked_for_counts_while_nothing_is_fetched() -> None:
    made = offsets(PartitionStatistics(hi_offset=3, ls_offset=3, next_offset=3))
    made.note_places({}, {KEY: 7000})
    made.note_known({KEY: PartitionStatistics(hi_offset=3, ls_offset=3, next_offset=3)})
    assert made.gauges(assignment_with(0, 1, 2, settled=3), 3).lag_records == 6997
    made.note_known({KEY: PartitionStatistics(hi_offset=7001, ls_offset=7001, next_offset=3)})
    assert made.gauges(assignment_with(0, 1, 2, settled=3), 3).lag_records == 6998


def test_behind_a_transactional_producer_the_lag_is_0_at_rest() -> None:
    """The marker at 5 is no record, and librdkafka has stepped over it."""
    made = offsets(PartitionStatistics(hi_offset=6, ls_offset=6, next_offset=6))
    assert made.gauges(assignment_with(*range(5), settled=5), 5).lag_records == 0


def test_an_open_transaction_is_no_lag_unless_it_is_read() -> None:
    known = PartitionStatistics(hi_offset=1006, ls_offset=6, next_offset=6)
    assert offsets(known).gauges(assignment_with(*range(5), settled=5), 5).lag_records == 0
    uncommitted = offsets(known, EARLIEST | {"isolation.level": "read_uncommitted"})
    assert uncommitted.gauges(assignment_with(*range(5), settled=5), 5).lag_records == 1000


def test_what_waits_to_be_handed_over_is_lag() -> None:
    """librdkafka's next offset is that of its next fetch: what it has fetched stands before it."""
    known = PartitionStatistics(hi_offset=90, ls_offset=90, next_offset=90, fetchq_cnt=80)
    assert offsets(known).gauges(assignment_with(*range(10), settled=10), 10).lag_records == 80


def test_without_a_committed_offset_there_is_a_lag_all_the_same() -> None:
    known = PartitionStatistics(hi_offset=90, ls_offset=90, next_offset=0)
    assert offsets(known).gauges(Assignment(KEY, 1), None).lag_records == 90


def test_one_that_was_paused_before_anything_was_fetched_has_a_lag_too() -> None:
    made = offsets(PartitionStatistics(hi_offset=-1001, ls_offset=-1001, next_offset=-1001))
    made.note_places({KEY: 30}, {KEY: 90})
    assert made.gauges(Assignment(KEY, 1), None).lag_records == 60
    assert made.gauges(Assignment(KEY, 1), 40).lag_records == 50


def test_own_knowledge_of_commits_goes_before_older_statistics() -> None:
    made = offsets(PartitionStatistics(hi_offset=9, ls_offset=9, committed_offset=1))
    made.note_committed({KEY: 4})
    assert made.gauges(assignment_with(*range(5), settled=5), 5).committed_offset == 4


def test_what_was_committed_of_a_longer_log_is_not_known_of_this_one() -> None:
    made = offsets(PartitionStatistics(hi_offset=9, ls_offset=9, committed_offset=200))
    assert made.gauges(assignment_with(*range(5)), 5).committed_offset is None


@pytest.mark.parametrize("accepted", [5, 3])
def test_a_commit_is_late_since_something_was_stored(accepted: int) -> None:
    now = [100.0]
    made = Offsets(EARLIEST, lambda: now[0])
    made.store({KEY: 3})
    now[0] = 160.0
    made.store({KEY: 5})
    assert made.commit_delays() == {KEY: 60.0}
    made.note_committed({KEY: accepted})
    now[0] = 170.0
    assert made.commit_delays() == ({} if accepted == 5 else {KEY: 10.0})


def test_what_is_not_ours_any_more_is_not_late() -> None:
    made = offsets()
    made.store({KEY: 3})
    made.forget([KEY])
    assert made.commit_delays() == {}


OFFSET = st.integers(-1001, 40)
KNOWN = st.builds(
    PartitionStatistics,
    hi_offset=OFFSET,
    ls_offset=OFFSET,
    next_offset=OFFSET,
    committed_offset=OFFSET,
    fetchq_cnt=st.integers(0, 2),
)


@given(
    received=st.lists(st.integers(0, 40), unique=True).map(sorted),
    share=st.floats(0, 1),
    known=st.lists(KNOWN, max_size=3),
    asked=st.none() | st.integers(0, 40),
    committed=st.none() | st.integers(0, 40),
    stable=st.booleans(),
)
def test_committed_settled_received_and_end_never_contradict_one_another(  # noqa: PLR0913  what may be known
    received: list[int],
    share: float,
    known: list[PartitionStatistics],
    asked: int | None,
    committed: int | None,
    *,
    stable: bool,
) -> None:
    assignment = assignment_with(*received, settled=int(share * len(received)))
    level = "read_committed" if stable else "read_uncommitted"
    made = offsets(settings=EARLIEST | {"isolation.level": level})
    for each in known:
        made.note_known({KEY: each})
    if asked is not None:
        made.note_places({}, {KEY: asked})
    if committed is not None:
        made.note_committed({KEY: committed})
    gauges = made.gauges(assignment, received[-1] + 1 if received else None)
    row = (gauges.committed_offset, gauges.settled_offset, gauges.received_offset, gauges.end_offset)
    shown = [offset for offset in row if offset is not None]
    assert shown == sorted(shown)
    assert gauges.lag_records is None or gauges.lag_records >= 0
    if gauges.end_offset is not None and assignment.unsettled():
        assert gauges.lag_records == gauges.end_offset - (gauges.settled_offset or 0)


@pytest.mark.parametrize(
    ("boundary", "offset"), [(Through(6), 7), (Before(900, last=6), 900), (Before(0), 0)], ids=str
)
def test_kafka_commits_where_the_next_owner_begins(boundary: Boundary, offset: int) -> None:
    assert offset_of(boundary) == offset


def test_what_was_committed_before_a_cut_is_shown_until_the_next_commit() -> None:
    made = offsets()
    made.note_committed({KEY: 3})
    made.go_back(KEY, 3)
    assert made.gauges(assignment_with(*range(5)), 5).committed_offset is None
    assert made.gauges(assignment_with(*range(5), settled=4), 5).committed_offset == 3
    assert [each.offset for each in made.to_commit()] == [3]


def test_an_answer_to_an_earlier_commit_does_not_hide_what_was_sent_after_it() -> None:
    """Commits are slow: 9, then 4 because the partition was read again from there, then 9 is stored again."""
    made = offsets()
    for offset in (9, 4):
        made.store({KEY: offset})
        made.to_commit()
    made.store({KEY: 9})
    made.note_committed({KEY: 9})
    assert [each.offset for each in made.to_commit()] == [9]
    made.note_committed({KEY: 4})
    made.note_committed({KEY: 9})
    # In which order the broker took them, their answers do not tell.
    assert [each.offset for each in made.to_commit()] == [9]
    made.note_committed({KEY: 9})
    assert made.to_commit() == []


def test_an_earlier_commit_that_is_taken_last_is_corrected() -> None:
    made = offsets()
    for offset in (0, 2):
        made.store({KEY: offset})
        made.to_commit()
    made.note_committed({KEY: 2})
    made.note_committed({KEY: 0})
    assert [each.offset for each in made.to_commit()] == [2]
    made.note_committed({KEY: 2})
    assert made.to_commit() == []


def test_the_same_offset_sent_twice_is_committed_with_the_first_answer() -> None:
    made = offsets()
    made.store({KEY: 3})
    made.to_commit()
    made.to_commit()
    made.note_committed({KEY: 3})
    assert made.to_commit() == []


def test_after_a_commit_that_failed_nothing_counts_as_committed() -> None:
    made = offsets()
    for offset in (9, 4, 9):
        made.store({KEY: offset})
        made.to_commit()
    made.note_committed({KEY: 9})
    made.note_failed([KEY])
    assert [each.offset for each in made.to_commit()] == [9]


def test_what_was_sent_before_a_cut_does_not_count_after_it() -> None:
    made = offsets()
    made.store({KEY: 3})
    made.to_commit()
    made.go_back(KEY, 3)
    made.note_committed({KEY: 3})
    assert [each.offset for each in made.to_commit()] == [3]
    made.note_committed({KEY: 3})
    assert made.to_commit() == []
