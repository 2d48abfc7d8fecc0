"""With the KCL itself, on one table: each goes on where the other stopped, and both beside one another.

KCL 2 and KCL 3. Shards are split under either, so that each meets rows of parents and children that the other
made. What was read twice is printed.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.integration.kinesis.test_resharding import split
from tests.support.java_kcl import JavaKcl, NoKcl, bring
from tests.support.samples import only_long
from tests.support.waiting import until
from worker.local.audit import audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.kinesis_site import KinesisSite
    from tests.support.processes import WorkerProcess

    Starting = Callable[..., JavaKcl]

pytestmark = pytest.mark.slow

KCL_2: Final = "2.7.2"
KCL_3: Final = "3.5.1"
# As KCL 3 is set up beside workers of KCL 2. By itself it knows only workers that write metrics.
LIKE_KCL_2: Final = "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X"
# The KCL's own. Both have it, for each judges the other by its own.
FAILOVER_SECONDS: Final = 10.0
OURS: Final = {"failover_seconds": FAILOVER_SECONDS}
# One lease is moved at a time, each 20 s.
SECONDS: Final = 240.0


@pytest.fixture
def start_kcl(
    version: str, site: KinesisSite, streams_url: str, tables_url: str, tmp_path: Path
) -> Iterator[Starting]:
    """Start consumers of the KCL's, which end with the test."""
    try:
        bring(version)
    except NoKcl as missing:
        pytest.skip(str(missing))
    with ExitStack() as running:

        def start(name: str, mode: str | None = None) -> JavaKcl:
            settings: dict[str, object] = {
                "streams.url": streams_url,
                "tables.url": tables_url,
                "stream": site.stream,
                "application": site.table,
                "failover.ms": round(FAILOVER_SECONDS * 1000),
            }
            settings |= {} if mode is None else {"version": mode}
            kcl = running.enter_context(JavaKcl(tmp_path, version, name, settings))
            site.others.append(kcl.ids)
            return kcl

        yield start
        # Its watch asks them.
        site.watch.stop()


@only_long
@pytest.mark.parametrize("version", [KCL_2, KCL_3])
def test_each_goes_on_where_the_other_stopped(site: KinesisSite, start_kcl: Starting) -> None:
    """Nothing is skipped, and as both stop in good order, nothing is read twice."""
    feed = site.feed(40)
    kcl = start_kcl("first-kcl")
    kcl.wait_until_reading(100)
    split(site)
    site.wait_until_ended(seconds=SECONDS)
    kcl.wait_until_reading(100)
    kcl.end()
    worker = site.start_worker("first", kinesis=OURS)
    site.wait_until_flowing(100)
    split(site)
    site.wait_until_ended(seconds=SECONDS)
    site.wait_until_flowing(100)
    _end(worker)
    ours = site.endpoint.accepted()
    again = start_kcl("second-kcl")
    again.wait_until_reading(100)
    split(site)
    site.wait_until_ended(seconds=SECONDS)
    again.wait_until_reading(100)
    again.end()
    feed.stop()
    site.start_worker("second", kinesis=OURS)
    _wait_until_all_is_done(site)
    _assert_rows_are_whole(site)
    later = site.endpoint.accepted()[len(ours) :]
    # One after the other, so it is one order.
    found = audit(site.ledger.produced(), [*kcl.calls(), *ours, *again.calls(), *later])
    assert found.kept, found
    _tell(site, f"{len(found.repeated)} twice")
    assert not found.repeated
    assert (site.watch.ahead, site.watch.backwards) == ([], [])


