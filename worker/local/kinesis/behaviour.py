"""How the stand-in behaves where AWS may do either, and where the emulators differ from it."""

from __future__ import annotations

from msgspec import Struct


class Behaviour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without arguments: as AWS, as far as it is known, and everything at once."""

    create_seconds: float = 0
    """How long a stream or a table is CREATING."""
    update_seconds: float = 0
    """How long a stream is UPDATING; meanwhile records go to the parents."""
    delete_seconds: float = 0
    """How long a stream or a table is DELETING."""
    read_limits: bool = True
    """Whether a shard gives 5 reads and 2 MiB a second at most."""
    retention_seconds: float = 24 * 3600
    """How long a record, and a shard without records, is kept."""
    max_record_bytes: int = 1 << 20
    """The most that a record holds; a stream may be made for up to 10 MiB."""
    end_apart: bool = False
    """Whether a closed shard's end comes in an answer without records, after those with the last of them."""
    end_is_missing: bool = False
    """Whether at the end NextShardIterator is missing, and not null."""
    tells_children: bool = True
    """Whether a closed shard's end names the children."""
    tells_item: bool = True
    """Whether a failed condition tells the item when it is asked to; dynalite never does."""
    stale_reads: bool = False
    """Whether a read that is not to be consistent has each item as it was before its last change."""
    shards_in_page: int = 1000
    """The most shards in an answer of ListShards, whatever it is asked for."""
    scan_page_bytes: int = 1 << 20
    """The most that a page of Scan holds, but for its last item."""
