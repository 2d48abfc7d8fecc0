"""Workers come, crash, stand still, are robbed: nothing is lost or overtakes, no checkpoint is ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.kinesis_site import CALM
from tests.support.samples import only_long
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.kinesis_site import KinesisSite

pytestmark = pytest.mark.slow


@only_long
def test_a_second_and_a_third_worker_get_their_shares(site: KinesisSite) -> None:
    site.feed()
    site.start_worker("first", kinesis=CALM)
    site.wait_until_shares(4)
    site.start_worker("second", kinesis=CALM)
    site.wait_until_shares(2, 2)
    site.start_worker("third", kinesis=CALM)
    site.wait_until_shares(1, 1, 2)
    site.wait_until_flowing()
    # All were handed over: nothing in flight was done twice.
    assert site.finish().repeated == ()
    assert not any(worker.events("lease.lost") for worker in site.workers)


@only_long
def test_a_worker_that_ends_gives_its_shards_to_the_other_at_once(site: KinesisSite) -> None:
    site.feed()
    first, _ = (site.start_worker(each, kinesis=CALM) for each in ("first", "second"))
    site.wait_until_shares(2, 2)
    site.wait_until_flowing()
    first.told_to_end()
    assert first.exit_code(30) == 0
    site.wait_until_shares(4)
    assert site.finish().repeated == ()


def test_a_killed_worker_s_shards_are_taken(site: KinesisSite) -> None:
    site.feed()
    first, _ = site.start_worker("first"), site.start_worker("second")
    site.wait_until_shares(2, 2)
    site.wait_until_flowing()
    first.kill()
    site.wait_until_shares(4)
    site.finish()


@only_long
def test_a_worker_that_was_killed_and_is_started_again_goes_on(site: KinesisSite) -> None:
    site.feed()
    for _ in range(3):
        worker = site.start_worker("worker")
        site.wait_until_shares(4)
        site.wait_until_flowing()
        worker.kill()
    site.start_worker("last")
    site.finish()


@only_long
def test_a_worker_that_stood_still_writes_nothing_ahead(site: KinesisSite) -> None:
    site.feed()
    first, _ = site.start_worker("first"), site.start_worker("second")
    site.wait_until_shares(2, 2)
    for _ in range(2):
        first.freeze()
        until(lambda: site.shares() == [4], 40, what="the other having all")
        site.wait_until_flowing()
        first.thaw()
        site.wait_until_shares(2, 2)
    site.finish()


@only_long
def test_a_thief_of_another_kind_is_believed(site: KinesisSite) -> None:
    """A KCL of version 2 or older asks nobody: it writes itself down as the owner."""
    site.feed()
    worker = site.start_worker()
    site.wait_until_shares(4)
    site.wait_until_flowing()
    key = min(site.rows())
    while not _steal(site, key):
        pass
    until(lambda: worker.events("lease.lost"), 20, what="the lease being lost")
    # The thief renews no more, so its lease expires, and the worker has it again.
    site.wait_until_shares(4)
    site.finish()


def _steal(site: KinesisSite, key: str) -> bool:
    counter = int(site.rows()[key]["leaseCounter"])
    try:
        site.dynamodb.update_item(
            TableName=site.table,
            Key={"leaseKey": {"S": key}},
            UpdateExpression="SET leaseOwner = :thief, leaseCounter = :next",
            ConditionExpression="leaseCounter = :seen",
            ExpressionAttributeValues={
                ":thief": {"S": "thief"},
                ":next": {"N": str(counter + 1)},
                ":seen": {"N": str(counter)},
            },
        )
    except site.dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True
