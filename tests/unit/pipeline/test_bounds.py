"""What the flow holds beside the records themselves has a bound too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.stage import Stage, running
from tests.support.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from worker.core.model.records import Reason, Record

LARGE = 1_000_000


def test_large_dead_letters_are_written_a_few_at_a_time() -> None:
    """A producer copies what it is given, and a broker may be away for long."""

    async def scenario() -> None:
        stage = Stage()
        write, under_way, most = stage.dead_letters.write, 0, 0

        async def watched(record: Record, reason: Reason, tries: int) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await write(record, reason, tries)
            under_way -= 1

        stage.dead_letters.write = watched
        stage.topic.produce(*["x" * LARGE] * 100)
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert len(stage.dead_letters.letters) == 100
        assert 1 < most < 10

    in_virtual_time(scenario())


def test_one_dead_letter_larger_than_the_bound_is_written() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce("x" * 10 * LARGE)
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert len(stage.dead_letters.letters) == 1

    in_virtual_time(scenario())
