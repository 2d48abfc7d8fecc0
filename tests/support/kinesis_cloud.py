"""Kinesis and DynamoDB in this process, in whatever time the test lives: the stand-in without its HTTP.

What is asked and what is answered is JSON all the same, and as strict.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from worker.aws.json_client import Answered, AwsFault
from worker.local.kinesis.answers import answered, failed, request_of
from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.failures import AwsError
from worker.local.kinesis.faults import Fate, Faults, Rule, Schedule
from worker.local.kinesis.operations import OPERATIONS
from worker.local.kinesis.stream_calls import StreamCalls
from worker.local.kinesis.streams import Streams
from worker.local.kinesis.table_calls import TableCalls
from worker.local.kinesis.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.local.kinesis.operations import Operation
    from worker.local.kinesis.shards import Record, Shard
    from worker.local.kinesis.tables import Table

_ANY_SIZE = 1 << 40


class Cloud:
    """Streams and tables, and the calls that read and write them.

    Args:
        clock: the service's, in epoch seconds.
        behaviour: what takes how long, and what differs.
    """

    def __init__(self, clock: Callable[[], float], behaviour: Behaviour | None = None) -> None:
        behaviour = behaviour or Behaviour()
        self._clock = clock
        self.streams = Streams(clock, behaviour)
        self.tables = Tables(clock, behaviour)
        self._of_streams = StreamCalls(self.streams, clock, behaviour)
        self._of_tables = TableCalls(self.tables, behaviour)
        self._schedule = Schedule(Faults(), clock())
        self.called: list[str] = []
        """The names of all operations, as they were called."""

    def plan(self, *rules: Rule) -> None:
        """Have these faults from now on."""
        self._schedule = Schedule(Faults(rules=rules), self._clock())

    def expire_iterators(self) -> None:
        """Let all iterators that were given so far be too old."""
        self._of_streams.expire_iterators()

    def lease_table(self, name: str) -> Table:
        """Make a table whose key is that of leases."""
        return self.tables.create(name, "leaseKey")

    async def call(self, target: str, body: bytes) -> Answered | AwsFault:
        """Make one call, as ``JsonClient.call`` does."""
        operation = OPERATIONS[target]
        fate = self._schedule.fate(operation, None, self._clock())
        await asyncio.sleep(fate.after_seconds)
        if fate.does("reset"):
            return AwsFault(code="ConnectionFailed")
        answer = self.carry_out(operation, body, fate)
        return AwsFault(code="ConnectionFailed") if fate.does("lose") else answer

    def carry_out(self, operation: Operation, body: bytes, fate: Fate | None = None) -> Answered | AwsFault:
        """Do at once what a call asks for."""
        fate = fate or Fate()
        self.called.append(operation.name)
        calls = self._of_streams if operation.service == "Kinesis" else self._of_tables
        try:
            fate.must_not_fail_before(operation)
            members = getattr(calls, operation.method)(request_of(operation, body), fate)
            fate.must_not_fail_after(operation)
        except AwsError as error:
            details = failed(operation.service, error).body
            return AwsFault(code=error.code, message=error.message, status=error.status, details=details)
        return Answered(answered(operation.service, members).body)


def records_of(shard: Shard) -> list[Record]:
    """All records that a shard keeps."""
    return shard.read(shard.first_sequence, len(shard), _ANY_SIZE)
