"""Aggregates as the KPL writes them, by Google's Protobuf: another opinion of what they hold."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC: Final = b"\xf3\x89\x9a\xc2"
_FIELD: Final = descriptor_pb2.FieldDescriptorProto


def _aggregated_record() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="kpl.proto", package="kpl", syntax="proto2")
    messages = {
        "Tag": [("key", 1, "REQUIRED", "STRING"), ("value", 2, "OPTIONAL", "STRING")],
        "Record": [
            ("partition_key_index", 1, "REQUIRED", "UINT64"),
            ("explicit_hash_key_index", 2, "OPTIONAL", "UINT64"),
            ("data", 3, "REQUIRED", "BYTES"),
            ("tags", 4, "REPEATED", "kpl.Tag"),
        ],
        "AggregatedRecord": [
            # The KPL declares text; as bytes, nothing is lost of what is no UTF-8.
            ("partition_key_table", 1, "REPEATED", "BYTES"),
            ("explicit_hash_key_table", 2, "REPEATED", "BYTES"),
            ("records", 3, "REPEATED", "kpl.Record"),
        ],
    }
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, number, label, kind in fields:
            added = message.field.add(name=field, number=number, label=_FIELD.Label.Value(f"LABEL_{label}"))
            if kind.startswith("kpl."):
                added.type, added.type_name = _FIELD.TYPE_MESSAGE, f".{kind}"
            else:
                added.type = _FIELD.Type.Value(f"TYPE_{kind}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[attr-defined]  # the stubs have another name for it
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("kpl.AggregatedRecord"))


AggregatedRecord: Final = _aggregated_record()


def sealed(message: bytes) -> bytes:
    """Put magic and digest around a message."""
    return MAGIC + message + md5(message).digest()  # noqa: S324  the format's


def aggregate(*records: tuple[bytes, bytes | None, bytes], tags: Sequence[str] = ()) -> bytes:
    """Write records of partition key, explicit hash key and data."""
    message = AggregatedRecord()
    keys = list(dict.fromkeys(key for key, _, _ in records))
    hash_keys = list(dict.fromkeys(key for _, key, _ in records if key is not None))
    message.partition_key_table.extend(keys)
    message.explicit_hash_key_table.extend(hash_keys)
    for key, hash_key, data in records:
        added = message.records.add(partition_key_index=keys.index(key), data=data)
        if hash_key is not None:
            added.explicit_hash_key_index = hash_keys.index(hash_key)
        for tag in tags:
            added.tags.add(key=tag)
    return sealed(message.SerializeToString())
