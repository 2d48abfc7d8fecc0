"""Lists the shards of all streams, by the keys that their leases have.

With one stream a lease's key is the shard's id. Where one table serves several streams it is the KCL's
``account:stream:epoch:shardId``, the epoch being when the stream was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.core.leases.shards import Shard
from worker.sources.kinesis.errors import FaultKind, StreamFault
from worker.sources.kinesis.ports import TableFault
from worker.sources.kinesis.shard_listing import as_shards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.sources.kinesis.calls import StreamCalls


NOT_FOUND: Final = "ResourceNotFoundException"
"""The code for a stream, or a shard, that is not there."""


class ShardList:
    """The shards of these streams.

    Args:
        streams: the calls of each stream, by its name.
    """

    def __init__(self, streams: Mapping[str, StreamCalls]) -> None:
        self._streams = streams
        # What goes before a shard's id in the key of its lease; it never changes while a stream lives.
        self._prefixes: dict[str, str] = dict.fromkeys(streams, "") if len(streams) == 1 else {}

    async def all(self) -> tuple[Shard, ...] | TableFault:
        """List all shards of all streams; if one stream can't be listed, none is."""
        shards: list[Shard] = []
        for name, calls in self._streams.items():
            prefix = await self._prefix(name, calls)
            listed = prefix if isinstance(prefix, StreamFault) else await calls.list_shards()
            if isinstance(listed, StreamFault):
                return _fault(name, listed)
            named = as_shards(listed, name, str(prefix))
            if isinstance(named, StreamFault):
                return _fault(name, named)
            shards += named
        return tuple(shards)

    def of_key(self, key: str) -> Shard:
        """Return the shard of a lease that is not listed any more: all its records are too old to be kept."""
        name = key.split(":")[1] if ":" in key else next(iter(self._streams))
        number = int(key.rpartition("-")[2])
        return Shard(
            key=key, stream=name, number=number, parents=frozenset(), hash_range=(0, 0), is_closed=True
        )

    def calls(self, stream: str) -> StreamCalls:
        """Return the calls of one of the streams."""
        return self._streams[stream]

    async def _prefix(self, name: str, calls: StreamCalls) -> str | StreamFault:
        if name not in self._prefixes:
            summary = await calls.describe()
            if isinstance(summary, StreamFault):
                return summary
            account = summary.stream_arn.split(":")[4]
            self._prefixes[name] = f"{account}:{name}:{int(summary.stream_creation_timestamp)}:"
        return self._prefixes[name]


def _fault(stream: str, fault: StreamFault) -> TableFault:
    is_passing = fault.kind in {FaultKind.PASSING, FaultKind.THROTTLED, FaultKind.EXPIRED_ITERATOR}
    said = f"{stream}: {fault.advice}" if fault.advice else stream
    return TableFault(fault.code, said, retryable=is_passing)
