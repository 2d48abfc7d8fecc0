"""The statements themselves: what is only said of our own stand-in is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.kinesis import of_streams, of_tables
from tests.contract.kinesis.statements import OF_STREAMS, OF_TABLES

if TYPE_CHECKING:
    from tests.contract.kinesis.statements import Statements, Subject


def ours_alone(statements: Statements, subjects: tuple[Subject, ...]) -> set[str]:
    others = set(subjects) - {"stand_in"}
    return {each.name for each in statements.values() if others <= set(each.deviates)}


def test_all_but_throttling_is_held_against_somebody_else_too() -> None:
    assert ours_alone(of_streams.STATEMENTS, OF_STREAMS) == {"a_shard_is_read_five_times_a_second"}
    assert ours_alone(of_tables.STATEMENTS, OF_TABLES) == set()


def test_the_stand_in_deviates_from_nothing_and_everybody_is_known() -> None:
    for statements, subjects in ((of_streams.STATEMENTS, OF_STREAMS), (of_tables.STATEMENTS, OF_TABLES)):
        for each in statements.values():
            assert set(each.deviates) <= set(subjects) - {"stand_in"}, each.name
