"""What Kafka itself lost is excused, and nothing else is."""

from __future__ import annotations

from tests.unit.chaos.evidence import cut_at, evidence_of


def broken(**losses: object) -> list[str]:
    """Of three records of which the middle one never came."""
    evidence = evidence_of(3, accepted={0: [1.0], 2: [2.0]}, **losses)  # type: ignore[arg-type]  # as they are named
    return evidence.figures(kills=0, seconds=1).broken_promises()


def test_a_record_that_never_came_is_lost() -> None:
    assert broken() == ["1 neither accepted nor dead-lettered"]


def test_one_that_was_deleted_unread_is_not() -> None:
    assert broken(deleted={0: 5.0, 1: 5.0}) == []


def test_a_deletion_excuses_no_other() -> None:
    assert broken(deleted={0: 5.0}) == ["1 neither accepted nor dead-lettered"]


def test_a_cut_excuses_none_that_stands_in_its_place() -> None:
    assert broken(cut=[cut_at(1, 5.0)], cut_accepted={1: 3.0}) == ["1 neither accepted nor dead-lettered"]


def test_what_was_cut_away_may_have_been_delivered_at_any_time() -> None:
    evidence = evidence_of(2, accepted={0: [1.0], 1: [2.0]}, cut=[cut_at(1, 5.0)], cut_accepted={1: 3.0})
    assert evidence.figures(kills=0, seconds=1).broken_promises() == []


def test_an_event_of_no_record_is_still_found() -> None:
    evidence = evidence_of(1, accepted={0: [1.0]}, cut_accepted={7: 3.0})
    assert evidence.figures(kills=0, seconds=1).broken_promises() == [
        "1 accepted under an id that no record has"
    ]
