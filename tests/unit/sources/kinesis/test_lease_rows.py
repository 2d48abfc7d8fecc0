from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.leases.lease import At, Lease, Sentinel
from worker.sources.kinesis.lease_rows import NoLease, is_lease, lease_of, row_of

NUMBER = 49590338271490256608559692538361571095921575989136588898
NAMES = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=20)
HASH_KEYS = st.integers(0, 2**128 - 1)
CHECKPOINTS = st.sampled_from(Sentinel) | st.builds(
    At, sequence=st.integers(0, 2**186), subsequence=st.integers(0, 2**32)
)
SHARD_IDS = st.integers(0, 10**12 - 1).map(lambda number: f"shardId-{number:012d}")
STREAM = "123456789012:clicks:1700000000"


def leases_of(prefix: str) -> st.SearchStrategy[Lease]:
    keys = SHARD_IDS.map(lambda shard_id: prefix + shard_id)
    return st.builds(
        Lease,
        key=keys,
        owner=st.none() | NAMES,
        counter=st.integers(0, 10**12),
        checkpoint=CHECKPOINTS,
        parents=st.frozensets(keys, max_size=2),
        children=st.frozensets(keys, max_size=2),
        hash_range=st.none() | st.tuples(HASH_KEYS, HASH_KEYS),
        checkpoint_owner=st.none() | NAMES,
        owner_switches=st.integers(0, 10**6),
        latest_at=st.none() | st.floats(0, 1e10),
        stream_created_at=st.none() | st.integers(1, 10**10),
        throughput_kbps=st.none() | st.floats(0, 1e6),
    )


LEASES = st.sampled_from(["", f"{STREAM}:"]).flatmap(leases_of)
VALUES = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=5)),
    st.builds(lambda text: {"N": text}, st.text(max_size=5) | st.integers().map(str)),
    st.builds(lambda texts: {"SS": texts}, st.lists(st.text(max_size=3), max_size=2)),
    st.sampled_from([{"NULL": True}, {"BOOL": True}, {"S": 5}, {"N": 5}, {"SS": "x"}, {"L": []}, {}]),
)
ATTRIBUTES = [
    *("leaseKey", "leaseOwner", "leaseCounter", "checkpoint", "checkpointSubSequenceNumber", "parentShardId"),
    *("childShardIds", "startingHashKey", "endingHashKey", "checkpointOwner", "throughputKBps", "entityType"),
    *("ownerSwitchesSinceCheckpoint", "pendingCheckpoint"),
]


def test_a_row_has_the_names_and_types_of_the_kcl() -> None:
    lease = Lease(
        key="shardId-000000000007",
        owner="me",
        counter=12,
        checkpoint=At(NUMBER, 3),
        parents=frozenset({"shardId-000000000002", "shardId-000000000001"}),
        children=frozenset({"shardId-000000000009"}),
        hash_range=(0, 2**128 - 1),
        checkpoint_owner="you",
        owner_switches=2,
        latest_at=1700000000.5,
        stream_created_at=1690000000,
        throughput_kbps=12.5,
    )
    assert row_of(lease) == {
        "leaseKey": {"S": "shardId-000000000007"},
        "leaseOwner": {"S": "me"},
        "leaseCounter": {"N": "12"},
        "checkpoint": {"S": str(NUMBER)},
        "checkpointSubSequenceNumber": {"N": "3"},
        "ownerSwitchesSinceCheckpoint": {"N": "2"},
        "parentShardId": {"SS": ["shardId-000000000001", "shardId-000000000002"]},
        "childShardIds": {"SS": ["shardId-000000000009"]},
        "startingHashKey": {"S": "0"},
        "endingHashKey": {"S": "340282366920938463463374607431768211455"},
        "checkpointOwner": {"S": "you"},
        "personalizeWorkerLatestAt": {"N": "1700000000.5"},
        "personalizeWorkerStreamCreatedAt": {"N": "1690000000"},
        "throughputKBps": {"N": "12.5"},
        "entityType": {"S": "LEASE"},
    }


