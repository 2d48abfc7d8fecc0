"""Lists the shards of all streams, by the keys that their leases have.

With one stream a lease's key is the shard's id. Where one table serves several streams it is the KCL's
``account:stream:epoch:shardId``, the epoch being when the stream was made. That is asked each time: a stream
may be deleted, and another one made under its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.leases.shards import Shard
from worker.sources.kinesis.errors import FaultKind, StreamFault
from worker.sources.kinesis.ports import TableFault
from worker.sources.kinesis.shard_listing import as_shards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.sources.kinesis.calls import StreamCalls


NOT_FOUND: Final = "ResourceNotFoundException"
"""The code for a stream, or a shard, that is not there."""


class _Identity(Struct, frozen=True):
    """What tells a stream from others that had its name, and what its leases' keys begin with."""

    created_at: int | None
    prefix: str


# With one stream the worker does without: then it sees only what contradicts itself.
_UNKNOWN: Final = _Identity(None, "")


class ShardList:
    """The shards of these streams.

    Args:
        streams: the calls of each stream, by its name.
    """

    def __init__(self, streams: Mapping[str, StreamCalls]) -> None:
        self._streams = streams
        self._identities: dict[str, _Identity] = {}

    async def all(self) -> tuple[Shard, ...] | TableFault:
        """List all shards of all streams; if one stream can't be listed, none is."""
        shards: list[Shard] = []
        for name, calls in self._streams.items():
            listed = await calls.list_shards()
            if isinstance(listed, StreamFault):
                return _fault(name, listed)
            # Asked last: of a stream that is made anew in between, the new one counts.
            identity = await self._identity(name, calls)
            if isinstance(identity, StreamFault):
                return _fault(name, identity)
            named = as_shards(listed, name, identity.prefix, identity.created_at)
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

    async def _identity(self, name: str, calls: StreamCalls) -> _Identity | StreamFault:
        summary = await calls.describe()
        if not isinstance(summary, StreamFault):
            created_at = int(summary.stream_creation_timestamp)
            account = summary.stream_arn.split(":")[4]
            prefix = "" if len(self._streams) == 1 else f"{account}:{name}:{created_at}:"
            self._identities[name] = _Identity(created_at, prefix)
            return self._identities[name]
        if summary.code == NOT_FOUND:
            return summary
        # Twenty of these calls a second are all that an account has, for all its programs.
        if (known := self._identities.get(name)) is not None:
            return known
        is_forbidden = summary.kind is FaultKind.HOLD
        return _UNKNOWN if is_forbidden and len(self._streams) == 1 else summary


def _fault(stream: str, fault: StreamFault) -> TableFault:
    is_passing = fault.kind in {FaultKind.PASSING, FaultKind.THROTTLED, FaultKind.EXPIRED_ITERATOR}
    said = f"{stream}: {fault.advice}" if fault.advice else stream
    return TableFault(fault.code, said, retryable=is_passing)
