from __future__ import annotations

import tracemalloc
from hashlib import md5

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.sources.kinesis.aggregates import MAGIC, AggregatedRecord, aggregate, sealed
from worker.sources.kinesis.aggregated import UserRecord, user_records

KEYS = st.text(min_size=1, max_size=20).map(str.encode)
HASH_KEYS = st.integers(0, 2**128 - 1).map(lambda key: str(key).encode())
RECORDS = st.lists(st.tuples(KEYS, st.none() | HASH_KEYS, st.binary(max_size=300)), max_size=20)
WHOLE = (b"a", None, b"x")


def is_one(data: bytes) -> bool:
    """Whether it is taken for one ordinary record."""
    return tuple(user_records(data, "key")) == (UserRecord(0, b"key", data),)


@given(st.binary(max_size=300))
def test_what_is_no_aggregate_is_one_record(data: bytes) -> None:
    assert is_one(data)


@given(RECORDS, st.lists(st.text(max_size=5), max_size=2))
@example([(b"k%d" % each, None, b"x") for each in range(300)], [])
def test_an_aggregate_is_its_records_in_order(
    records: list[tuple[bytes, bytes | None, bytes]], tags: list[str]
) -> None:
    expected = [
        UserRecord(subsequence, key, data, hash_key)
        for subsequence, (key, hash_key, data) in enumerate(records)
    ]
    data = aggregate(*records, tags=tags)
    if len(data) > len(MAGIC) + 16:
        assert list(user_records(data, "outer")) == expected
    else:
        # For the KCL too, an aggregate without a message is none.
        assert is_one(data)


def test_records_outside_of_the_shards_hash_range_are_kept() -> None:
    """The KCL would drop them, and any shard's range leaves one of these out."""
    records = [(b"a", b"0", b"1"), (b"b", str(2**128 - 1).encode(), b"2")]
    assert [each.data for each in user_records(aggregate(*records), "k")] == [b"1", b"2"]


@given(st.data())
def test_an_aggregate_with_anything_changed_is_one_record(data: st.DataObject) -> None:
    whole = bytearray(aggregate(WHOLE, WHOLE))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    assert is_one(bytes(whole))


@given(st.integers(0, 60))
def test_an_aggregate_that_is_cut_short_is_one_record(kept: int) -> None:
    whole = aggregate(WHOLE, WHOLE, WHOLE)
    assert is_one(whole[: min(kept, len(whole) - 1)])


FIELDS = st.sampled_from(
    [
        b"\x0a\x01a",
        b"\x12\x010",
        b"\x1a\x05\x08\x00\x1a\x01x",
        b"\x1a\x07\x08\x00\x10\x00\x1a\x01x",
        b"\x1a\x04\x08\x00\x1a\x00",
        # The data before the index, an index twice, in more bytes than it needs, past the table.
        b"\x1a\x05\x1a\x01x\x08\x00",
        b"\x1a\x07\x08\x05\x08\x00\x1a\x01x",
        b"\x1a\x06\x08\x80\x00\x1a\x01x",
        b"\x1a\x06\x08\x9a\x1a\x1a\x01x",
        b"\x1a\x05\x08\x05\x1a\x01x",
        # Without what is required.
        b"\x1a\x02\x08\x00",
        b"\x1a\x03\x1a\x01x",
        b"\x1a\x00",
        b"\x1a\x04\x08\x00\x08\x00",
        b"\x1a\x04\x1a\x02xy",
        # Fields that nobody knows, in every encoding.
        b"\x20\x05",
        b"\x22\x01x",
        b"\x29" + bytes(8),
        b"\x2d" + bytes(4),
        b"\x08\x00",
        b"\x00\x00",
        b"\x02\x00",
        # Lengths and numbers that are none.
        b"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x0a" + b"\xff" * 12,
        b"\x1a\x05\x08\x00\x1a\x63x",
        b"\x20" + b"\x80" * 9 + b"\x01",
        b"\x1a\x0e\x08" + b"\x80" * 9 + b"\x02" + b"\x1a\x01x",
        b"\x20" + b"\x80" * 10 + b"\x01",
        b"\x0f",
        b"\x1a",
    ]
)


@given(st.lists(FIELDS, max_size=8).map(b"".join) | st.binary(max_size=60))
@example(b"\x0a\x01a" + b"\x1a\x0e\x08" + b"\x80" * 9 + b"\x02" + b"\x1a\x01x")
@example(b"\x0a\x01a" + b"\x1a\x04\x08\x00\x08\x00")
# An index of two bytes, of which the second looks like the key of the data.
@example(
    b"".join(b"\x0a\x04%04d" % each for each in range(3355)) + b"\x1a\x1e\x08\x9a\x1a\x1a\x19" + b"x" * 25
)
def test_whatever_is_sealed_google_and_we_read_the_same(message: bytes) -> None:
    """Where Google's library reads it, with indices that exist, so do we; else it is one record."""
    data = sealed(message)
    read = list(user_records(data, "key"))
    expected = by_google(message)
    if not message or expected is None:
        assert read == [UserRecord(0, b"key", data)]
    else:
        assert read == expected


def by_google(message: bytes) -> list[UserRecord] | None:
    parsed = AggregatedRecord()
    try:
        parsed.ParseFromString(message)
        if not parsed.IsInitialized():
            return None
        return [
            UserRecord(
                subsequence,
                parsed.partition_key_table[each.partition_key_index],
                each.data,
                parsed.explicit_hash_key_table[each.explicit_hash_key_index]
                if each.HasField("explicit_hash_key_index")
                else None,
            )
            for subsequence, each in enumerate(parsed.records)
        ]
    except (DecodeError, IndexError):
        return None


def test_a_group_makes_it_one_record() -> None:
    """No KPL writes one."""
    assert is_one(sealed(b"\x0a\x01a\x1a\x05\x08\x00\x1a\x01x\x33\x34"))


@pytest.mark.parametrize(
    "unit",
    [b"\x1a\x04\x08\x00\x1a\x00", b"\x1a\x06\x08\x00\x1a\x02xy", b"\x0a\x00", b"\x20\x00", b"\x1a\x00"],
)
def test_the_memory_is_linear_in_the_bytes(unit: bytes) -> None:
    """Nobody's length counts, only what is there: at worst the object of a record for each six bytes."""
    data = sealed(b"\x0a\x01a" + unit * ((1 << 18) // len(unit)))
    tracemalloc.start()
    try:
        user_records(data, "key")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50 * len(data)


def test_lengths_that_are_only_announced_take_no_memory() -> None:
    data = sealed(b"\x0a\xff\xff\xff\xff\x0f" + b"x")
    tracemalloc.start()
    try:
        assert is_one(data)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_digest_of_something_else_is_none() -> None:
    message = aggregate(WHOLE)[4:-16]
    assert is_one(MAGIC + message + md5(b"").digest())  # noqa: S324  the format's
