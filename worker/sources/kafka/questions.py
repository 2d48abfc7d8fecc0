"""Polls Kafka's metadata: what neither records nor statistics show.

That is where logs begin and end while nothing is fetched from them, and which topics there are. One round of
questions is under way at a time, in a thread of its own, so no poll waits for an answer.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from worker.sources.kafka.admin import Admin, Answers, Wanted
from worker.sources.kafka.error_monitor import Said
from worker.sources.kafka.losses import Rest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.partition import Partition
    from worker.core.offsets.assignment import Assignment
    from worker.sources.kafka.state import KafkaState
    from worker.sources.kafka.topics import TopicAnswer

log = structlog.get_logger(__name__)


class Due(Struct):
    """What to ask next."""

    places: bool = False
    resting: frozenset[Partition] = frozenset()
    """The partitions of which nothing is on its way to us."""
    silent_nodes: frozenset[int] = frozenset()
    """The brokers not to ask."""
    topics: bool = False


class MetadataPoller:
    """Asks, and passes the answers to the parts that keep them.

    Args:
        settings: the consumer's.
        topics: the names and patterns to which it subscribes.
        known: the parts that keep the answers.
        clock: the loop's.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        topics: Sequence[str],
        known: KafkaState,
        clock: Callable[[], float],
    ) -> None:
        self._admin = Admin(settings, topics)
        self._known = known
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "kafka-questions")
        self._asking: asyncio.Task[None] | None = None
        self.due = Due()
        self.answer: TopicAnswer | None = None
        """The latest answer about the topics."""

    def ask(self, on_recounted: Callable[[], object]) -> None:
        """Ask what is due, unless a round is under way; returns at once.

        Args:
            on_recounted: called when the number of the topics' partitions has changed.
        """
        if self._asking is not None:
            if not self._asking.done():
                return
            asked, self._asking = self._asking, None
            # An unexpected failure ends the worker, as everywhere.
            asked.result()
        if self.due.places or self.due.topics:
            due, self.due = self.due, Due()
            self._asking = asyncio.create_task(self._ask(due, on_recounted))

    def renew(self, settings: Mapping[str, object]) -> None:
        """Ask as a client with these settings from now on."""
        self._thread.submit(self._admin.renew, settings)

    def end(self) -> None:
        """Stop asking, and wait for nothing."""
        if self._asking is not None:
            self._asking.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, due: Due, on_recounted: Callable[[], object]) -> None:
        assignments, rests = self._places(due)
        wanted = Wanted(frozenset(assignments), due.topics, self._unreadable() if due.topics else frozenset())
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(self._thread, self._admin.answer, wanted)
        self._note_places(answers, assignments, rests)
        if answers.topics is not None:
            self._note_topics(answers.topics, on_recounted)
        trouble = self._known.trouble
        trouble.readable(each for each in trouble.unreadable() if _topic(each) in answers.readable)

    def _places(self, due: Due) -> tuple[dict[Partition, Assignment], dict[Partition, Rest]]:
        """Return the partitions to ask about, and what is known of those that rest."""
        if not due.places:
            return {}, {}
        reading, offsets = self._known.reading, self._known.offsets
        assignments = {
            key: assignment
            for key, assignment in reading.assignments.items()
            if offsets.broker(key) not in due.silent_nodes
        }
        resting = due.resting & assignments.keys()
        return assignments, {key: Rest(reading.next_offset(key), offsets.next_offset(key)) for key in resting}

    def _unreadable(self) -> frozenset[str]:
        return frozenset(map(_topic, self._known.trouble.unreadable()))

    def _note_places(
        self, answers: Answers, asked: Mapping[Partition, Assignment], rests: Mapping[Partition, Rest]
    ) -> None:
        """Apply answers about partitions that are still ours, and were so all the while."""
        assignments = self._known.reading.assignments
        begins, ends = (
            {key: offset for key, offset in offsets.items() if assignments.get(key) is asked[key]}
            for offsets in (answers.begins, answers.ends)
        )
        self._known.offsets.note_places(begins, ends)
        for loss in self._known.losses.judge(begins, rests):
            log.warning(
                "kafka.records_lost",
                topic=loss.partition.topic,
                partition=loss.partition.number,
                records=loss.records,
                first_offset=loss.first,
                log_begins_at=loss.end,
                cause="deleted by the broker (retention) before they were read",
            )

    def _note_topics(self, answer: TopicAnswer, on_recounted: Callable[[], object]) -> None:
        before, self.answer, now = self.answer, answer, self._clock()
        self._known.trouble.only("topic_missing", dict.fromkeys(answer.missing, Said(now)))
        self._known.trouble.only("topic_forbidden", dict.fromkeys(answer.forbidden, Said(now)))
        if before is not None and before.total != answer.total:
            on_recounted()


def _topic(partition: str) -> str:
    return partition.rpartition("[")[0]
