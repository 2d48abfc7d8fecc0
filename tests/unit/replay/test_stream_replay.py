"""Replays of a stream's letters keep the promises: ids, order, how far they came, whatever happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.kinesis_cloud import records_of
from tests.support.stage import crash
from tests.support.virtual_time import in_virtual_time
from tests.unit.replay.letters import event_ids
from tests.unit.replay.stream_stage import LETTERS, TABLE, LettersCloud, StreamReplayStage, kinesis_record
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.outcomes import Refused
from worker.local.kinesis.faults import Rule
from worker.replay.letter_topic import LettersUnreadable
from worker.replay.source import ReplayedElsewhere
from worker.replay.waves import FOREIGN, SUPERSEDED

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from worker.core.model.records import Record


def visits(sessions: int, events: int) -> list[Record]:
    """Sessions whose events alternate, in the order of their positions."""
    return [kinesis_record(number, f"s{number % sessions}") for number in range(sessions * events)]


def by_session(records: list[Record]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in records:
        found.setdefault((each.key or b"").decode(), []).append(derived_event_id(each))
    return found


def played(scenario: Coroutine[object, object, None]) -> None:
    in_virtual_time(scenario)


def test_letters_of_several_shards_go_in_their_first_order_with_their_ids() -> None:
    async def scenario() -> None:
        letters, records = LettersCloud(shards=4), visits(sessions=7, events=50)
        await letters.write(*reversed(records))
        stage = StreamReplayStage(letters)
        await stage.run()
        assert stage.accepted() == by_session(records)
        assert stage.api.overlaps == 0
        again = StreamReplayStage(letters)
        await again.run()
        assert again.accepted() == {}
        anew = StreamReplayStage(letters)
        await anew.run(from_start=True)
        assert anew.accepted() == by_session(records)

    played(scenario())


@pytest.mark.parametrize("seconds", [0.5, 3.0, 7.0, 12.0, 20.0])
def test_a_crash_anywhere_skips_nothing_and_repeats_a_part_of_a_wave(seconds: float) -> None:
    async def scenario() -> None:
        letters, records = LettersCloud(), visits(sessions=5, events=60)
        await letters.write(*records)
        stopped = StreamReplayStage(letters, wave=40, rate=20)
        running = asyncio.create_task(stopped.run())
        await asyncio.sleep(seconds)
        await crash(running)
        rest = StreamReplayStage(letters, wave=40)
        await rest.run()
        first = [each for ids in stopped.accepted().values() for each in ids]
        second = [each for ids in rest.accepted().values() for each in ids]
        assert {*first, *second} == set(event_ids(records))
        # Ten seconds of commits at most are done again, and never more than a wave and its next.
        assert len(first) + len(second) - len(records) <= 80

    played(scenario())


def test_letters_that_come_meanwhile_are_left_for_the_next_replay() -> None:
    """Also where nothing came for a day before, so that the shard's end is only a time."""

    async def scenario() -> None:
        letters, records = LettersCloud(), visits(sessions=3, events=40)
        await letters.write(*records[:60])
        await asyncio.sleep(12 * 3600)
        for begins in (60, 90):
            stage = StreamReplayStage(letters, rate=5)
            running = asyncio.create_task(stage.run())
            await asyncio.sleep(2)
            await letters.write(*records[begins : begins + 30])
            await running
            assert sum(map(len, stage.accepted().values())) == {60: 60, 90: 30}[begins]

    played(scenario())


def test_what_is_refused_again_is_a_letter_again_and_of_two_the_later_counts() -> None:
    async def scenario() -> None:
        letters, records = LettersCloud(), visits(sessions=2, events=3)
        await letters.write(*records)
        stage = StreamReplayStage(letters, answer=lambda _: Refused("InvalidInputException", "no"))
        await stage.run()
        assert stage.parts.tally.died_again.total() == len(records)
        anew = StreamReplayStage(letters)
        await anew.run(from_start=True)
        assert anew.accepted() == by_session(records)
        assert anew.store.wave_reader.left_out == {SUPERSEDED: len(records)}

    played(scenario())


