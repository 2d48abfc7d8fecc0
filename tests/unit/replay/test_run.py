"""Replays keep the promises: ids, order, offsets, whatever happens."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from tests.support.stage import crash
from tests.support.virtual_time import in_virtual_time
from tests.unit.replay.letters import LetterTopicTwin, ReplayStage, event_ids, source_record
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.outcomes import Accepted, Refused, Throttled, TransientFault
from worker.dead_letters.reading import Letter, open_letter
from worker.replay.selection import MOST_REPLAYS, Selection
from worker.replay.source import ReplayedElsewhere
from worker.replay.waves import EXHAUSTED, FILTERED, FOREIGN, SUPERSEDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Record

SEEDS = int(os.environ.get("REPLAY_SEEDS", "40"))


def visits(sessions: int, events: int) -> list[Record]:
    """Sessions whose events alternate, in the order of their offsets."""
    return [source_record(number, f"s{number % sessions}") for number in range(sessions * events)]


def by_session(records: list[Record]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in records:
        found.setdefault((each.key or b"").decode(), []).append(derived_event_id(each))
    return found


def test_letters_that_lie_shuffled_over_partitions_go_in_their_first_order_with_their_ids() -> None:
    async def scenario() -> None:
        topic, records = LetterTopicTwin(partitions=5), visits(sessions=7, events=30)
        for each in Random(3).sample(records, len(records)):  # noqa: S311  a shuffle
            topic.dead_letter(each)
        stage = ReplayStage(topic)
        await stage.run()
        assert stage.accepted() == by_session(records)
        assert stage.api.overlaps == 0
        assert topic.commits == {number: len(log) for number, log in topic.logs.items()}

    in_virtual_time(scenario())


def test_a_second_start_has_nothing_to_do_and_one_from_the_start_has_all() -> None:
    async def scenario() -> None:
        topic, records = LetterTopicTwin(partitions=2), visits(sessions=2, events=5)
        for each in records:
            topic.dead_letter(each)
        await ReplayStage(topic).run()
        again, anew = ReplayStage(topic), ReplayStage(topic)
        await again.run()
        assert again.accepted() == {}
        await anew.run(from_start=True)
        assert anew.accepted() == by_session(records)

    in_virtual_time(scenario())


def test_a_start_anew_that_is_stopped_skips_nothing_afterwards() -> None:
    """The offsets of the replay before are given up before the first letter is read."""

    async def scenario() -> None:
        topic, records = LetterTopicTwin(partitions=4), visits(sessions=4, events=10)
        for each in records:
            topic.dead_letter(each)
        await ReplayStage(topic).run()
        stopped = ReplayStage(topic, wave=5, rate=1)
        running = asyncio.create_task(stopped.run(from_start=True))
        await asyncio.sleep(0.0015)
        await crash(running)
        rest = ReplayStage(topic)
        await rest.run()
        came = {each for ids in (stopped.accepted(), rest.accepted()) for one in ids.values() for each in one}
        assert came == set(event_ids(records))

    in_virtual_time(scenario())


def test_what_is_refused_again_is_a_letter_again_and_not_replayed_for_ever() -> None:
    async def scenario() -> None:
        topic = LetterTopicTwin(partitions=3)
        poison, good = source_record(1, "a"), source_record(2, "b")
        topic.dead_letter(poison)
        topic.dead_letter(good)
        for replays in range(1, MOST_REPLAYS + 1):
            stage = ReplayStage(topic, answer=lambda batch: refuse_session("a", batch))
            await stage.run()
            (letter,) = [each for each in letters(topic) if each.replays == replays]
            assert (letter.origin.topic, letter.origin.offset) == ("interactions", 1)
            assert stage.parts.tally.died_again == {("refused", "InvalidInputException"): 1}
        stage = ReplayStage(topic)
        await stage.run()
        assert stage.api.calls == []
        assert stage.store.wave_reader.left_out == {EXHAUSTED: 1}

    in_virtual_time(scenario())


def test_of_letters_that_cannot_be_mapped_still_all_die_again_and_none_is_waited_for() -> None:
    """Where a live worker would hold: whoever replays with a wrong mapping is told so at the end."""

    async def scenario() -> None:
        topic = LetterTopicTwin(partitions=3)
        for number in range(300):
            topic.dead_letter(structs.replace(source_record(number, f"s{number}"), value=b"no JSON"))
        stage = ReplayStage(topic)
        async with asyncio.timeout(3600):
            await stage.run()
        assert stage.parts.tally.died_again.total() == 300
        assert sum(topic.commits.values()) == 300

    in_virtual_time(scenario())


@pytest.mark.parametrize("seed", range(8))
def test_what_was_replayed_too_often_stays_put_whichever_of_its_letters_is_read_first(seed: int) -> None:
    """A record without a key has its letters in any partitions, which are read in any order."""

    async def scenario() -> None:
        topic, poison = LetterTopicTwin(partitions=4, seed=seed), source_record(1, "a")
        topic.dead_letter(poison, partition=3)
        for replays in range(MOST_REPLAYS):
            dead_letter = topic.dead_letter
            topic.dead_letter = partial(dead_letter, partition=2 - replays % 3)
            await ReplayStage(topic, answer=lambda batch: refuse_session("a", batch)).run()
            topic.dead_letter = dead_letter
        assert max(each.replays for each in letters(topic)) == MOST_REPLAYS
        stage = ReplayStage(topic)
        await stage.run(from_start=True)
        assert stage.api.calls == []
        assert stage.store.wave_reader.left_out == {EXHAUSTED: 1, SUPERSEDED: MOST_REPLAYS}

    in_virtual_time(scenario())


def letters(topic: LetterTopicTwin) -> list[Letter]:
    return [letter for log in topic.logs.values() for each in log if (letter := open_letter(each))]


def refuse_session(session_id: str, batch: Batch) -> Answer:
    return Refused("InvalidInputException", "no") if batch.session_id == session_id else Accepted()


def test_what_the_filters_leave_out_and_what_is_no_letter_is_passed_over() -> None:
    async def scenario() -> None:
        topic = LetterTopicTwin()
        topic.dead_letter(source_record(1, "a"))
        topic.dead_letter(source_record(2, "b", topic="others"))
        topic.logs[0].append(source_record(2, "c"))
        stage = ReplayStage(topic, selection=Selection(topic="interactions"))
        await stage.run()
        assert list(stage.accepted()) == ["a"]
        assert stage.store.wave_reader.left_out == {FILTERED: 1, FOREIGN: 1}
        assert topic.commits == {0: 3}

    in_virtual_time(scenario())


def test_of_several_letters_of_one_record_the_last_is_replayed() -> None:
    async def scenario() -> None:
        topic = LetterTopicTwin()
        topic.dead_letter(source_record(1, "a"))
        await ReplayStage(topic, answer=lambda batch: refuse_session("a", batch)).run()
        stage = ReplayStage(topic)
        await stage.run(from_start=True)
        assert stage.accepted() == {"a": event_ids([source_record(1, "a")])}
        assert stage.store.wave_reader.left_out == {SUPERSEDED: 1}

    in_virtual_time(scenario())


def test_two_replays_of_the_same_letters_do_not_commit_over_one_another() -> None:
    async def scenario() -> None:
        topic = LetterTopicTwin()
        for each in visits(sessions=2, events=5):
            topic.dead_letter(each)
        slow = ReplayStage(topic, rate=0.2)
        running = asyncio.create_task(slow.run())
        await asyncio.sleep(1)
        await ReplayStage(topic).run()
        with pytest.RaisesGroup(ReplayedElsewhere):
            await running

    in_virtual_time(scenario())


class Fate:
    """One seed: letters of sessions, some twice, in any partition; faults, and crashes at any time."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)  # noqa: S311  a schedule, not a secret
        self.topic = LetterTopicTwin(self.chance.randint(1, 4), seed)
        self.records = visits(self.chance.randint(1, 6), self.chance.randint(1, 12))
        self.poison = {f"s{number}" for number in range(6) if self.chance.random() < 0.2}
        self.done: set[str] = set()
        self.topic.on_commit = self._check
        for each in self.chance.sample(self.records, len(self.records)):
            self.topic.dead_letter(each)
            if self.chance.random() < 0.1:
                self.topic.dead_letter(each)

    def answer(self, batch: Batch) -> Answer:
        match self.chance.random():
            case below if below < 0.1:
                return Throttled("ThrottlingException")
            case below if below < 0.2:
                return TransientFault("InternalServerException")
        if batch.session_id in self.poison:
            return Refused("InvalidInputException", "no")
        self.done |= {derived_event_id(each.record) for each in batch.interactions}
        return Accepted()

    def _check(self, offsets: Mapping[int, int]) -> None:
        """Whatever lies before a committed offset was accepted, or lies behind it once more."""
        for partition, offset in offsets.items():
            for record in self.topic.logs[partition][:offset]:
                assert derived_event_id(record) in self.done or self._lies_behind(record, offsets)

    def _lies_behind(self, record: Record, offsets: Mapping[int, int]) -> bool:
        return any(
            derived_event_id(each) == derived_event_id(record)
            for partition, log in self.topic.logs.items()
            for each in log[max(offsets.get(partition, 0), self.topic.commits.get(partition, 0)) :]
        )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_no_letter_is_skipped_and_every_event_has_its_id(seed: int) -> None:
    async def scenario() -> None:
        fate = Fate(seed)
        wave = fate.chance.choice([1, 3, 10, 1000])
        for _ in range(fate.chance.randint(0, 4)):
            stage = ReplayStage(fate.topic, wave=wave, rate=5, answer=fate.answer)
            running = asyncio.create_task(stage.run())
            await asyncio.sleep(fate.chance.uniform(0, 20))
            if fate.chance.random() < 0.3:
                stage.parts.worker.pipeline.stop()
                await asyncio.wait([running])
            await crash(running)
            assert stage.api.overlaps == 0
        fate.poison.clear()
        await ReplayStage(fate.topic, wave=wave, answer=fate.answer).run()
        exhausted = {
            derived_event_id(each)
            for log in fate.topic.logs.values()
            for each in log
            if open_letter(each).replays >= MOST_REPLAYS  # type: ignore[union-attr]  # all are letters
        }
        assert fate.done | exhausted == set(event_ids(fate.records))

    in_virtual_time(scenario())
