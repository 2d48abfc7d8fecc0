"""The clients of a worker that reads Kinesis: of its streams, its lease table, and its dead letters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from worker.aws.access import Limits
from worker.aws.json_client import JsonClient
from worker.aws.services import DYNAMODB, KINESIS
from worker.sources.kinesis.calls import MAX_RECORDS_ANSWER_BYTES, StreamCalls
from worker.sources.kinesis.lease_table import MAX_TABLE_ANSWER_BYTES, DynamoLeaseTable
from worker.sources.kinesis.letter_stream import KinesisLetterStream
from worker.sources.kinesis.shard_list import ShardList
from worker.sources.kinesis.table_setup import ensure_table

if TYPE_CHECKING:
    from worker.aws.access import AwsAccess
    from worker.settings import Settings

_CONNECT_SECONDS: Final = 3.0
_READ_SECONDS: Final = 10.0
_READS_AT_ONCE: Final = 64
_WRITES_AT_ONCE: Final = 32
# A call to the table ends within a third of the failover time, answered or not.
_TABLE_CALLS_A_FAILOVER: Final = 3


class KinesisClients:
    """Open them before use, and close them after.

    Args:
        settings: the configuration.
        access: what all AWS clients share.
    """

    def __init__(self, settings: Settings, access: AwsAccess) -> None:
        kinesis = settings.kinesis
        self._application_name = kinesis.application_name
        reads = Limits(
            connect_seconds=_CONNECT_SECONDS,
            answer_seconds=_READ_SECONDS,
            max_connections=_READS_AT_ONCE,
            max_answer_bytes=MAX_RECORDS_ANSWER_BYTES,
        )
        table_seconds = kinesis.failover_seconds / _TABLE_CALLS_A_FAILOVER
        writes = Limits(
            connect_seconds=min(_CONNECT_SECONDS, table_seconds),
            answer_seconds=table_seconds,
            max_connections=_WRITES_AT_ONCE,
            max_answer_bytes=MAX_TABLE_ANSWER_BYTES,
        )
        self._of_streams = JsonClient(KINESIS, access, reads)
        self._of_table = JsonClient(DYNAMODB, access, writes)
        self.table = DynamoLeaseTable(self._of_table.call, kinesis.application_name)
        self.streams = {_name(each): StreamCalls(self._of_streams.call, each) for each in kinesis.streams}
        """The calls of each stream, by its name."""
        self.shards = ShardList(self.streams)
        letters = settings.dead_letters.stream or ""
        self.letters_name = _name(letters)
        self.letter_calls = StreamCalls(self._of_streams.call, letters)
        """The calls of the stream of dead letters; of use only if they go to one."""
        self.letters = KinesisLetterStream(self.letter_calls, letters) if letters else None
        """The stream of dead letters, if they go to one."""
        self.call_table = self._of_table.call
        """Makes one call of DynamoDB."""

    async def open(self) -> None:
        """Find the services without blocking the loop. No connection is made yet.

        Raises:
            UnusableSettings: region, endpoint, proxy or certificates are wrong.
        """
        await self._of_streams.open()
        await self._of_table.open()

    async def close(self) -> None:
        """Close the connections; it may be called twice, and without opening."""
        await self._of_table.close()
        await self._of_streams.close()

    async def ensure_table(self, *, create: bool, name: str | None = None) -> bool:
        """Return once the lease table, or another with such a key, can be used; whether it was made.

        Raises:
            LeaseTableUnusable: a person has to act.
            LeaseTableAway: DynamoDB does not answer, or does not take the call: try again later.
        """
        return await ensure_table(
            self._of_table.call,
            name or self._application_name,
            create=create,
            region=self._of_table.endpoint.region,
            sleep=asyncio.sleep,
        )


def _name(stream: str) -> str:
    """Return the stream's name, also of an ARN."""
    return stream.rpartition("/")[2]
