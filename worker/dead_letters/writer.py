"""Writes dead letters to a topic: a letter is written when the broker has acknowledged it, and not before.

Everything happens on the loop. librdkafka sends from threads of its own; what it reports is fetched with
``poll(0)``, which never waits. A thread that polls would have to win the interpreter's lock for each report,
and a busy loop lets go of it 200 times a second.

Whatever the client says to a letter, its writer hears that it is not written, and tries again: a producer
that gave itself up is replaced when the next letter comes, as often as that takes.

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

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from worker.dead_letters.letter import letter_headers, without_theirs
from worker.dead_letters.unwritable import why_unwritable
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka import Message

    from worker.core.model.records import Reason, Record
    from worker.dead_letters.letter import LetterHeaders

log = structlog.get_logger(__name__)

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
        # None: the last one gave itself up.
        self._producer: Producer | None = Producer(self._settings)
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
        if self._producer is not None:
            await asyncio.to_thread(_disconnect, self._producer)

    async def _sent(self, record: Record, headers: LetterHeaders) -> KafkaError | None:
        """Hand it to librdkafka, wait for the report, return what is wrong."""
        report: Report = self._loop.create_future()
        reported = partial(self._reported, report)
        while True:
            try:
                self._produce(record, headers, reported)
                break
            except BufferError:
                if not self._under_way:  # There is nothing to make room: it would be waited for in vain.
                    return KafkaError(KafkaError._QUEUE_FULL)  # noqa: SLF001  librdkafka's name for it
                await self._next_answers(IDLE_POLL_SECONDS)
            except KafkaException as refusal:
                return self._refused(refusal)
            except Exception as refusal:  # noqa: BLE001  of a letter that can't be written nobody may die
                return KafkaError(KafkaError._FAIL, _class_of(refusal))  # noqa: SLF001  as above
        if not self._under_way:
            self._poll_in(BUSY_POLL_SECONDS)
        self._under_way.add(report)
        return await report

    def _produce(self, record: Record, headers: LetterHeaders, reported: Callable[..., None]) -> None:
        """Give librdkafka the letter; without its record's headers, if the client doesn't take those."""
        if self._producer is None:
            self._producer = Producer(self._settings)
        produce = partial(self._producer.produce, self._topic, record.value, record.key, on_delivery=reported)
        try:
            produce(headers=headers)
        except (TypeError, ValueError):
            produce(headers=without_theirs(headers))

    def _reported(self, report: Report, error: KafkaError | None, _: Message) -> None:
        """What became of one letter; called from within ``poll``."""
        self._under_way.discard(report)
        # Its writer may have been cancelled meanwhile.
        if not report.done():
            report.set_result(error)

    def _poll(self) -> None:
        """Fetch what librdkafka has to report, and come back, whatever happens."""
        try:
            if self._fetch_reports():
                self._some_answered.set()
        finally:
            self._poll_in(BUSY_POLL_SECONDS if self._under_way else IDLE_POLL_SECONDS)

    def _fetch_reports(self) -> int:
        """How many there were."""
        if self._producer is None:
            return 0
        try:
            return self._producer.poll(0)
        except KafkaException as fatal:
            self._give_up_producer(_error_of(fatal))
        except Exception as fault:
            # Reports may be lost with it, and their writers wait for them.
            log.exception("dead_letters.reports_failed")
            self._give_up_producer(KafkaError(KafkaError._FAIL, _class_of(fault)))  # noqa: SLF001  as above
        return 1

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
            self._give_up_producer(error)
        return error

    def _give_up_producer(self, fatal: KafkaError) -> None:
        """An idempotent producer gives itself up for good when its numbering breaks: go on with a new one.

        The next letter makes it: making one may fail, and then it is that letter's writer who tries again.
        """
        given_up, self._producer = self._producer, None
        self._fail_under_way(fatal)
        if given_up is not None:
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


def _class_of(fault: Exception) -> str:
    """All that is told of it: its words may cite the letter."""
    return type(fault).__name__


def _disconnect(producer: Producer) -> None:
    """Forget what the producer still has, and end its threads, which may take a while."""
    # A producer that gave itself up says so once more.
    with suppress(KafkaException):
        producer.purge()
        producer.close()
