"""Leases as rows of the KCL's table, and back: its attributes, with its names and its types.

Source: ``DynamoDBLeaseSerializer`` and ``DynamoDBMultiStreamLeaseSerializer`` of the KCL 3.5.1. Any other
attribute is the KCL's own business: it is neither read nor written, but that a checkpoint removes those
prepared before it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.core.leases.lease import At, Checkpoint, Lease, Sentinel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Value: TypeAlias = dict[str, Any]
"""A value in DynamoDB's form, such as ``{"S": "x"}``."""
Row: TypeAlias = dict[str, Value]

KEY: Final = "leaseKey"
OWNER: Final = "leaseOwner"
COUNTER: Final = "leaseCounter"
_ENTITY_TYPE: Final = "entityType"
_LEASE: Final = {"S": "LEASE"}
_CHECKPOINT: Final = "checkpoint"
PREPARED: Final = ("pendingCheckpoint", "pendingCheckpointSubSequenceNumber", "pendingCheckpointState")
"""What a KCL's application means to checkpoint; it means nothing once another checkpoint is written."""
_FIRST_HASH_KEY: Final = "startingHashKey"
# This worker's own. The KCL leaves attributes that it does not know as they are.
_LATEST_AT: Final = "personalizeWorkerLatestAt"
_STREAM_CREATED_AT: Final = "personalizeWorkerStreamCreatedAt"
_DIGITS: Final = re.compile(r"[0-9]{1,129}")


class NoLease(Exception):  # noqa: N818  it names the state
    """A row that should be a lease can't be read as one; ``str()`` names the attribute that is wrong."""


def is_lease(row: Mapping[str, Value]) -> bool:
    """Whether this row is a lease: the KCL keeps rows of other types in the same table.

    Older KCLs write no type. Their leases have a checkpoint, which no other row has.
    """
    kind = row.get(_ENTITY_TYPE)
    return _CHECKPOINT in row if kind is None else kind == _LEASE


def lease_of(row: Mapping[str, Value]) -> Lease:
    """Read a row.

    Raises:
        NoLease: an attribute has a type or a value that no KCL writes.
    """
    key = _text(row, KEY)
    if key is None:
        raise NoLease(KEY)
    return Lease(
        key=key,
        owner=_text(row, OWNER),
        counter=_integer(row, COUNTER),
        checkpoint=_checkpoint(row),
        parents=_keys(row, "parentShardId", key),
        children=_keys(row, "childShardIds", key),
        hash_range=_hash_range(row),
        checkpoint_owner=_text(row, "checkpointOwner"),
        owner_switches=_integer(row, "ownerSwitchesSinceCheckpoint"),
        latest_at=_decimal(row, _LATEST_AT),
        stream_created_at=_integer(row, _STREAM_CREATED_AT) or None,
        throughput_kbps=_decimal(row, "throughputKBps"),
    )


def row_of(lease: Lease) -> Row:
    """Write a lease: only the attributes that have a value."""
    sequence, subsequence = _checkpoint_values(lease.checkpoint)
    first, last = lease.hash_range or (None, None)
    stream, shard = lease.key.rpartition(":")[0], _shard_of(lease.key)
    values: dict[str, Value | None] = {
        KEY: {"S": lease.key},
        _ENTITY_TYPE: _LEASE,
        OWNER: _as_text(lease.owner),
        COUNTER: {"N": str(lease.counter)},
        _CHECKPOINT: {"S": sequence},
        "checkpointSubSequenceNumber": {"N": str(subsequence)},
        "ownerSwitchesSinceCheckpoint": {"N": str(lease.owner_switches)},
        "parentShardId": _as_set(map(_shard_of, lease.parents)),
        "childShardIds": _as_set(map(_shard_of, lease.children)),
        # As text: they have up to 39 digits, and DynamoDB's numbers 38.
        _FIRST_HASH_KEY: _as_text(None if first is None else str(first)),
        "endingHashKey": _as_text(None if last is None else str(last)),
        "checkpointOwner": _as_text(lease.checkpoint_owner),
        _LATEST_AT: None if lease.latest_at is None else {"N": repr(lease.latest_at)},
        _STREAM_CREATED_AT: _as_number(lease.stream_created_at),
        "throughputKBps": None if lease.throughput_kbps is None else {"N": repr(lease.throughput_kbps)},
        # The KCL for several streams reads these, and not the parts of the key.
        "streamName": _as_text(stream or None),
        "shardId": _as_text(shard if stream else None),
    }
    return {name: value for name, value in values.items() if value is not None}


def _checkpoint(row: Mapping[str, Value]) -> Checkpoint:
    text = _text(row, _CHECKPOINT)
    if text is not None and _DIGITS.fullmatch(text):
        return At(int(text), _integer(row, "checkpointSubSequenceNumber"))
    try:
        return Sentinel(text or "")
    except ValueError:
        raise NoLease(_CHECKPOINT) from None


def _checkpoint_values(checkpoint: Checkpoint) -> tuple[str, int]:
    if isinstance(checkpoint, At):
        return str(checkpoint.sequence), checkpoint.subsequence
    return checkpoint.value, 0


def _text(row: Mapping[str, Value], name: str) -> str | None:
    value = _value(row, name, "S")
    if value is None or isinstance(value, str):
        return value
    raise NoLease(name)


def _keys(row: Mapping[str, Value], name: str, key: str) -> frozenset[str]:
    """Return the keys of leases that this lease names.

    Also where one table serves several streams, the KCL names them by the shards' ids alone: they are of the
    same stream.
    """
    prefix = key[: -len(_shard_of(key))]
    return frozenset(prefix + _shard_of(each) for each in _texts(row, name))


def _shard_of(key: str) -> str:
    return key.rpartition(":")[2]


def _texts(row: Mapping[str, Value], name: str) -> frozenset[str]:
    value = _value(row, name, "SS")
    if value is None:
        return frozenset()
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return frozenset(value)
    raise NoLease(name)


def _integer(row: Mapping[str, Value], name: str) -> int:
    value = _value(row, name, "N")
    if value is None:
        return 0
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    raise NoLease(name)


def _decimal(row: Mapping[str, Value], name: str) -> float | None:
    value = _value(row, name, "N")
    if value is None:
        return None
    try:
        return float(str(value))
    except ValueError:
        raise NoLease(name) from None


def _hash_range(row: Mapping[str, Value]) -> tuple[int, int] | None:
    first, last = _text(row, _FIRST_HASH_KEY), _text(row, "endingHashKey")
    if first is None or last is None:
        return None
    if not _DIGITS.fullmatch(first) or not _DIGITS.fullmatch(last):
        raise NoLease(_FIRST_HASH_KEY)
    return int(first), int(last)


def _value(row: Mapping[str, Value], name: str, kind: str) -> object:
    """Return the value of an attribute; None if it is not there, or null."""
    typed = row.get(name)
    if typed is None or typed == {"NULL": True}:
        return None
    if kind not in typed:
        raise NoLease(name)
    return typed[kind]


def _as_text(text: str | None) -> Value | None:
    return None if text is None else {"S": text}


def _as_number(number: int | None) -> Value | None:
    return None if number is None else {"N": str(number)}


def _as_set(texts: Iterable[str]) -> Value | None:
    """Write a set, in an order that is always the same; DynamoDB has no empty ones."""
    in_order = sorted(texts)
    return {"SS": in_order} if in_order else None
