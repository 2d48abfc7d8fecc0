"""Reads the dead-letter topic from the beginning to where it ended at the start, and no further.

The reader is not a member of a group: it takes all partitions, and commits under a group's name without
joining the group. So there is no rebalance, no session to keep alive while a wave is in progress, and nothing
to wait for after a crash. The price is that Kafka does not guarantee that the reader is alone. So before each
commit, the caller checks whether somebody else has committed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from worker.core.model.boundary import Through
from worker.core.model.partition import Partition
from worker.core.offsets.assignment import Assignment
from worker.dead_letters.unwritable import said
from worker.sources.kafka.messages import RecordReader
from worker.sources.kafka.offsets import offset_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from confluent_kafka import Message

    from worker.core.model.records import Record

Answer = TypeVar("Answer")

ANSWER_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1
# After a broker is killed, a new leader is elected within seconds, so silence for this long is a real outage.
_PATIENCE_SECONDS: Final = 60.0
_PATIENCE_POLLS: Final = round(_PATIENCE_SECONDS / _POLL_SECONDS)
_PAUSE_SECONDS: Final = 0.2
_SETTINGS: Final[Mapping[str, object]] = {
    "enable.partition.eof": True,
    # The record at a committed offset may have been deleted since; then start at the oldest that is left.
    "auto.offset.reset": "earliest",
}
# Errors that do not pass with time.
_LASTING: Final = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  librdkafka's own codes are named so
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  as above
    KafkaError._FATAL,  # noqa: SLF001  as above
}
# The same for requests about the group.
_LASTING_OF_GROUP: Final = {
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    # The group has members.
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.ILLEGAL_GENERATION,
}


class LettersUnreadable(Exception):  # noqa: N818  it names the state
    """The dead letters can't be read, or how far they were replayed can't be had; ``str()`` says why.

    Args:
        topic: the name of their topic, or stream.
        why: the reason.
        place: which of the two.
    """

    def __init__(self, topic: str, why: str, *, place: str = "topic") -> None:
        super().__init__(f"dead-letter {place} {topic}: {why}")
        self.place = f"dead-letter {place} {topic}"
        self.why = why


class LetterTopic:
    """The dead-letter topic. Every call blocks. ``close()`` it after use.

    Args:
        settings: ``client_settings(kafka, for_="consumer")``.
        topic: the topic to read.
    """

    def __init__(self, settings: Mapping[str, object], topic: str) -> None:
        self.topic = topic
        self.unit = ""
        self._consumer = Consumer({**settings, **_SETTINGS})
        self._assignments: dict[int, Assignment] = {}
        self._ends: dict[int, int] = {}
        self._unread: set[int] = set()
        self._records = RecordReader()
        self._empty_polls = 0
        self.positions: dict[int, int] = {}
        """The offset of the next record that ``read`` would return, by partition."""

    def spans(self) -> dict[int, tuple[int, int]]:
        """Return the first offset and the one after the last, by partition, as of now.

        Raises:
            LettersUnreadable: there is no such topic, or Kafka does not answer.
        """
        # Asks for all topics, because a request for this one alone might create it.
        found = self._ask(lambda: self._consumer.list_topics(timeout=ANSWER_SECONDS)).topics.get(self.topic)
        if found is None or not found.partitions:
            raise LettersUnreadable(self.topic, "is not there, or this user may not see it (ACL Describe)")
        return {number: self._span(number) for number in sorted(found.partitions)}

    def begin(self, spans: Mapping[int, tuple[int, int]]) -> None:
        """Start to read these partitions, each from its first offset to just before its second."""
        self._assignments = {number: Assignment(Partition(self.topic, number), 0) for number in spans}
        self._ends = {number: end for number, (_, end) in spans.items()}
        self.positions = {number: start for number, (start, _) in spans.items()}
        self._unread = {number for number, (start, end) in spans.items() if start < end}
        self._empty_polls = 0
        self._consumer.assign([self._at(number, self.positions[number]) for number in sorted(self._unread)])

    @property
    def at_end(self) -> bool:
        """Whether everything has been read."""
        return not self._unread

    def left(self) -> int:
        """Return how many offsets are still to be read."""
        return sum(self._ends[number] - self.positions[number] for number in self._unread)

    def read(self, most: int) -> Sequence[Record]:
        """Return up to ``most`` available records; if there are none, nothing after a short wait.

        Raises:
            LettersUnreadable: the topic can't be read, or nothing came for a minute.
        """
        first = self._consumer.poll(_POLL_SECONDS)
        if first is None:
            # Polls are counted and not timed: while a wave is in progress nobody reads, and that is not an
            # error.
            self._empty_polls += 1
            if self._empty_polls > _PATIENCE_POLLS:
                raise LettersUnreadable(self.topic, f"nothing came for {_PATIENCE_SECONDS:g} s")
            return ()
        self._empty_polls = 0
        more = self._consumer.consume(most - 1, 0) if most > 1 else []
        return [record for each in (first, *more) if (record := self._take(each)) is not None]

    def committed(self) -> dict[int, int]:
        """Return the group's committed offsets by partition.

        Raises:
            LettersUnreadable: they can't be had.
        """
        wanted = [TopicPartition(self.topic, number) for number in sorted(self._assignments or self.spans())]
        found = self._ask(lambda: _checked(self._consumer.committed(wanted, timeout=ANSWER_SECONDS)))
        return {each.partition: each.offset for each in found if each.offset >= 0}

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit, and wait for the acknowledgement.

        Raises:
            LettersUnreadable: the group's offsets can't be written.
        """
        positions = [self._at(*each) for each in offsets.items()]
        self._ask(lambda: _checked(self._consumer.commit(offsets=positions, asynchronous=False)))

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def _span(self, number: int) -> tuple[int, int]:
        partition = TopicPartition(self.topic, number)
        found = self._ask(lambda: self._consumer.get_watermark_offsets(partition, ANSWER_SECONDS))
        if found is None:
            raise LettersUnreadable(self.topic, f"Kafka does not say where partition {number} ends")
        return found

    def _take(self, message: Message) -> Record | None:
        """Return the record, unless the message is not one, or lies past the end noted at the start."""
        if (error := message.error()) is not None:
            self._handle_error(error, message)
            return None
        number, offset = message.partition(), message.offset()
        if number not in self._unread or offset is None:
            return None
        if offset >= self._ends[number]:
            self._end(number)
            return None
        self.positions[number] = offset_of(Through(offset))
        record = self._records.record(message, self._assignments[number], 0.0)
        if self.positions[number] >= self._ends[number]:
            self._end(number)
        return record

    def _handle_error(self, error: KafkaError, message: Message) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own codes are named so
            number, offset = message.partition(), message.offset()
            if number in self._unread and offset is not None:
                # The last offsets may be transaction markers, which are not records.
                self.positions[number] = max(self.positions[number], min(offset, self._ends[number]))
                self._end(number)
        elif error.code() in _LASTING:
            raise LettersUnreadable(self.topic, said(error))

    def _end(self, number: int) -> None:
        self._unread.discard(number)
        self._consumer.pause([TopicPartition(self.topic, number)])

    def _at(self, number: int, offset: int) -> TopicPartition:
        return TopicPartition(self.topic, number, offset)

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        """Ask the broker; repeat while it is unreachable or just starting."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return call()
            except KafkaException as refusal:
                error: KafkaError = refusal.args[0]
                if error.code() in _LASTING | _LASTING_OF_GROUP or time.monotonic() > ends:
                    raise LettersUnreadable(self.topic, said(error)) from None
            except (UnicodeDecodeError, SystemError):
                # The client assumes that all names are UTF-8.
                raise LettersUnreadable(self.topic, "what Kafka says of its topics can't be read") from None
            time.sleep(_PAUSE_SECONDS)


def _checked(found: Iterable[TopicPartition] | None) -> list[TopicPartition]:
    """Return the answers if none has an error of its own."""
    answers = list(found or ())
    for each in answers:
        if each.error is not None:
            raise KafkaException(each.error)
    return answers
