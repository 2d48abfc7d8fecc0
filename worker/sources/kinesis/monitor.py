"""Tells what is wrong with Kinesis and with the leases, and how far each shard is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.core.leases.positions import at
from worker.core.model.snapshot import PartitionGauges, SourceStatus, SourceTrouble
from worker.sources.kinesis.errors import FaultKind
from worker.sources.kinesis.replaced_streams import ADVICE as REPLACED_ADVICE
from worker.sources.kinesis.shard_list import NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from worker.core.model.boundary import Boundary
    from worker.sources.kinesis.errors import StreamFault
    from worker.sources.kinesis.lease_keeper import LeaseKeeper
    from worker.sources.kinesis.owned_shard import OwnedShard

# Shorter troubles pass by themselves before anybody could do anything.
_WORTH_A_WORD_SECONDS: Final = 5.0
_LEASES_ADVICE: Final = (
    "until the table answers no lease is renewed, and others may take the shards: check DynamoDB and the "
    "permissions for the table (docs/kinesis.md)"
)


class KinesisMonitor:
    """Asks the keeper and the readers; it keeps nothing.

    Args:
        keeper: the leases.
        shards: those that are ours, by the key of their lease.
        clock: the loop's.
    """

    def __init__(
        self, keeper: LeaseKeeper, shards: Mapping[str, OwnedShard], clock: Callable[[], float]
    ) -> None:
        self._keeper = keeper
        self._shards = shards
        self._clock = clock
        self.reads_throttled = 0
        """The reads that were throttled, of shards that are not ours any more."""

    def status(self) -> SourceStatus:
        """Return what is wrong, the longest-lasting first, and the counts."""
        figures = self._keeper.figures
        throttled = sum(each.reader.throttled for each in self._shards.values())
        return SourceStatus(
            system="kinesis",
            troubles=tuple(sorted(self._troubles(), key=lambda each: -each.seconds)),
            leases_lost=figures.lost_total,
            handovers=figures.handed_over_total,
            reads_throttled=self.reads_throttled + throttled,
        )

    def gauges(self) -> tuple[PartitionGauges, ...]:
        """Return figures for the shards that are ours."""
        return tuple(self._gauges(each) for each in self._shards.values())

    def _gauges(self, shard: OwnedShard) -> PartitionGauges:
        behind_ms = shard.reader.behind_ms
        received, settled = shard.assignment.received_up_to(), shard.assignment.settled_up_to()
        return PartitionGauges(
            shard.partition,
            committed_offset=None if shard.committed is None else shown(shard.committed),
            settled_offset=_shown_last(settled),
            received_offset=_shown_last(received),
            behind_seconds=None if behind_ms is None else behind_ms / 1000,
        )

    def _troubles(self) -> Iterator[SourceTrouble]:
        now = self._clock()
        if (lost := self._keeper.trouble) is not None:
            seconds = now - (self._keeper.trouble_since or now)
            if seconds >= _WORTH_A_WORD_SECONDS:
                yield SourceTrouble("leases", lost, seconds, _LEASES_ADVICE)
        for stream, since in self._keeper.replaced_streams.items():
            what = f"the stream {stream} is another one than its leases are of"
            yield SourceTrouble("stream_replaced", what, now - since, REPLACED_ADVICE)
        yield from self._read_troubles(now)

    def _read_troubles(self, now: float) -> Iterator[SourceTrouble]:
        """Yield one trouble for each stream and code, however many shards have it."""
        worst: dict[tuple[str, str], tuple[float, StreamFault, int]] = {}
        for shard in self._shards.values():
            trouble = shard.reader.trouble
            if trouble is None or now - trouble.since < _WORTH_A_WORD_SECONDS:
                continue
            if shard.partition.topic in self._keeper.replaced_streams:
                continue  # That is why.
            key = shard.partition.topic, trouble.fault.code
            seconds, fault, shards = worst.get(key, (0.0, trouble.fault, 0))
            worst[key] = max(seconds, now - trouble.since), fault, shards + 1
        for (stream, code), (seconds, fault, shards) in worst.items():
            where = f"{shards} shards" if shards > 1 else "a shard"
            what = f"{where} of {stream} can't be read: {code}"
            yield SourceTrouble(_kind(fault), what, seconds, fault.advice)


def shown(position: int) -> str:
    """Return the sequence number, and after a dot the place within an aggregate if it is not the first."""
    checkpoint = at(position)
    return f"{checkpoint.sequence}" + (f".{checkpoint.subsequence}" if checkpoint.subsequence else "")


def _shown_last(boundary: Boundary | None) -> str | None:
    return None if boundary is None or boundary.last is None else shown(boundary.last)


def _kind(fault: StreamFault) -> str:
    """Return one of ``KINESIS_TROUBLES``."""
    if fault.kind is not FaultKind.HOLD:
        return "read"
    return "stream_missing" if fault.code == NOT_FOUND else "permission"
