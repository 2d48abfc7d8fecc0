"""Explains why a dead letter could not be written, to the person who can fix it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError

if TYPE_CHECKING:
    from worker.core.model.records import Record
    from worker.dead_letters.letter import LetterHeaders

_WORDS: Final = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "it is not there",
    KafkaError._UNKNOWN_TOPIC: "it is not there",  # noqa: SLF001  librdkafka's own codes are named so
    KafkaError._UNKNOWN_PARTITION: "it is not there",  # noqa: SLF001  as above
    KafkaError._MSG_TIMED_OUT: "no acknowledgement in time",  # noqa: SLF001  as above
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "the worker may not write to it (ACL Write)",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "the worker may not write idempotently (ACL IdempotentWrite)",
    KafkaError.INVALID_RECORD: "it rejects such a record; if it is compacted, make its cleanup.policy delete",
    KafkaError._QUEUE_FULL: "a letter is larger than kafka.client's queue.buffering.max.kbytes",  # noqa: SLF001  as above
}
_TOO_LARGE: Final = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)


def why_unwritable(error: KafkaError, topic: str, record: Record, headers: LetterHeaders) -> str:
    """Name the topic and the problem; of the record, at most its position and size."""
    if error.code() in _TOO_LARGE:
        place = f"{record.assignment.partition}@{record.offset}"
        return (
            f"dead-letter topic {topic}: the record {place}, {_letter_bytes(record, headers)} bytes, "
            f"is too large; raise the topic's max.message.bytes"
        )
    return f"dead-letter topic {topic}: {_WORDS.get(error.code()) or said(error)} ({error.name()})"


def said(error: KafkaError) -> str:
    """Return the error's own message."""
    try:
        return error.str()
    except UnicodeDecodeError:
        # The message quotes a broker, which may send anything.
        return "what Kafka said is not UTF-8"


def _letter_bytes(record: Record, headers: LetterHeaders) -> int:
    size = len(record.key or b"") + len(record.value or b"")
    return size + sum(len(name) + len(value or b"") for name, value in headers)
