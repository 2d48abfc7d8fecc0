"""The worker as a process, with records that are too old by the topic's own timestamps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.samples import at_a_desk_and_in_ci
from worker.core.model import dead_letter_headers
from worker.local.traffic import make_traffic

if TYPE_CHECKING:
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

COUNT = 2000


@pytest.mark.parametrize("when_too_old", at_a_desk_and_in_ci(["dead_letter"], ["skip"]))
def test_an_old_backlog_is_put_aside_and_what_is_fresh_is_delivered(site: Site, when_too_old: str) -> None:
    """None of the old is sent, each of them is counted, and all of it is committed."""
    site.open_topic()
    limits = {"max_age_seconds": 3600, "when_too_old": when_too_old}
    site.start_worker(limits=limits, batching={"order": "freshest_first"})
    # Before a call has come through, nobody is judged.
    site.produce(100, seed=3)
    site.wait_until_committed()
    old = make_traffic(1, COUNT, int(time.time()))
    site.put(old.records, timestamp_ms=int(1000 * (time.time() - 7200)))
    fresh = site.produce(COUNT, seed=2)
    site.wait_until_committed()
    site.assert_kept()
    mapped = {each.event_id for each in old.produced}
    assert not mapped & site.endpoint.accepted_ids()
    kinds = [dict(each.headers() or ()) for each in site.kafka.read(site.names.dead_letters)]
    too_old = [each for each in kinds if each[dead_letter_headers.ERROR_CLASS] == b"too_old"]
    assert len(too_old) == (len(mapped) if when_too_old == "dead_letter" else 0)
    assert set(site.dead_letters().values()) >= fresh.unfit
