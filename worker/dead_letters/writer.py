"""Writes dead letters to a topic: a letter counts as written once the broker has acknowledged it, not before.

Everything runs on the loop. librdkafka sends from its own threads; its reports are fetched with ``poll(0)``,
which never waits. A polling thread would have to acquire the interpreter's lock for each report, and a busy
loop releases it only 200 times a second.

Whatever goes wrong in the client, the caller learns that the letter was not written, and tries again. A
producer that failed for good is replaced when the next letter comes, as often as necessary.

A letter's timestamp is the time of writing; the record's own is in a header. Retention is measured from the
timestamp. With the record's own, a letter from a backlog older than the retention would be deleted within
minutes, and one from the future would be rejected for ever, together with the letters sent in the same batch.
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
    # Long enough for a leader election, short enough that a hold shows. The caller tries again.
    "message.timeout.ms": 20_000,
    # The topic existed at start. librdkafka's 30 s are for topics that the first message creates.
    "topic.metadata.propagation.max.ms": 5_000,
    # Otherwise a corrected ACL, or a topic that came back, is noticed only after 5 minutes.
    "topic.metadata.refresh.interval.ms": 10_000,
    # The broker decides what it accepts; librdkafka's own limit of 1 MB is lower than Kafka's.
    "message.max.bytes": 1_000_000_000,
    # The source topic's limit applies to compressed batches, so a record that came compressed may not fit
    # uncompressed.
    "compression.type": "zstd",
    # A topic's limit applies to whole batches; with small ones, no letter is too large because of its
    # neighbours.
    "batch.size": 128 * 1024,
    # As in Java's producer, so that all letters of a key are in one partition.
    "partitioner": "murmur2_random",
}
PROMISES: Final[Mapping[str, object]] = {"acks": "all"}

# How often reports are fetched while letters are in flight, and while none are (for librdkafka's log lines).
BUSY_POLL_SECONDS: Final = 0.005
IDLE_POLL_SECONDS: Final = 1.0


class KafkaDeadLetters:
    """The dead-letter topic. Create it on the loop that uses it, and ``close()`` it.

    Args:
        settings: ``client_settings(kafka, for_="producer")``; it connects by itself.
        topic: the topic to write to.
        version: the worker's version, for a header.
    """

    def __init__(self, settings: Mapping[str, object], topic: str, *, version: str) -> None:
        self._settings = {**DEFAULTS, **settings, **PROMISES}
        self._topic = topic
        self._version = version
        self._loop = asyncio.get_running_loop()
        # None: the last producer failed for good.
        self._producer: Producer | None = Producer(self._settings)
        self._renewed: tuple[dict[str, object], bool] | None = None
        self._under_way: set[Report] = set()
        self._some_answered = asyncio.Event()
        self._next_poll = self._loop.call_later(IDLE_POLL_SECONDS, self._poll)

    def renew(self, settings: Mapping[str, object], *, anew: bool) -> None:
        """Log in as these settings say, from the next letter on.

        Args:
            settings: as for a new writer.
            anew: whether that takes another producer. It is made once no letter is under way, so that none is
                written twice for it. Otherwise only user and password have changed.
        """
        anew = anew or (self._renewed is not None and self._renewed[1])
        self._renewed = {**DEFAULTS, **settings, **PROMISES}, anew

    async def write(self, record: Record, reason: Reason, tries: int) -> None:
        """Return once every in-sync replica has the letter.

        Raises:
            DeadLettersUnwritable: it was not acknowledged; it may have been written all the same.
        """
        headers = letter_headers(record, reason, tries, failed_at_seconds=time.time(), version=self._version)
        error = await self._sent(record, headers)
        if error is not None:
            raise DeadLettersUnwritable(why_unwritable(error, self._topic, record, headers))

    async def close(self, seconds: float = 5.0) -> None:
        """Wait this long for letters in flight, fail the rest (their callers are told), and disconnect."""
        deadline = self._loop.time() + seconds
        while self._under_way and self._loop.time() < deadline:
            await self._next_answers(deadline - self._loop.time())
        self._next_poll.cancel()
        self._fail_under_way(KafkaError(KafkaError._PURGE_INFLIGHT))  # noqa: SLF001  librdkafka's name for it
        if self._producer is not None:
            await asyncio.to_thread(_disconnect, self._producer)

    async def _sent(self, record: Record, headers: LetterHeaders) -> KafkaError | None:
        """Hand it to librdkafka, wait for the report, and return the error."""
        report: Report = self._loop.create_future()
        reported = partial(self._reported, report)
        while self._renewed is not None and self._under_way:
            await self._next_answers(IDLE_POLL_SECONDS)
        while True:
            try:
                self._renew()
                self._produce(record, headers, reported)
                break
            except BufferError:
                if not self._under_way:  # Nothing in flight can make room, so waiting would be in vain.
                    return KafkaError(KafkaError._QUEUE_FULL)  # noqa: SLF001  librdkafka's name for it
                await self._next_answers(IDLE_POLL_SECONDS)
            except KafkaException as refusal:
                return self._refused(refusal)
            except Exception as refusal:  # noqa: BLE001  a letter that can't be written must not end the worker
                return KafkaError(KafkaError._FAIL, _class_of(refusal))  # noqa: SLF001  as above
        if not self._under_way:
            self._poll_in(BUSY_POLL_SECONDS)
        self._under_way.add(report)
        return await report

    def _renew(self) -> None:
        """Apply what has changed of the login; nothing is under way.

        Raises:
            KafkaException: no producer can be made with it, or not yet; the next letter tries again.
        """
        if self._renewed is None:
            return
        settings, anew = self._renewed
        if self._producer is not None and anew:
            successor = Producer(settings)
            self._loop.run_in_executor(None, _disconnect, self._producer)
            self._producer = successor
        elif self._producer is not None:
            self._producer.set_sasl_credentials(
                str(settings["sasl.username"]), str(settings["sasl.password"])
            )
        self._settings, self._renewed = settings, None

    def _produce(self, record: Record, headers: LetterHeaders, reported: Callable[..., None]) -> None:
        """Pass the letter to librdkafka, without its record's headers if the client rejects those."""
        if self._producer is None:
            self._producer = Producer(self._settings)
        produce = partial(self._producer.produce, self._topic, record.value, record.key, on_delivery=reported)
        try:
            produce(headers=headers)
        except (TypeError, ValueError):
            produce(headers=without_theirs(headers))

    def _reported(self, report: Report, error: KafkaError | None, _: Message) -> None:
        """Receive the outcome of one letter; called from within ``poll``."""
        self._under_way.discard(report)
        # Its caller may have been cancelled in the meantime.
        if not report.done():
            report.set_result(error)

    def _poll(self) -> None:
        """Fetch librdkafka's reports, and schedule the next poll, whatever happens."""
        try:
            if self._fetch_reports():
                self._some_answered.set()
        finally:
            self._poll_in(BUSY_POLL_SECONDS if self._under_way else IDLE_POLL_SECONDS)

    def _fetch_reports(self) -> int:
        """Fetch the reports and return their number."""
        if self._producer is None:
            return 0
        try:
            return self._producer.poll(0)
        except KafkaException as fatal:
            self._give_up_producer(_error_of(fatal))
        except Exception as fault:
            # Reports may be lost with it, and their callers wait for them.
            log.exception("dead_letters.reports_failed")
            self._give_up_producer(KafkaError(KafkaError._FAIL, _class_of(fault)))  # noqa: SLF001  as above
        return 1

    def _poll_in(self, seconds: float) -> None:
        self._next_poll.cancel()
        self._next_poll = self._loop.call_later(seconds, self._poll)

    async def _next_answers(self, seconds: float) -> None:
        """Wait for the next reports, but at most this long."""
        self._some_answered.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._some_answered.wait(), seconds)

    def _refused(self, refusal: KafkaException) -> KafkaError:
        """Return the error that ``produce`` itself raised."""
        error = _error_of(refusal)
        if error.code() == KafkaError._FATAL:  # noqa: SLF001  librdkafka's own codes are named so
            self._give_up_producer(error)
        return error

    def _give_up_producer(self, fatal: KafkaError) -> None:
        """Drop a producer that failed for good, as an idempotent one does when its numbering breaks.

        The next letter creates a new one. That may fail too, and then the caller of that letter tries again.
        """
        given_up, self._producer = self._producer, None
        self._fail_under_way(fatal)
        if given_up is not None:
            self._loop.run_in_executor(None, _disconnect, given_up)

    def _fail_under_way(self, error: KafkaError) -> None:
        """Tell every caller that its letter was not acknowledged."""
        under_way, self._under_way = self._under_way, set()
        for report in under_way:
            if not report.done():
                report.set_result(error)


def _error_of(exception: KafkaException) -> KafkaError:
    error: KafkaError = exception.args[0]
    return error


def _class_of(fault: Exception) -> str:
    """Return the only part of it that is reported, because its message may quote the letter."""
    return type(fault).__name__


def _disconnect(producer: Producer) -> None:
    """Discard what the producer still has, and end its threads, which may take a while."""
    # A producer that failed for good raises its error once more.
    with suppress(KafkaException):
        producer.purge()
        producer.close()
