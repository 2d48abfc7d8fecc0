"""What it means that a partition is read on elsewhere than where it stood."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.sources.kafka.positions import ReadPosition, Step

Records = list[tuple[int, int]]


def test_the_next_record_goes_on() -> None:
    assert ReadPosition(7).step(7, 0) is Step.ON


def test_where_nothing_is_committed_the_first_record_goes_on_wherever_it_stands() -> None:
    assert ReadPosition().step(500, 3) is Step.ON


def test_a_record_below_goes_back() -> None:
    assert ReadPosition(7).step(6, None) is Step.BACK


def test_a_gap_of_the_same_epoch_is_compaction() -> None:
    position = ReadPosition(7)
    position.leader_epoch = 3
    assert position.step(20, 3) is Step.ON


def test_a_gap_before_a_later_epoch_is_read_again_and_then_believed() -> None:
    position = ReadPosition(30)
    position.leader_epoch = 3
    assert [position.step(60, 4), position.step(60, 4)] == [Step.ASIDE, Step.ON]


def test_a_gap_behind_what_is_committed_is_read_again_once() -> None:
    position = ReadPosition(30)
    assert [position.step(60, 0), position.step(60, 0)] == [Step.ASIDE, Step.ON]


def test_a_second_cut_before_anything_was_read_again_is_looked_at_too() -> None:
    position = ReadPosition(30)
    position.leader_epoch = 3
    assert [position.step(60, 4), position.step(50, 5)] == [Step.ASIDE, Step.ASIDE]


def test_what_was_passed_over_before_the_begin_was_known_is_read_again() -> None:
    position = ReadPosition()
    for offset in (3, 4, 60):
        position.pass_over(offset, 1)
    assert position.begin(4)
    assert (position.next_offset, position.last_epoch()) == (3, 1)


def test_where_nothing_was_passed_over_nothing_is_sought() -> None:
    position = ReadPosition()
    assert not position.begin(4)
    assert (position.next_offset, position.step(3, 1)) == (4, Step.BACK)


def test_what_was_read_stays_read_after_a_cut_at_the_very_begin() -> None:
    position = ReadPosition(60)
    position.next_offset = 100
    position.move(60)
    assert position.has_read


def test_without_epochs_every_gap_is_believed() -> None:
    assert ReadPosition(30).step(60, None) is Step.ON


def test_a_move_without_a_record_is_told_both_ways() -> None:
    position = ReadPosition(30)
    assert [position.moved(each) for each in (20, 30, 60)] == [Step.BACK, Step.ON, Step.ASIDE]


def test_what_librdkafka_steps_over_is_looked_at_once() -> None:
    """The marker of a transaction may stand last, and nothing ever comes of it."""
    position = ReadPosition(40)
    assert [position.moved(41), position.moved(41), position.moved(42)] == [Step.ASIDE, Step.ON, Step.ASIDE]


@given(
    handed_over=st.integers(0, 50),
    cut=st.integers(0, 50),
    gaps=st.sets(st.integers(0, 100)),
    begins_committed=st.booleans(),
)
def test_whatever_is_thrown_away_at_a_cut_all_that_stands_is_read(
    handed_over: int, cut: int, gaps: set[int], *, begins_committed: bool
) -> None:
    """What librdkafka does at a cut: on from there, whatever was fetched ahead and not handed over."""
    before = [(offset, 1) for offset in range(50) if offset not in gaps]
    log = [each for each in before if each[0] < cut] + [(offset, 2) for offset in range(cut, 100)]
    position, read = ReadPosition(0 if begins_committed else None), []
    for offset, epoch in [each for each in before if each[0] < handed_over]:
        while position.step(offset, epoch) is Step.ASIDE:
            pass
        position.next_offset, position.leader_epoch = offset + 1, epoch
        read.append((offset, epoch))
    at, looks = cut, 0
    for _ in range(500):
        following = next((each for each in log if each[0] >= at), None)
        if following is None:
            break
        step = position.step(*following)
        if step is Step.ASIDE:
            looks += 1
            at = position.next_offset or 0
            continue
        if step is Step.BACK:
            position.next_offset = following[0]
        position.next_offset = at = following[0] + 1
        position.leader_epoch = following[1]
        read.append(following)
    is_known = begins_committed or bool([each for each in before if each[0] < handed_over])
    assert looks <= 2
    if is_known:
        assert set(log) <= set(read)
