"""The parts of a worker that reads Kinesis: its clients, its leases, its source, and its dead letters."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import time
from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog

from worker.core.leases.lease import Sentinel
from worker.core.log_throttle import LogThrottle
from worker.core.model.snapshot import NotReady
from worker.dead_letters.stream import StreamDeadLetters
from worker.runtime.kinesis_clients import KinesisClients
from worker.sources.kinesis.fetch_budget import FetchBudget
from worker.sources.kinesis.lease_keeper import LeaseKeeper
from worker.sources.kinesis.lease_parts import lease_parts
from worker.sources.kinesis.readers import Readers, Times
from worker.sources.kinesis.source import KinesisSource
from worker.sources.kinesis.table_setup import LeaseTableAway
from worker.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.aws.access import AwsAccess
    from worker.runtime.login_files import LoginFiles
    from worker.runtime.login_watch import LoginWatch
    from worker.runtime.source_parts import ClosableDeadLetters
    from worker.settings import Settings
    from worker.sources.kinesis.letter_stream import KinesisLetterStream
    from worker.status import Status

log = structlog.get_logger(__name__)

# Workers that share the table know by this that they may ask one another for a lease.
WORKER_KIND: Final = "personalize-worker"
# Beside limits.max_unsettled_bytes: what was fetched and is not received yet.
_FETCHED_BYTES: Final = 16 << 20
_CONNECT_SECONDS: Final = 3.0
_READ_SECONDS: Final = 10.0
_READS_AT_ONCE: Final = 64
_WRITES_AT_ONCE: Final = 32
# A call to the table ends within a third of the failover time, answered or not.
_TABLE_CALLS_A_FAILOVER: Final = 3
_AGAIN_SECONDS: Final = 1.0


class KinesisParts:
    """Builds the source and the dead letters; implements ``SourceParts``.

    Args:
        settings: the configuration.
        access: what all AWS clients share.
        login: what the login to Kafka is made of, for a dead-letter topic.
    """

    def __init__(self, settings: Settings, access: AwsAccess, login: LoginFiles) -> None:
        self._settings = settings
        self._login = login
        self._watch: LoginWatch | None = None
        self._clients = KinesisClients(settings, access)

    async def wait_until_there(self, status: Status) -> None:
        """Wait for the lease table and for the place of dead letters. A stream may come later.

        Raises:
            LeaseTableUnusable: there is none and none may be made, or the table is another one.
            LetterStreamUnusable: there is none.
        """
        await self._clients.open()
        await self._wait_for_table(status)
        if self._clients.letters is not None:
            await self._wait_for_letters(self._clients.letters, status)
        else:
            from worker.runtime.kafka_parts import wait_for_dead_letter_topic  # noqa: PLC0415  seldom needed

            await wait_for_dead_letter_topic(self._settings, status, self._login)
        status.waiting_for = None

    def source(self, clock: Callable[[], float]) -> KinesisSource:
        """Build the source, and the keeper of its leases."""
        kinesis, shards = self._settings.kinesis, self._clients.shards
        keeper = LeaseKeeper(
            lease_parts(
                self._clients.table,
                shards.all,
                worker_id=f"{WORKER_KIND}/{socket.gethostname()}/{secrets.token_hex(4)}",
                failover_seconds=kinesis.failover_seconds,
                start=Sentinel[kinesis.start.upper()],
                clock=clock,
                sleep=asyncio.sleep,
                draw=random.random,
                epoch_seconds=time.time,
            )
        )
        start_at = None if kinesis.start_at is None else datetime.fromisoformat(kinesis.start_at).timestamp()
        readers = Readers(shards, FetchBudget(_FETCHED_BYTES), start_at=start_at, times=Times(clock))
        return KinesisSource(keeper, readers, clock=clock)

    def dead_letters(self) -> ClosableDeadLetters:
        """Build the writer of dead letters."""
        if self._clients.letters is not None:
            return StreamDeadLetters(self._clients.letters, version=VERSION)
        from worker.runtime.kafka_parts import watched_dead_letter_writer  # noqa: PLC0415  seldom needed
        from worker.runtime.login_watch import LoginWatch  # noqa: PLC0415  as above

        self._watch = LoginWatch(self._login)
        return watched_dead_letter_writer(self._settings, self._login, self._watch)

    async def close(self) -> None:
        """Close the connections; it may be called twice, and without opening."""
        if self._watch is not None:
            await self._watch.close()
        await self._clients.close()

    async def _wait_for_table(self, status: Status) -> None:
        name, told = self._settings.kinesis.application_name, _Told(status)
        while True:
            try:
                is_new = await self._clients.ensure_table(create=self._settings.kinesis.create_table)
            except LeaseTableAway as away:
                told.away(f"the lease table {name}", away.code, away.advice)
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            if is_new:
                log.info("kinesis.table_made", table=name)
            return

    async def _wait_for_letters(self, letters: KinesisLetterStream, status: Status) -> None:
        told = _Told(status)
        while (fault := await letters.why_away()) is not None:
            told.away(f"the stream {self._settings.dead_letters.stream}", fault.code, fault.advice)
            await asyncio.sleep(_AGAIN_SECONDS)


class _Told:
    """Tells, in the status and now and then in the log, what the start waits for."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._log_throttle = LogThrottle()

    def away(self, what: str, code: str, advice: str) -> None:
        """Tell that this does not answer as it should."""
        self._status.waiting_for = NotReady("kinesis", f"kinesis: {what}: {code}; {advice}")
        if times := self._log_throttle.note(code, asyncio.get_running_loop().time()):
            log.warning("kinesis.away", what=what, code=code, advice=advice, times=times)
