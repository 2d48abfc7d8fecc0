"""Reads the partitions that are ours: makes records under their assignments, and leaves none out.

librdkafka moves by itself when a log was cut. If it went back, what comes from there belongs to a new
assignment. If it may have skipped something, nothing more of the partition is accepted until it has been read
again.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog
from confluent_kafka import KafkaException, TopicPartition

from worker.sources.kafka.messages import RecordReader
from worker.sources.kafka.positions import NO_EPOCH, ReadPosition, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Literal

    from confluent_kafka import KafkaError, Message
    from confluent_kafka.aio import AIOConsumer

    from worker.core.model.partition import Partition
    from worker.core.model.records import Record
    from worker.core.offsets.assignment import Assignment

    Start: TypeAlias = Literal["earliest", "latest", "error"]

log = structlog.get_logger(__name__)

_ANSWER_SECONDS = 2.0
_AGAIN_SECONDS = 5.0


class PartitionReader:
    """The partitions, from assign to revoke or loss, and where each is read on.

    Args:
        start: where a partition without a committed offset begins.
        cut: opens an assignment for a partition whose log continues at an offset below what was read.
        begun: called with an offset, other than the committed one, at which a partition began: its next owner
            is to begin there too.
        on_error: called with errors from Kafka, with topic and partition if they belong to one.
        skipped: called when nothing came between one offset and another.
    """

    def __init__(
        self,
        *,
        start: Start,
        cut: Callable[[Partition, int], Assignment],
        begun: Callable[[Partition, int], None],
        on_error: Callable[[KafkaError, str | None, int | None], None],
        skipped: Callable[[Partition, int, int], None],
    ) -> None:
        self._start = start
        self._cut = cut
        self._begun = begun
        self._on_error = on_error
        self._skipped = skipped
        self._reader = RecordReader()
        self.assignments: dict[Partition, Assignment] = {}
        self._positions: dict[Partition, ReadPosition] = {}
        # Partitions that had a committed offset when they were assigned.
        self._committed: set[Partition] = set()
        # Nothing of these is accepted until they were sought: something may have been left out, or it is
        # unknown where to begin. In the order in which they are tried.
        self._to_seek: dict[Partition, None] = {}
        self._seek_at = -inf
        # Where librdkafka had moved partitions when it was last asked.
        self._moved: dict[Partition, int] = {}

    def next_offset(self, key: Partition) -> int | None:
        """Return the next offset of one of our partitions; None if nothing was read or committed yet."""
        position = self._positions[key]
        return position.next_offset if position.has_read or key in self._committed else None

    def begin(
        self, assignments: Mapping[Partition, Assignment], committed: Mapping[Partition, int] | None
    ) -> None:
        """Begin partitions that were assigned, with their committed offsets; None: these could not be had."""
        self.assignments |= assignments
        if committed is None:
            self._positions |= {key: ReadPosition() for key in assignments}
            self._to_seek |= dict.fromkeys(assignments)
            return
        # The earliest is 0, or the start of the log, which is looked up if the log begins above.
        self._committed |= committed.keys()
        unknown = 0 if self._start == "earliest" else None
        self._positions |= {key: ReadPosition(committed.get(key, unknown)) for key in assignments}
        if self._start == "latest":
            self._to_seek |= dict.fromkeys(key for key in assignments if key not in committed)

    def end(self, keys: Iterable[Partition]) -> None:
        """End partitions that are no longer ours."""
        for key in keys:
            self.assignments.pop(key, None)
            self._positions.pop(key, None)
            self._committed.discard(key)
            self._to_seek.pop(key, None)

    def records(self, messages: Iterable[Message], received_at: float) -> list[Record]:
        """Convert messages to records, leaving out what is not ours and what ``seek`` must repeat."""
        # Local variables, because this runs for each record.
        assignments, positions, to_seek, read = (
            self.assignments,
            self._positions,
            self._to_seek,
            self._reader.record,
        )
        records: list[Record] = []
        run, latest = ReadPosition(), None
        for message in messages:
            if (error := message.error()) is not None:
                self._on_error(error, message.topic(), message.partition())
                continue
            # A plain tuple finds the same entries, and takes a sixth of the time of making a Partition.
            at: Any = message.topic(), message.partition()
            if (assignment := assignments.get(at)) is None:
                continue
            partition = assignment.partition
            position = positions[partition]
            if to_seek and partition in to_seek and not self._is_below(position, message):
                continue
            record = read(message, assignment, received_at)
            if position is not run or record.offset != position.next_offset:
                _note_epoch(run, latest)
                run, latest = position, None
            if record.offset != position.next_offset:
                if not self._take_step(partition, message):
                    continue
                # The assignment may be another from here on.
                record = read(message, assignments[partition], received_at)
            position.next_offset = record.offset + 1
            latest = message
            records.append(record)
        _note_epoch(run, latest)
        return records

    def moved(self, moved: Iterable[tuple[Partition, int]]) -> None:
        """Handle partitions that librdkafka has moved by itself, with nothing received since.

        A move counts only when it is reported twice: after the first time, records may have come meanwhile.
        """
        before, self._moved = self._moved, {}
        for key, offset in moved:
            if key not in self.assignments:
                continue
            self._moved[key] = offset
            if before.get(key) == offset and (step := self._positions[key].moved(offset)) is not Step.ON:
                self._apply(step, key, offset)

    async def seek(self, consumer: AIOConsumer, now: float) -> None:
        """Seek the partitions of which nothing is accepted, to read them again or to begin them."""
        while self._to_seek and now >= self._seek_at:
            key = next(iter(self._to_seek))
            del self._to_seek[key]
            try:
                await self._seek(consumer, key)
            except KafkaException as raised:
                # Behind the others, and not at once: while nobody answers, nobody polls.
                self._to_seek[key] = None
                self._seek_at = now + _AGAIN_SECONDS
                self._on_error(raised.args[0], None, None)

    async def _seek(self, consumer: AIOConsumer, key: Partition) -> None:
        """Continue where the partition stands or begins, but not below the log's start.

        A seek below the start would lead elsewhere.

        Raises:
            KafkaException: it can't be done now.
        """
        position = self._positions[key]
        if position.next_offset is None and not await self._begin(consumer, key):
            return
        offset = position.next_offset or 0
        first, _ = await consumer.get_watermark_offsets(TopicPartition(*key), timeout=_ANSWER_SECONDS)
        if key in self._committed or position.has_read:
            self._skip(key, offset, first)
        position.move(max(first, offset))
        # Without its epoch librdkafka would not notice that the log was cut once more, below this.
        epoch = position.last_epoch() if offset >= first else NO_EPOCH
        at = TopicPartition(*key, max(first, offset), leader_epoch=epoch)
        await consumer.seek(at)
        log.info("kafka.sought", topic=at.topic, partition=at.partition, offset=at.offset)

    async def _begin(self, consumer: AIOConsumer, key: Partition) -> bool:
        """Find out where a partition begins; return whether it has to be sought there."""
        at, position = TopicPartition(*key), self._positions[key]
        (committed,) = await consumer.committed([at], timeout=_ANSWER_SECONDS)
        if committed.offset >= 0:
            self._committed.add(key)
            return position.begin(committed.offset)
        if self._start == "latest":
            _, end = await consumer.get_watermark_offsets(at, timeout=_ANSWER_SECONDS)
            self._begun(key, end)
            position.move(end)
            return True
        return self._start == "earliest" and position.begin(0)

    def _is_below(self, position: ReadPosition, message: Message) -> bool:
        """Whether a record of a partition that is to be sought shows that its log was cut meanwhile."""
        offset: int = message.offset()  # type: ignore[assignment]  # set, because it is no error
        position.pass_over(offset, message.leader_epoch())
        return position.is_below(offset)

    def _take_step(self, key: Partition, message: Message) -> bool:
        """Whether to accept a record that is not the next one."""
        offset: int = message.offset()  # type: ignore[assignment]  # set, because it is no error
        step = self._positions[key].step(offset, message.leader_epoch())
        self._apply(step, key, offset)
        return step is not Step.ASIDE

    def _apply(self, step: Step, key: Partition, offset: int) -> None:
        match step:
            case Step.BACK:
                self._to_seek.pop(key, None)
                self._go_back(key, offset)
            case Step.ASIDE:
                self._to_seek[key] = None
            case Step.ON:
                self._skip(key, self.next_offset(key), offset)

    def _skip(self, key: Partition, first: int | None, end: int) -> None:
        if first is not None and first < end:
            self._skipped(key, first, end)

    def _go_back(self, key: Partition, offset: int) -> None:
        """Go back to ``offset``, where the log continues below what was read.

        That is the cut, if an unclean election took the end of the log. It is the earliest record, if the
        topic was created anew or librdkafka could not tell where the cut was.
        """
        position = self._positions[key]
        log.warning(
            "kafka.log_cut",
            topic=key.topic,
            partition=key.number,
            read_to_offset=position.next_offset,
            goes_on_at_offset=offset,
            effect="what was received is delivered; what Kafka lost before it was received is lost",
        )
        if position.has_read:
            self.assignments[key] = self._cut(key, offset)
        else:
            self._begun(key, offset)
        position.move(offset)


def _note_epoch(run: ReadPosition, latest: Message | None) -> None:
    """Note the epoch of a run: records of a partition come in runs, and the last one's epoch is enough."""
    if latest is not None:
        epoch = latest.leader_epoch()
        run.leader_epoch = NO_EPOCH if epoch is None else epoch
