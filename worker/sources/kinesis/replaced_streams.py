"""The streams that were deleted and made anew under their names, with leases that are of the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from worker.core.leases.shard_tree import stream_of
from worker.core.leases.stream_identity import contradictions, had_its_name, replaced_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from worker.core.leases.lease import Lease
    from worker.core.leases.shards import Shard

log = structlog.get_logger(__name__)

ADVICE: Final = (
    "it was deleted and made anew, and its leases are of the old stream, so nothing of it is read: stop all "
    "workers (they deliver what they still hold of the old one), delete its rows from the lease table, or "
    "the table, and start them with kinesis.start: trim_horizon; or set another kinesis.application_name"
)
# Whoever lists the shards may be told what was a moment ago.
_CONFIRMED_FAILOVERS: Final = 3


class ReplacedStreams:
    """What is known of them.

    Args:
        failover_seconds: of the leases; for some of these a contradiction has to last.
        clock: seconds, monotonic.
    """

    def __init__(self, failover_seconds: float, clock: Callable[[], float]) -> None:
        self._confirmed_seconds = _CONFIRMED_FAILOVERS * failover_seconds
        self._clock = clock
        self._names: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._contradicted_since: dict[str, float] = {}
        self._ever: set[str] = set()

    @property
    def since(self) -> Mapping[str, float]:
        """Their names, and since when that is known, on the clock."""
        return {self._names[stream]: since for stream, since in self._since.items()}

    @property
    def is_in_doubt(self) -> bool:
        """Whether one may be, so that its shards have to be listed again soon."""
        return not self._contradicted_since.keys() <= self._since.keys()

    def has(self, key: str) -> bool:
        """Whether the lease with this key is of a stream that was replaced, so that it says nothing."""
        stream = stream_of(key)
        return any(stream == each or had_its_name(each, stream) for each in self._since)

    def was(self, key: str) -> bool:
        """Whether the stream of this lease was found replaced since this worker began."""
        return stream_of(key) in self._ever

    def note_listing(self, shards: Mapping[str, Shard], seen: Collection[Lease]) -> None:
        """Note shards that were just listed, and the leases as they were known before that."""
        self._names = {stream_of(shard.key): shard.stream for shard in shards.values()}
        now = self._clock()
        self._contradicted_since = {
            stream: self._contradicted_since.get(stream, now) for stream in contradictions(shards, seen)
        }

    def note_rows(self, shards: Mapping[str, Shard], rows: Collection[Lease]) -> None:
        """Note all rows of the table as they were just read."""
        now = self._clock()
        found = replaced_streams(shards, rows) | {
            stream
            for stream, since in self._contradicted_since.items()
            if now - since >= self._confirmed_seconds and any(stream_of(row.key) == stream for row in rows)
        }
        for stream in found - self._since.keys():
            log.error("kinesis.stream_replaced", stream=self._names[stream], advice=ADVICE)
        for stream in self._since.keys() - found:
            log.info("kinesis.stream_begun_anew", stream=self._names.get(stream, ""))
        self._since = {stream: self._since.get(stream, now) for stream in found}
        self._ever |= found