@only_long
@pytest.mark.parametrize(
    ("version", "mode"), [(KCL_2, None), (KCL_3, LIKE_KCL_2), (KCL_3, None)], ids=["2", "3-like-2", "3"]
)
def test_beside_one_another_nothing_is_lost_and_no_row_is_broken(
    version: str, mode: str | None, site: KinesisSite, start_kcl: Starting
) -> None:
    """The worker takes its share from any KCL, and gives its share to one that counts it."""
    feed = site.feed(60)
    # It makes the table. That KCL 3 adds to it, others may see.
    earlier = site.start_worker("earlier", kinesis=OURS)
    site.wait_until_flowing()
    _end(earlier)
    kcl = start_kcl("first-kcl", mode)
    kcl.wait_until_reading(100)
    indexes = site.dynamodb.describe_table(TableName=site.table)["Table"].get("GlobalSecondaryIndexes", ())
    assert bool(indexes) == (version == KCL_3)
    _add_to_rows(site, later="kept")
    worker = site.start_worker("first", kinesis=OURS)
    site.wait_until_shares(2, 2, seconds=SECONDS)
    _both_read(site, kcl)
    split(site)
    site.wait_until_ended(seconds=SECONDS)
    until(lambda: _are_shared(site, 5), SECONDS, what="five leases being shared")
    _both_read(site, kcl)
    _assert_rows_are_whole(site)
    assert sum(row.get("later") == "kept" for row in site.rows().values()) == 4
    kcl.end()
    site.wait_until_shares(5, seconds=SECONDS)
    again = start_kcl("second-kcl", mode)
    if (version, mode) == (KCL_3, None):
        # To this one a worker that writes no metrics is none, and what is renewed is not moved from it.
        again.wait_until_said("Total Leases available", times=3)
        assert site.shares() == [5]
    else:
        site.wait_until_shares(2, 3, seconds=SECONDS)
        _both_read(site, again)
    _end(worker)
    until(lambda: set(site.shares()) == {5}, SECONDS, what="the KCL having all")
    feed.stop()
    _wait_until_all_is_done(site)
    again.end()
    _assert_rows_are_whole(site)
    found = site.audit()
    twice = [*kcl.ids(), *again.ids(), *site.endpoint.accepted_ids()]
    _tell(site, f"{len(twice) - len(set(twice))} by both, {len(found.repeated)} twice by the worker")
    assert not found.out_of_order
    assert (site.watch.ahead, site.watch.backwards) == ([], [])


def _end(worker: WorkerProcess) -> None:
    worker.told_to_end()
    assert worker.exit_code(40) == 0


def _both_read(site: KinesisSite, kcl: JavaKcl) -> None:
    site.wait_until_flowing(100)
    kcl.wait_until_reading(100)


def _are_shared(site: KinesisSite, leases: int) -> bool:
    shares = site.shares()
    return len(shares) > 1 and sum(shares) == leases


def _wait_until_all_is_done(site: KinesisSite) -> None:
    awaited = {each.event_id for each in site.ledger.produced()}
    until(lambda: awaited <= site.done_ids(), SECONDS, what="all being read by one or the other")
    site.wait_until_checkpointed(SECONDS)


def _add_to_rows(site: KinesisSite, **attributes: str) -> None:
    """Write attributes into all leases, as a KCL to come might."""
    for key in site.rows():
        for name, value in attributes.items():
            site.dynamodb.update_item(
                TableName=site.table,
                Key={"leaseKey": {"S": key}},
                UpdateExpression="SET #n = :v",
                ExpressionAttributeNames={"#n": name},
                ExpressionAttributeValues={":v": {"S": value}},
            )


def _assert_rows_are_whole(site: KinesisSite) -> None:
    """Each shard has a row, and that says of the shard what Kinesis says."""
    rows = site.rows()
    shards = site.kinesis.list_shards(StreamName=site.stream)["Shards"]
    for shard in shards:
        row = rows[shard["ShardId"]]
        assert (row["startingHashKey"], row["endingHashKey"]) == (
            shard["HashKeyRange"]["StartingHashKey"],
            shard["HashKeyRange"]["EndingHashKey"],
        )
        assert set(row.get("parentShardId", ())) == _parents(shard)
        if row["checkpoint"] == "SHARD_END":
            children = {each["ShardId"] for each in shards if shard["ShardId"] in _parents(each)}
            assert set(row.get("childShardIds", ())) == children
        for name in ("leaseCounter", "ownerSwitchesSinceCheckpoint", "checkpointSubSequenceNumber"):
            assert int(row[name]) >= 0


def _parents(shard: dict[str, Any]) -> set[str]:
    return {shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in shard}


def _tell(site: KinesisSite, what: str) -> None:
    told = f"{len(site.ledger.produced())} events, {what}, {site.watch.looks} looks"
    print(f"\n{site.folder.name}: {told}")  # noqa: T201  to be read
