"""Records that the broker deleted before they were read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.core.model.partition import Partition
from worker.sources.kafka.losses import Loss, Rest, RetentionLosses

KEY = Partition("t", 0)


def judged(losses: RetentionLosses, begin: int, rest: Rest | None = None) -> list[Loss]:
    return list(losses.judge({KEY: begin}, {} if rest is None else {KEY: rest}))


def test_what_retention_took_before_it_was_read_is_lost() -> None:
    losses = RetentionLosses()
    losses.skipped(KEY, 100, 5000)
    assert losses.to_judge()
    assert judged(losses, begin=5000) == [Loss(KEY, 100, 5000)]
    assert not losses.to_judge()
    assert losses.of(KEY) == 4900


def test_what_compaction_and_transactions_leave_out_is_not() -> None:
    losses = RetentionLosses()
    losses.skipped(KEY, 100, 5000)
    assert judged(losses, begin=100) == []
    losses.skipped(KEY, 5001, 5002)
    assert judged(losses, begin=0) == []


def test_of_a_gap_that_is_both_only_what_lies_below_the_beginning_is_lost() -> None:
    losses = RetentionLosses()
    losses.skipped(KEY, 100, 5000)
    assert judged(losses, begin=4000) == [Loss(KEY, 100, 4000)]


def test_it_is_seen_while_paused_and_counted_once() -> None:
    losses = RetentionLosses()
    assert judged(losses, 40, Rest(position=10, next_offset=10)) == [Loss(KEY, 10, 40)]
    assert judged(losses, 40, Rest(position=10, next_offset=10)) == []
    assert judged(losses, 60, Rest(position=10, next_offset=10)) == [Loss(KEY, 40, 60)]
    losses.skipped(KEY, 10, 60)
    assert judged(losses, 60) == []
    assert losses.of(KEY) == 50


def test_what_is_on_its_way_to_us_is_not_lost() -> None:
    """It was fetched before the broker deleted it, and is handed over yet."""
    assert judged(RetentionLosses(), begin=40) == []


def test_what_was_read_and_deleted_since_is_not_lost_nor_are_markers_behind_it() -> None:
    losses = RetentionLosses()
    assert judged(losses, 0, Rest(position=10, next_offset=11)) == []
    assert judged(losses, 11, Rest(position=10, next_offset=11)) == []
    losses.skipped(KEY, 10, 11)
    assert judged(losses, 11) == []


def test_without_a_committed_offset_nothing_was_missed() -> None:
    assert judged(RetentionLosses(), 40, Rest(position=None, next_offset=40)) == []


def test_it_counts_when_the_group_has_committed_past_it() -> None:
    """Until then the next owner comes upon the same gap, and counts it."""
    losses = RetentionLosses()
    losses.skipped(KEY, 100, 5000)
    judged(losses, begin=5000)
    losses.committed({KEY: 100})
    assert losses.counted == 0
    losses.committed({KEY: 5000})
    losses.committed({KEY: 5001})
    assert losses.counted == 4900


def test_it_counts_also_where_the_group_had_committed_past_it_before_it_was_found() -> None:
    """Where nothing comes any more there is no further commit."""
    losses = RetentionLosses()
    losses.skipped(KEY, 100, 5000)
    losses.committed({KEY: 5030})
    judged(losses, begin=5000)
    assert losses.counted == 4900
    losses.committed({KEY: 5030})
    assert losses.counted == 4900


def test_what_was_committed_above_a_cut_counts_no_loss_behind_it() -> None:
    losses = RetentionLosses()
    losses.committed({KEY: 5030})
    losses.cut(KEY, 100)
    losses.skipped(KEY, 100, 5000)
    judged(losses, begin=5000)
    assert losses.counted == 0
    losses.committed({KEY: 5000})
    assert losses.counted == 4900


def test_over_a_rebalance_it_counts_once() -> None:
    owners = RetentionLosses(), RetentionLosses()
    for each in owners:
        each.skipped(KEY, 100, 5000)
        judged(each, begin=5000)
    owners[0].forget([KEY])
    owners[0].committed({KEY: 6000})
    owners[1].committed({KEY: 5001})
    assert [each.counted for each in owners] == [0, 4900]
    assert owners[0].of(KEY) == 0


def test_a_log_made_anew_may_lose_the_same_offsets_again() -> None:
    losses = RetentionLosses()
    losses.skipped(KEY, 100, 5000)
    judged(losses, begin=5000)
    losses.cut(KEY, 0)
    losses.skipped(KEY, 10, 50)
    assert judged(losses, begin=50) == [Loss(KEY, 10, 50)]


STEP = st.tuples(st.sampled_from(["gap", "look", "rest"]), st.integers(1, 50), st.integers(0, 60))


@given(st.lists(STEP, max_size=30))
def test_no_offset_is_ever_lost_twice_nor_one_that_still_stands(steps: list[tuple[str, int, int]]) -> None:
    losses, position, begin, lost = RetentionLosses(), 0, 0, []
    for kind, width, advance in steps:
        if kind == "gap":
            losses.skipped(KEY, position, position + width)
            position += width
        begin = max(begin, begin + advance - 30)
        rest = Rest(position, max(position, begin)) if kind == "rest" else None
        lost += judged(losses, begin, rest)
    offsets = [offset for each in lost for offset in range(each.first, each.end)]
    assert len(offsets) == len(set(offsets))
    assert all(offset < begin for offset in offsets)
