"""A committed offset is never ahead of the truth, whatever happens to worker and endpoint."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.support.site import CLIENT

if TYPE_CHECKING:
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

MOMENTS = 4


def assert_not_ahead(site: Site) -> None:
    """All that is committed is settled in truth; read in this order, since both only grow."""
    committed = site.committed()
    truth = site.first_unsettled()
    assert all(offset <= truth[partition] for partition, offset in committed.items()), (committed, truth)


def test_a_commit_is_never_ahead_of_the_truth(site: Site) -> None:
    """At random moments, while calls fail and the worker is killed and started again."""
    site.open_topic()
    site.endpoint.set_faults(fail=0.05, reset=0.05, lose=0.05, answer_seconds=0.2)
    moments = Random(11)  # noqa: S311  moments, not secrets
    # A static member: its successor takes its partitions over at once.
    kafka = {"commit_seconds": 0.1, "client": {**CLIENT, "group.instance.id": "one"}}
    for moment in range(MOMENTS):
        site.produce(800, seed=moment)
        worker = site.start_worker(f"worker-{moment}", kafka=kafka, personalize={"max_in_flight": 16})
        site.wait_until_accepted(site.endpoint.summary().accepted_events + moments.randint(50, 600))
        assert_not_ahead(site)
        # Dead, it is caught as it stands: what it would have delivered next can't make up for a commit.
        worker.kill()
        assert_not_ahead(site)
    site.endpoint.set_faults(fail=0, reset=0, lose=0, answer_seconds=0)
    site.start_worker("last", kafka=kafka)
    site.wait_until_committed()
    assert_not_ahead(site)
    site.assert_kept()
