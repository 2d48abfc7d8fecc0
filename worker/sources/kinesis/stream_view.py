"""What readers ask about their streams; the lease keeper knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.leases.shards import Shard


class StreamView(Protocol):
    """What is known of the streams, as of when their shards were last listed."""

    @property
    def shards(self) -> Mapping[str, Shard]:
        """The shards that the streams list, by key."""

    def is_gone(self, key: str) -> bool:
        """Whether the stream has the shard no more, because all its records are too old to be kept."""

    def may_be_read(self, key: str, doubted_at: float | None) -> bool:
        """Whether the shard is of the stream that its lease is of, listed since there was a doubt."""
