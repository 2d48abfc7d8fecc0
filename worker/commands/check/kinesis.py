"""The Kinesis part of ``check``: streams, lease table and permissions, one by one. Nothing is written.

A read at the end of a shard is made, because it needs permissions of its own: the stream's, and those of the
key with which it is encrypted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from worker.aws.endpoint import UnusableSettings
from worker.commands.check.finding import Finding, failed, fine
from worker.core.leases.lease import Lease, Sentinel
from worker.core.leases.stream_identity import replaced_streams
from worker.runtime.kinesis_clients import KinesisClients
from worker.runtime.wiring import aws_access
from worker.sources.kinesis.calls import FromLatest
from worker.sources.kinesis.errors import StreamFault
from worker.sources.kinesis.letter_stream import LetterStreamUnusable
from worker.sources.kinesis.ports import TableFault
from worker.sources.kinesis.replaced_streams import ADVICE as REPLACED_ADVICE
from worker.sources.kinesis.table_setup import LeaseTableAway, LeaseTableUnusable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from worker.core.leases.shards import Shard
    from worker.settings import Settings
    from worker.sources.kinesis.calls import StreamCalls

_ACTIVE: Final = {"ACTIVE", "UPDATING"}
_READABLE: Final = "can be listed and read"


def kinesis_findings(settings: Settings) -> Iterator[Finding]:
    """Check whether the streams can be read, the leases kept, and the dead letters written."""
    yield from asyncio.run(_all(settings))


async def _all(settings: Settings) -> list[Finding]:
    clients = KinesisClients(settings, aws_access(settings))
    try:
        await clients.open()
    except UnusableSettings as error:
        return [failed("kinesis", str(error))]
    try:
        return [finding async for finding in _findings(settings, clients)]
    finally:
        await clients.close()


async def _findings(settings: Settings, clients: KinesisClients) -> AsyncIterator[Finding]:
    for name, calls in clients.streams.items():
        yield await _stream(name, calls)
    shards = await clients.shards.all()
    if isinstance(shards, TableFault):
        yield failed("kinesis shards", f"{shards.code}: {shards.message}")
        shards = ()
    for name, calls in clients.streams.items():
        mine = [each for each in shards if each.stream == name]
        if mine:
            yield await _shards(name, calls, mine)
    async for finding in _table(settings, clients, {each.key: each for each in shards}):
        yield finding
    if clients.letters is not None:
        try:
            fault = await clients.letters.why_away()
        except LetterStreamUnusable as unusable:
            yield failed("kinesis dead letters", f"{unusable}: {unusable.command}")
        else:
            what = f"kinesis dead letters {settings.dead_letters.stream}"
            yield fine(what, "the stream is there") if fault is None else _failed(what, fault)


async def _stream(name: str, calls: StreamCalls) -> Finding:
    what, summary = f"kinesis stream {name}", await calls.describe()
    if isinstance(summary, StreamFault):
        return _failed(f"{what}, DescribeStreamSummary", summary)
    found = f"{summary.stream_status}, keeps records for {summary.retention_period_hours} h"
    if summary.key_id:
        found += ", encrypted"
    return fine(what, found) if summary.stream_status in _ACTIVE else Finding("warn", what, found)


async def _shards(name: str, calls: StreamCalls, shards: list[Shard]) -> Finding:
    is_open = [each for each in shards if not each.is_closed]
    what = f"kinesis stream {name}"
    if not is_open:
        return Finding("warn", what, "has no open shard: nothing can come")
    iterator = await calls.shard_iterator(is_open[0], FromLatest())
    if isinstance(iterator, StreamFault):
        return _failed(f"{what}, GetShardIterator", iterator)
    read = await calls.get_records(is_open[0], iterator, 1)
    if isinstance(read, StreamFault):
        return _failed(f"{what}, GetRecords", read)
    return fine(what, f"{_READABLE} ({len(is_open)} open shards)")


async def _table(
    settings: Settings, clients: KinesisClients, shards: Mapping[str, Shard]
) -> AsyncIterator[Finding]:
    kinesis = settings.kinesis
    what = f"lease table {kinesis.application_name}"
    try:
        await clients.ensure_table(create=False)
    except LeaseTableUnusable as unusable:
        if kinesis.create_table and unusable.command:
            yield Finding("warn", what, "is not there yet: a worker makes it at start, if its role may")
        else:
            yield failed(what, f"{unusable}" + (f": {unusable.command}" if unusable.command else ""))
        return
    except LeaseTableAway as away:
        yield failed(what, str(away))
        return
    leases = await clients.table.scan()
    if isinstance(leases, TableFault):
        yield failed(f"{what}, Scan", f"{leases.code}: {leases.message}")
        return
    yield fine(what, _found(leases))
    if replaced_streams(shards, leases):
        yield failed(f"{what}, a stream", REPLACED_ADVICE)
    if leases and settings.kinesis.start != "trim_horizon":
        yield Finding(
            "warn",
            "kinesis.start",
            f"{kinesis.start} counts only for shards without a lease: those that have one go on from it",
        )


def _found(leases: tuple[Lease, ...]) -> str:
    if not leases:
        return "is there and holds no leases: the shards begin at kinesis.start"
    owners = {each.owner for each in leases if each.owner is not None}
    finished = sum(each.checkpoint is Sentinel.SHARD_END for each in leases)
    return f"holds {len(leases)} leases of {len(owners)} workers, {finished} of them of finished shards"


def _failed(what: str, fault: StreamFault) -> Finding:
    return failed(what, f"{fault.code}" + (f": {fault.advice}" if fault.advice else ""))
