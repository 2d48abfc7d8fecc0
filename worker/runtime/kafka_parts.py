"""The parts of a worker that reads Kafka; and the dead-letter topic, which another one may have too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import structs

from worker.blocking import run_blocking
from worker.core.log_throttle import LogThrottle
from worker.core.model.snapshot import NotReady
from worker.dead_letters.topic import KafkaAway, ensure_topic
from worker.dead_letters.writer import KafkaDeadLetters
from worker.runtime.login_watch import LoginWatch
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.cluster import unreachable_reason
from worker.sources.kafka.source import KafkaSource
from worker.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.runtime.login_files import LoginFiles
    from worker.settings import Settings
    from worker.status import Status

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS: Final = 5.0
_AWAY_SECONDS: Final = 1.0


class KafkaParts:
    """Builds the source and the dead letters; implements ``SourceParts``.

    Args:
        settings: the configuration.
        login: what the login is made of.
    """

    def __init__(self, settings: Settings, login: LoginFiles) -> None:
        self._settings = settings
        self._login = login
        self._watch = LoginWatch(login)

    async def wait_until_there(self, status: Status) -> None:
        """Wait for Kafka and the dead-letter topic. A source topic may come later."""
        await wait_for_dead_letter_topic(self._settings, status, self._login)

    def source(self, clock: Callable[[], float]) -> KafkaSource:
        """Build the member of the consumer group."""
        kafka = self._login.kafka
        source = KafkaSource(
            client_settings(kafka, for_="consumer"),
            kafka.topics,
            commit_seconds=kafka.commit_seconds,
            clock=clock,
        )
        self._watch.add(source, "consumer")
        return source

    def dead_letters(self) -> KafkaDeadLetters:
        """Build the writer of the dead-letter topic."""
        return watched_dead_letter_writer(self._settings, self._login, self._watch)

    async def close(self) -> None:
        """Look no more at the files of the login: source and writer have connections of their own."""
        await self._watch.close()


def dead_letter_writer(settings: Settings) -> KafkaDeadLetters:
    """Build the writer of the dead-letter topic; close it."""
    producer = client_settings(settings.kafka, for_="producer")
    return KafkaDeadLetters(producer, settings.dead_letters.topic, version=VERSION)


def watched_dead_letter_writer(settings: Settings, login: LoginFiles, watch: LoginWatch) -> KafkaDeadLetters:
    """Build one that logs in by what the files of the login hold."""
    letters = dead_letter_writer(structs.replace(settings, kafka=login.kafka))
    watch.add(letters, "producer")
    return letters


async def wait_for_dead_letter_topic(settings: Settings, status: Status, login: LoginFiles) -> None:
    """Wait until the topic is known to exist. What is wrong with the login may be put right meanwhile.

    Raises:
        DeadLetterTopicUnusable: it does not exist and may not be created, or it would lose letters.
    """
    log_throttle, clock = LogThrottle(), asyncio.get_running_loop().time
    while True:
        try:
            is_new = await _ensure_dead_letter_topic(structs.replace(settings, kafka=login.kafka))
        except KafkaAway as away:
            status.waiting_for = NotReady("kafka", f"kafka: {away}")
            if times := log_throttle.note("away", clock()):
                log.warning("kafka.away", reason=str(away), times=times)
            await asyncio.sleep(_AWAY_SECONDS)
            if change := await run_blocking(login.look):
                login.use(change)
            continue
        status.waiting_for = None
        if is_new:
            log.info("dead_letters.topic_made", topic=settings.dead_letters.topic)
        return


async def _ensure_dead_letter_topic(settings: Settings) -> bool:
    """Check that the topic exists, or create it if configured; return whether it was created.

    Raises:
        DeadLetterTopicUnusable: as above.
        KafkaAway: Kafka does not answer.
    """
    if why := await run_blocking(unreachable_reason, settings.kafka, _PATIENCE_SECONDS):
        raise KafkaAway(why)
    return await ensure_topic(
        client_settings(settings.kafka, for_="admin"),
        settings.dead_letters.topic,
        source_topics=settings.kafka.topics,
        create=settings.dead_letters.create_topic,
    )