def test_a_resharded_stream_loses_and_repeats_nothing() -> None:
    async def scenario() -> None:
        letters, records = LettersCloud(shards=2), visits(sessions=6, events=60)
        stream = letters.cloud.streams[LETTERS]
        came: list[str] = []
        for turn in range(6):
            await letters.write(*records[turn * 60 : turn * 60 + 60])
            stage = StreamReplayStage(letters, wave=25)
            await stage.run()
            came += [each for ids in stage.accepted().values() for each in ids]
            shards = stream.open_shards
            if turn % 2 == 0:
                stream.split(shards[-1].id)
            else:
                stream.merge(shards[0].id, shards[1].id)
        assert sorted(came) == sorted(event_ids(records))

    played(scenario())


def test_broken_envelopes_are_counted_and_left_out() -> None:
    async def scenario() -> None:
        letters, records = LettersCloud(shards=1), visits(sessions=1, events=4)
        stream = letters.cloud.streams[LETTERS]
        for each, broken in zip(records, (b"\xff", b"[]", b'{"headers":{"a":1}}', b"[" * 9000), strict=True):
            stream.put("k", broken)
            await letters.write(each)
        stage = StreamReplayStage(letters)
        await stage.run()
        assert stage.accepted() == by_session(records)
        assert stage.store.wave_reader.left_out == {FOREIGN: 4}

    played(scenario())


def test_faults_of_stream_and_table_cost_nothing_but_time() -> None:
    async def scenario() -> None:
        letters, records = LettersCloud(), visits(sessions=5, events=40)
        await letters.write(*records)
        letters.cloud.plan(
            Rule(does="throttle", calls=("GetRecords",), every=3),
            Rule(does="expire", calls=("GetRecords",), every=4),
            Rule(does="empty", calls=("GetRecords",), every=2),
            Rule(does="fail", calls=("GetShardIterator",), every=2),
            Rule(does="lose", calls=("PutItem",), every=2),
        )
        stage = StreamReplayStage(letters, wave=30)
        await stage.run()
        assert stage.accepted() == by_session(records)

    played(scenario())


def test_of_two_at_a_time_one_ends() -> None:
    async def scenario() -> None:
        letters, records = LettersCloud(), visits(sessions=3, events=60)
        await letters.write(*records)
        first, second = (StreamReplayStage(letters, wave=20, rate=15) for _ in range(2))
        outcomes = await asyncio.gather(first.run(), second.run(), return_exceptions=True)
        (ended,) = [each for each in outcomes if each is not None]
        assert isinstance(ended, ExceptionGroup)
        assert [type(each) for each in ended.exceptions] == [ReplayedElsewhere]

    played(scenario())


def test_a_stream_made_anew_begins_at_its_beginning() -> None:
    async def scenario() -> None:
        letters, records = LettersCloud(), visits(sessions=2, events=10)
        await letters.write(*records)
        await StreamReplayStage(letters).run()
        row = letters.cloud.tables[TABLE].items()
        assert len(row) == 1
        letters.cloud.streams.delete(LETTERS)
        await asyncio.sleep(5)
        letters.cloud.streams.create(LETTERS, 3)
        await letters.write(*records)
        stage = StreamReplayStage(letters, stream_created=5.0)
        await stage.run()
        assert stage.accepted() == by_session(records)

    played(scenario())


def test_letters_that_retention_took_are_passed_over() -> None:
    async def scenario() -> None:
        letters, records = LettersCloud(shards=1), visits(sessions=2, events=30)
        await letters.write(*records[:20])
        await StreamReplayStage(letters).run()
        await letters.write(*records[20:])
        (shard,) = letters.cloud.streams[LETTERS].open_shards
        letters.cloud.streams[LETTERS].trim(shard.id, records_of(shard)[30].sequence)
        stage = StreamReplayStage(letters)
        await stage.run()
        assert sum(map(len, stage.accepted().values())) == 30

    played(scenario())


def test_what_is_forbidden_is_told_at_once() -> None:
    async def scenario() -> None:
        letters = LettersCloud()
        letters.cloud.plan(Rule(does="refuse", calls=("GetRecords",), code="AccessDeniedException"))
        with pytest.raises(LettersUnreadable, match="dead-letter stream letters: AccessDenied"):
            await StreamReplayStage(letters).run()
        letters.cloud.plan(Rule(does="refuse", calls=("GetItem",), code="AccessDeniedException"))
        with pytest.raises(LettersUnreadable, match=r"dead-letter table app\.dead-letters\.replay"):
            await StreamReplayStage(letters).run()

    played(scenario())