def test_what_has_no_value_has_no_attribute() -> None:
    """DynamoDB knows no empty sets, and the KCL takes a null for an owner."""
    assert sorted(row_of(Lease(key="shardId-000000000000", checkpoint=Sentinel.TRIM_HORIZON))) == [
        "checkpoint",
        "checkpointSubSequenceNumber",
        "entityType",
        "leaseCounter",
        "leaseKey",
        "ownerSwitchesSinceCheckpoint",
    ]


def test_of_several_streams_a_row_names_stream_and_shard_as_the_kcl_reads_them() -> None:
    """The KCL looks for parents by their shards' ids in that stream; what it does not find is done."""
    lease = Lease(
        key=f"{STREAM}:shardId-000000000007",
        checkpoint=Sentinel.LATEST,
        parents=frozenset({f"{STREAM}:shardId-000000000001"}),
        children=frozenset({f"{STREAM}:shardId-000000000009"}),
    )
    row = row_of(lease)
    assert row["streamName"] == {"S": STREAM}
    assert row["shardId"] == {"S": "shardId-000000000007"}
    assert row["parentShardId"] == {"SS": ["shardId-000000000001"]}
    assert row["childShardIds"] == {"SS": ["shardId-000000000009"]}
    assert lease_of(row) == lease


@given(LEASES)
def test_what_is_written_is_read(lease: Lease) -> None:
    row = row_of(lease)
    assert is_lease(row)
    assert lease_of(row) == lease
    assert lease_of(row | {"pendingCheckpoint": {"S": "1"}, "later": {"M": {}}}) == lease


def test_a_row_of_an_old_kcl_is_a_lease() -> None:
    """It has no type, no hash keys, and no children."""
    row = {
        "leaseKey": {"S": "shardId-000000000000"},
        "leaseCounter": {"N": "5"},
        "leaseOwner": {"S": "old"},
        "checkpoint": {"S": "TRIM_HORIZON"},
        "checkpointSubSequenceNumber": {"N": "0"},
        "ownerSwitchesSinceCheckpoint": {"N": "0"},
    }
    assert is_lease(row)
    expected = Lease(key="shardId-000000000000", owner="old", counter=5, checkpoint=Sentinel.TRIM_HORIZON)
    assert lease_of(row) == expected


@pytest.mark.parametrize(
    "row",
    [
        {"leaseKey": {"S": "Leader"}, "entityType": {"S": "LEADER_LOCK"}},
        {"leaseKey": {"S": "w"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "checkpoint": {"S": "1"}},
        {"leaseKey": {"S": "Migration3.0"}},
        {"leaseKey": {"S": "x"}, "entityType": {"N": "1"}, "checkpoint": {"S": "1"}},
    ],
)
def test_rows_of_other_types_are_no_leases(row: dict[str, Any]) -> None:
    assert not is_lease(row)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("leaseKey", None),
        ("checkpoint", None),
        ("checkpoint", {"S": "EARLIEST"}),
        ("checkpoint", {"S": ""}),
        ("checkpoint", {"N": "5"}),
        ("leaseCounter", {"N": "-1"}),
        ("leaseCounter", {"S": "1"}),
        ("parentShardId", {"S": "x"}),
        ("startingHashKey", {"S": "x"}),
        ("throughputKBps", {"N": "many"}),
    ],
)
def test_a_row_that_no_kcl_writes_is_told_by_its_attribute(
    attribute: str, value: dict[str, str] | None
) -> None:
    """Guessing would begin the shard somewhere."""
    row = row_of(Lease(key="k", checkpoint=At(1), hash_range=(0, 1)))
    if value is None:
        del row[attribute]
    else:
        row[attribute] = value
    with pytest.raises(NoLease, match=f"^{attribute}$"):
        lease_of(row)


@given(st.dictionaries(st.sampled_from(ATTRIBUTES), VALUES))
def test_whatever_a_row_holds_it_is_a_lease_or_told(row: dict[str, Any]) -> None:
    try:
        lease = lease_of(row)
    except NoLease as error:
        assert str(error) in ATTRIBUTES  # noqa: PT017  most rows are none
    else:
        assert lease_of(row_of(lease)) == lease
    is_lease(row)
