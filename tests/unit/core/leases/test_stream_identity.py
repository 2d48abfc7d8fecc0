"""Which leases are of a stream that was deleted, and has another one under its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.leases.lease import At, Checkpoint, Lease, Sentinel
from worker.core.leases.shards import Shard
from worker.core.leases.stream_identity import contradictions, replaced_streams

OLD, NEW = 1_690_000_000, 1_700_000_000
CHECKPOINTS: list[Checkpoint] = [At(5), *Sentinel]


def shards_of(
    stream: str = "", *, created_at: int | None = NEW, closed: tuple[int, ...] = ()
) -> dict[str, Shard]:
    listed = [
        Shard(
            key=f"{stream}:{each}" if stream else each,
            stream="clicks",
            number=number,
            parents=frozenset(),
            hash_range=(0, 1),
            is_closed=number in closed,
            created_at=created_at,
        )
        for number, each in enumerate(("shardId-000000000000", "shardId-000000000001"))
    ]
    return {shard.key: shard for shard in listed}


def row(
    number: int = 0,
    checkpoint: Checkpoint = Sentinel.TRIM_HORIZON,
    *,
    of: int | None = None,
    stream: str = "",
) -> Lease:
    shard_id = f"shardId-{number:012d}"
    key = f"{stream}:{shard_id}" if stream else shard_id
    return Lease(key=key, checkpoint=checkpoint, stream_created_at=of)


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_lease_that_bears_another_time_is_of_another_stream(checkpoint: Checkpoint) -> None:
    rows = [row(0, of=NEW), row(1, checkpoint, of=OLD)]
    assert replaced_streams(shards_of(), rows) == {""}
    assert replaced_streams(shards_of(created_at=OLD), rows[1:]) == set()


@given(st.lists(st.sampled_from([None, NEW])))
def test_leases_of_the_kcl_and_of_this_stream_are_believed(times: list[int | None]) -> None:
    rows = [row(number, of=time) for number, time in enumerate(times)]
    assert replaced_streams(shards_of(), rows) == set()


def test_where_nobody_says_when_the_stream_was_made_nothing_is_said_of_it() -> None:
    assert replaced_streams(shards_of(created_at=None), [row(of=OLD)]) == set()


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (["1:clicks:1690000000"], {"1:clicks:1700000000"}),
        (["1:clicks:1690000000", "1:clicks:1700000000"], set()),
        (["1:views:1690000000", "2:clicks:1690000000", "1:clicks", ""], set()),
        ([], set()),
    ],
)
def test_of_several_streams_the_key_tells_it_until_somebody_has_begun(
    others: list[str], expected: set[str]
) -> None:
    rows = [row(stream=each) for each in others]
    assert replaced_streams(shards_of("1:clicks:1700000000"), rows) == expected


def test_what_is_done_takes_no_records_and_none_is_newer_than_all() -> None:
    assert contradictions(shards_of(), [row(0, Sentinel.SHARD_END)]) == {""}
    assert contradictions(shards_of(), [row(2, At(5))]) == {""}
    assert contradictions(shards_of(closed=(0,)), [row(0, Sentinel.SHARD_END), row(1, At(5))]) == set()
    assert contradictions(shards_of(), [row(0, Sentinel.SHARD_END, of=NEW)]) == set()
