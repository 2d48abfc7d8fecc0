"""Writes dead letters to a topic: a letter is written when the broker has acknowledged it, and not before.

Everything happens on the loop. librdkafka sends from threads of its own; what it reports is fetched with
``poll(0)``, which never waits. A thread that polls would have to win the interpreter's lock for each report,
and a busy loop lets go of it 200 times a second.

A letter's timestamp is the time of writing; the record's own stands in a header. Retention counts from the
timestamp: with the record's own, a letter from a backlog older than the retention would be deleted within
minutes, and one from the future be refused for ever, together with the letters sent beside it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from confluent_kafka import KafkaError, KafkaException, Producer

from worker.dead_letters.letter import letter_headers
from worker.dead_letters.unwritable import why_unwritable
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confluent_kafka import Message

    from worker.core.records import Reason, Record
    from worker.dead_letters.letter import LetterHeaders

Report: TypeAlias = "asyncio.Future[KafkaError | None]"

DEFAULTS: Final[Mapping[str, object]] = {
    "enable.idempotence": True,
    # Long enough for a leader election, short enough that a hold is seen. The writer's caller tries again.
    "message.timeout.ms": 20_000,
    # The topic was there at start. librdkafka's 30 s are for topics that the first message makes.
    "topic.metadata.propagation.max.ms": 5_000,
    # Else an authorisation that was mended, or a topic that came back, is noticed after 5 minutes.
    "topic.metadata.refresh.interval.ms": 10_000,
    # What the broker takes is the broker's to say; librdkafka's own limit of 1 MB is lower than Kafka's.
    "message.max.bytes": 1_000_000_000,
    # The source's limit is for compressed batches: a record that came compressed may not fit as it is.
    "compression.type": "zstd",
    # A topic's limit is for whole batches: with small ones no letter is too large for its neighbours' sake.
    "batch.size": 128 * 1024,
    # As Java's producer does it, so that a key's letters stand in one partition.
    "partitioner": "murmur2_random",
}
PROMISES: Final[Mapping[str, object]] = {"acks": "all"}

# How often reports are fetched while letters are under way, and while none is (for librdkafka's log lines).
BUSY_POLL_SECONDS: Final = 0.005
IDLE_POLL_SECONDS: Final = 1.0


class KafkaDeadLetters:
    """The dead-letter topic. Made on the loop that it is used on; ``close()`` it."""

    def __init__(self, settings: Mapping[str, object], topic: str, *, version: str) -> None:
        """Write to ``topic``, with ``client_settings(kafka, for_="producer")``; connects by itself."""
        self._settings = {**DEFAULTS, **settings, **PROMISES}
        self._topic = topic
        self._version = version
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(self._settings)
        self._under_way: set[Report] = set()
        self._some_answered = asyncio.Event()
        self._next_poll = self._loop.call_later(IDLE_POLL_SECONDS, self._poll)

    async def write(self, record: Record, reason: Reason, tries: int) -> None:
        """Return when every in-sync replica has the letter.

        Raises:
            DeadLettersUnwritable: it was not acknowledged; it may be there all the same.
        """
        headers = letter_headers(record, reason, tries, failed_at_seconds=time.time(), version=self._version)
        error = await self._sent(record, headers)
        if error is not None:
            raise DeadLettersUnwritable(why_unwritable(error, self._topic, record, headers))

    async def close(self, seconds: float = 5.0) -> None:
        """Wait so long for what is under way, then give it up (its writers hear of it), and disconnect."""
        deadline = self._loop.time() + seconds
        while self._under_way and self._loop.time() < deadline:
            await self._next_answers(deadline - self._loop.time())
        self._next_poll.cancel()
        self._fail_under_way(KafkaError(KafkaError._PURGE_INFLIGHT))  # noqa: SLF001  librdkafka's name for it
        await asyncio.to_thread(_disconnect, self._producer)

    async def _sent(self, record: Record, headers: LetterHeaders) -> KafkaError | None:
        """Hand it to librdkafka, wait for the report, return what is wrong."""
        report: Report = self._loop.create_future()
        reported = partial(self._reported, report)
        while True:
            try:
                self._producer.produce(
                    self._topic, record.value, record.key, headers=headers, on_delivery=reported
                )
                break
            except BufferError:
                await self._next_answers(IDLE_POLL_SECONDS)
            except KafkaException as refusal:
                return self._refused(refusal)
        if not self._under_way:
            self._poll_in(BUSY_POLL_SECONDS)
        self._under_way.add(report)
        return await report

    def _reported(self, report: Report, error: KafkaError | None, _: Message) -> None:
        """What became of one letter; called from within ``poll``."""
        self._under_way.discard(report)
        # Its writer may have been cancelled meanwhile.
        if not report.done():
            report.set_result(error)

    def _poll(self) -> None:
        """Fetch what librdkafka has to report, and come back."""
        try:
            answered = self._producer.poll(0)
        except KafkaException as fatal:
            self._replace_producer(_error_of(fatal))
            answered = 1
        if answered:
            self._some_answered.set()
        self._poll_in(BUSY_POLL_SECONDS if self._under_way else IDLE_POLL_SECONDS)

    def _poll_in(self, seconds: float) -> None:
        self._next_poll.cancel()
        self._next_poll = self._loop.call_later(seconds, self._poll)

    async def _next_answers(self, seconds: float) -> None:
        """Wait for the next reports, but not longer than this."""
        self._some_answered.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._some_answered.wait(), seconds)

    def _refused(self, refusal: KafkaException) -> KafkaError:
        """What ``produce`` itself said."""
        error = _error_of(refusal)
        if error.code() == KafkaError._FATAL:  # noqa: SLF001  librdkafka's own codes are named so
            self._replace_producer(error)
        return error

    def _replace_producer(self, fatal: KafkaError) -> None:
        """An idempotent producer gives itself up for good when its numbering breaks: go on with a new one."""
        given_up, self._producer = self._producer, Producer(self._settings)
        self._fail_under_way(fatal)
        self._loop.run_in_executor(None, _disconnect, given_up)

    def _fail_under_way(self, error: KafkaError) -> None:
        """Tell every writer that its letter was not acknowledged."""
        under_way, self._under_way = self._under_way, set()
        for report in under_way:
            if not report.done():
                report.set_result(error)


def _error_of(exception: KafkaException) -> KafkaError:
    error: KafkaError = exception.args[0]
    return error


def _disconnect(producer: Producer) -> None:
    """Forget what the producer still has, and end its threads, which may take a while."""
    producer.purge()
    # A producer that gave itself up says so once more.
    with suppress(KafkaException):
        producer.close()
